import Aggregation
import UsageModel

/// The tickets that the support report is about, and who opened them.
struct SupportTickets {
  /// A ticket with its requester.
  struct Entry {
    let ticket: Ticket
    /// The requester among all people; tickets without a name share one.
    let person: Int32
    /// The requester in the population, or `EventKeys.none`.
    let member: Int32
    /// Index of the application, or as `PersonTickets` says.
    let app: Int32
  }

  /// Opened in the window, as `--app` and `--where` choose.
  private(set) var opened: [Entry] = []
  /// Opened before the window's end and not resolved before it, with civil days of age.
  private(set) var backlog: [(entry: Entry, ageDays: Int64)] = []
  /// Opened in the window by nobody of the population; `--app` chooses, `--where` does not.
  private(set) var unrosteredCount: Int64 = 0
  /// All tickets of the chosen people, whenever opened.
  private(set) var ofChosen: PersonTickets
  /// Those opened in the window.
  private(set) var openedByChosen: PersonTickets

  init(_ scope: ReportScope) {
    ofChosen = PersonTickets(personCount: scope.population.memberCount)
    openedByChosen = ofChosen
    var test = WindowTest(scope.bounds)
    for (number, ticket) in scope.tickets.enumerated() {
      let person = scope.directory.personOfTicket[number]
      let entry = Entry(
        ticket: ticket, person: person, member: scope.population.memberOfPerson[Int(person)],
        app: Self.app(of: ticket, scope.features))
      add(entry, number: number, isOpened: test.contains(ticket.openedMilliseconds), scope)
    }
    ofChosen.sort()
    openedByChosen.sort()
  }

  /// Different named requesters of the tickets opened in the window.
  var requesterCount: Int {
    Set(opened.lazy.filter { !$0.ticket.requester.isEmpty }.map(\.person)).count
  }

  /// Tickets and backlog together.
  func figures(peopleKept: Int) -> DeskFigures {
    var figures = DeskFigures()
    for entry in opened { figures.add(entry.ticket, person: entry.member, peopleKept: peopleKept) }
    for (entry, age) in backlog {
      figures.addToBacklog(ageDays: age, person: entry.member, peopleKept: peopleKept)
    }
    return figures
  }

  private mutating func add(_ entry: Entry, number: Int, isOpened: Bool, _ scope: ReportScope) {
    let isChosen = entry.member >= 0 && scope.isChosen[Int(entry.member)]
    if isChosen {
      let moment = PersonTickets.Entry(
        openedMilliseconds: entry.ticket.openedMilliseconds, app: entry.app,
        number: Int32(truncatingIfNeeded: number))
      ofChosen.add(moment, person: entry.member)
      if isOpened { openedByChosen.add(moment, person: entry.member) }
    }
    if let wanted = scope.options.app, !(entry.ticket.app ?? "").hasSameBytes(as: wanted) { return }
    if isOpened, entry.member < 0 { unrosteredCount += 1 }
    guard isChosen || scope.options.filters.isEmpty else { return }
    if isOpened { opened.append(entry) }
    if let age = Self.backlogAge(of: entry.ticket, scope) { backlog.append((entry, age)) }
  }

  /// Civil days from the opening to the window's last day; nil when the ticket was not open at its end.
  private static func backlogAge(of ticket: Ticket, _ scope: ReportScope) -> Int64? {
    let zone = scope.options.zone
    let openedDay = zone.day(of: ticket.openedMilliseconds)
    guard openedDay < scope.window.to else { return nil }
    if let resolved = ticket.resolvedMilliseconds, zone.day(of: resolved) < scope.window.to { return nil }
    return Int64(scope.window.to.number) - 1 - Int64(openedDay.number)
  }

  private static func app(of ticket: Ticket, _ features: FeatureDirectory) -> Int32 {
    guard let name = ticket.app, !name.isEmpty else { return PersonTickets.noApp }
    return features.appTable.rank(of: name).map { $0 - 1 } ?? PersonTickets.unknownApp
  }

  /// A warning when tickets thin out well before the window's end: the extract ended, not the demand.
  ///
  /// The practical end is the last day with at least a tenth of the busiest day's tickets.
  static func endWarnings(_ scope: ReportScope) -> [String] {
    var countOfDay: [Int32: Int] = [:]
    for ticket in scope.tickets {
      let day = scope.options.zone.day(of: ticket.openedMilliseconds)
      if day < scope.window.to { countOfDay[day.number, default: 0] += 1 }
    }
    let total = countOfDay.values.reduce(0, +)
    guard let busiest = countOfDay.values.max(),
      let end = countOfDay.filter({ $0.value * 10 >= busiest }).keys.max(),
      Int(end) + quietDaysMax < Int(scope.window.to.number) - 1
    else { return [] }
    let later = countOfDay.filter { $0.key > end }.values.reduce(0, +)
    return [
      "tickets practically end with \(CivilDay(number: end)): \(later) of \(total) were opened later, "
        + "before the window's end; the end of an extract looks like a fall in demand"
    ]
  }

  /// Days with few tickets at the window's end that are nothing unusual: a week.
  private static let quietDaysMax = 7
}
