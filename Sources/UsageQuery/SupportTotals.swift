import Aggregation
import UsageModel

/// The totals of the support report, with the reasons for those that cannot be had.
struct SupportTotals {
  private(set) var fields: [ReportField] = []
  private var namesOfReason: [(reason: String, names: [String])] = []
  private let minimumPeople: Int

  init(
    _ scope: ReportScope, _ tickets: SupportTickets, _ measures: SupportMeasures, rates: CostRates?
  ) {
    minimumPeople = scope.options.minimumGroupSize
    let figures = tickets.figures(peopleKept: scope.peopleKept)
    addDesk(figures, tickets)
    addConcentration(Self.concentration(scope, tickets, measures), scope, figures)
    addUse(figures, measures)
    addStrikes(measures.strikes, behind: figures.people.count)
    addFriction(measures)
    addCost(rates, figures, measures)
  }

  /// Why fields are null, for the report's warnings.
  var warnings: [String] {
    namesOfReason.map { "\($0.names.joined(separator: ", ")) null: \($0.reason)" }
  }

  /// Tickets, effort and lost time of all chosen people, in the byte order of their names.
  static func concentration(
    _ scope: ReportScope, _ tickets: SupportTickets, _ measures: SupportMeasures
  ) -> Concentration {
    var people = measures.lostOfMember.map { lost in
      var person = Concentration.Person()
      person.lostMilliseconds = lost
      return person
    }
    for entry in tickets.opened where entry.member >= 0 {
      people[Int(entry.member)].tickets += 1
      people[Int(entry.member)].effortMinutes += entry.ticket.effortMinutes ?? 0
    }
    let names = scope.population.personOfMember.map { Utf8Key(scope.directory.names[Int($0)]) }
    let order = people.indices.filter { scope.isChosen[$0] }.sorted { names[$0] < names[$1] }
    return Concentration(order.map { people[$0] })
  }

  /// Whether figures about so many people are withheld; about nobody there is nothing to withhold.
  static func isWithheld(_ count: Int, minimumPeople: Int) -> Bool {
    minimumPeople > 1 && count > 0 && count < minimumPeople
  }

  private mutating func add(
    _ name: String, _ value: ReportValue, behind count: Int, nullBecause reason: String = ""
  ) {
    let isWithheld = Self.isWithheld(count, minimumPeople: minimumPeople)
    let shown = isWithheld ? ReportValue.null : value
    fields.append(ReportField(name, shown))
    guard shown == .null else { return }
    let why = isWithheld ? "about fewer than \(minimumPeople) people" : reason
    if let place = namesOfReason.firstIndex(where: { $0.reason == why }) {
      namesOfReason[place].names.append(name)
    } else {
      namesOfReason.append((why, [name]))
    }
  }

  private mutating func addDesk(_ figures: DeskFigures, _ tickets: SupportTickets) {
    let count = figures.people.count
    add("tickets", .integer(figures.tickets), behind: count)
    add("requesters", ReportValue(count: tickets.requesterCount), behind: count)
    add("unrostered_tickets", .integer(tickets.unrosteredCount), behind: 0)
    for (name, value) in zip(SupportDesk.names, SupportDesk.values(figures)).dropFirst(2) {
      add(name, value, behind: count, nullBecause: SupportDesk.reason(forNull: name))
    }
  }

  private mutating func addConcentration(
    _ concentration: Concentration, _ scope: ReportScope, _ figures: DeskFigures
  ) {
    let chosen = scope.isChosen.count { $0 }
    let count = Self.isWithheld(chosen, minimumPeople: minimumPeople) ? chosen : figures.people.count
    let (top, total) = (concentration.top, concentration.total)
    let share = { (part: Int64, whole: Int64) in
      whole > 0 ? ReportValue.number(Double(part) / Double(whole)) : .null
    }
    add("top5_people", ReportValue(count: concentration.topCount), behind: 0)
    add(
      "top5_share", share(top.tickets, total.tickets), behind: count,
      nullBecause: "nobody of the population opened a ticket")
    add(
      "top5_effort_share", share(top.effortMinutes, total.effortMinutes), behind: count,
      nullBecause: "no ticket of the population carries effort")
    add(
      "top5_lost_share", share(top.lostMilliseconds, total.lostMilliseconds), behind: count,
      nullBecause: "no time was lost")
    add(
      "gini", ReportValue(concentration.gini), behind: count,
      nullBecause: "under two people, or nobody of the population opened a ticket")
  }

  private mutating func addUse(_ figures: DeskFigures, _ measures: SupportMeasures) {
    let count = measures.people.count
    add("attempts", .integer(measures.attempts), behind: count)
    let both = Self.isWithheld(count, minimumPeople: minimumPeople) ? count : figures.people.count
    add(
      "touched",
      measures.attempts > 0 ? .number(Double(figures.tickets) / Double(measures.attempts)) : .null,
      behind: both, nullBecause: "no attempts")
    add("lost_ms", .integer(measures.lostMilliseconds), behind: count)
  }

  private mutating func addStrikes(_ strikes: [Int64], behind count: Int) {
    var values = strikes
    add(
      "strikes_median", ReportValue(Quantile.median.select(from: &values)), behind: count,
      nullBecause: "nobody of the population opened a ticket")
    for number in Int64(0)..<5 {
      add("strikes_\(number)", ReportValue(count: strikes.count { $0 == number }), behind: count)
    }
    add("strikes_5_or_more", ReportValue(count: strikes.count { $0 >= 5 }), behind: count)
  }

  private mutating func addFriction(_ measures: SupportMeasures) {
    let friction = measures.total
    let count = friction.people.count
    add("friction_events", .integer(friction.events), behind: count)
    add("friction_ms", .integer(friction.lostMilliseconds), behind: count)
    add("above_ms", .integer(friction.aboveMilliseconds), behind: count)
    add("silent_ms", .integer(friction.silentMilliseconds), behind: count)
    add(
      "silent", ReportValue(friction.silentShare), behind: count, nullBecause: "friction took no time")
    add("silent_count", ReportValue(friction.silentEventShare), behind: count, nullBecause: "no friction")
    add("slow_ms", .integer(friction.slowMilliseconds), behind: count)
  }

  private mutating func addCost(_ rates: CostRates?, _ figures: DeskFigures, _ measures: SupportMeasures) {
    guard let rates else { return }
    fields += rates.fields
    add(
      "cost_lost", .number(rates.cost(lostMilliseconds: measures.lostMilliseconds)),
      behind: measures.people.count)
    add("cost_tickets", .number(rates.cost(tickets: figures.tickets)), behind: figures.people.count)
  }
}
