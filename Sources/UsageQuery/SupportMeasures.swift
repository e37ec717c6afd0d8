import Aggregation
import UsageModel

/// What the chosen people's events say about support: lost time, friction and strikes before a call.
struct SupportMeasures {
  /// By member: lost time in the selected applications.
  private(set) var lostOfMember: [Int64]
  private(set) var attempts: Int64 = 0
  /// Chosen people with an event in the selected applications.
  private(set) var people = RowPeople()
  private(set) var friction: FrictionTally
  /// Failed attempts before each ticket of a chosen person.
  let strikes: [Int64]

  private let scope: ReportScope
  private var isCounted: [Bool]

  /// - Throws: whatever reading the store throws.
  init(_ data: some UsageData, _ scope: ReportScope, _ tickets: SupportTickets, reach: ReportScope.Reach)
    throws
  {
    self.scope = scope
    lostOfMember = [Int64](repeating: 0, count: scope.population.memberCount)
    isCounted = [Bool](repeating: false, count: scope.population.memberCount)
    friction = Self.frictionTally(scope, tickets, level: .all)
    friction.add(scope.columns, bounds: scope.bounds)
    strikes = try Self.strikes(data, scope, tickets, reach: reach)
  }

  static func frictionTally(
    _ scope: ReportScope, _ tickets: SupportTickets, level: FrictionTally.Level
  ) -> FrictionTally {
    FrictionTally(
      keys: scope.keys, tickets: tickets.ofChosen, isChosen: scope.isChosen, isSelected: scope.isSelected,
      level: level, peopleKept: scope.peopleKept)
  }

  /// Adds a feature's cells.
  mutating func add(_ feature: FeatureCells) {
    friction.add(feature)
    guard scope.isSelected[feature.rank] else { return }
    for cell in feature.cells where scope.isChosen[Int(cell.person)] {
      lostOfMember[Int(cell.person)] +=
        cell.failedMilliseconds + cell.slowMilliseconds + cell.helpMilliseconds
        + cell.interruptionMilliseconds
      attempts += cell.attempts
      if !isCounted[Int(cell.person)] {
        isCounted[Int(cell.person)] = true
        people.insert(cell.person, below: scope.peopleKept)
      }
    }
  }

  var lostMilliseconds: Int64 { lostOfMember.reduce(0, +) }

  /// All friction together.
  var total: Friction { friction.rows.first ?? Friction(unit: 0) }

  private static func strikes(
    _ data: some UsageData, _ scope: ReportScope, _ tickets: SupportTickets, reach: ReportScope.Reach
  ) throws -> [Int64] {
    var isCaller = [Bool](repeating: false, count: scope.population.memberCount)
    let calls = tickets.opened.filter { $0.member >= 0 }
    for call in calls { isCaller[Int(call.member)] = true }
    var strikes = StrikesBeforeCall(isCaller: isCaller)
    strikes.add(scope.columns, keys: scope.keys)
    if reach == .window, !calls.isEmpty {
      let start = scope.bounds.span.lowerBound
      let early = try scope.events(
        data, startingIn: start - PersonTickets.reachMilliseconds..<start,
        columns: [.user, .feature, .kind, .outcome, .start])
      strikes.add(early, keys: scope.keys)
    }
    strikes.sort()
    return calls.map {
      strikes.count(person: $0.member, app: $0.app, beforeMilliseconds: $0.ticket.openedMilliseconds)
    }
  }
}
