import Aggregation
import EventStore
import UsageModel

/// What every report works on: the window, who and what it is about, and the events it asked for.
struct ReportScope {
  /// Which events a report reads.
  enum Reach {
    case window
    /// All history: what began before the window or ends after it counts too.
    case everything
    /// Only the uses of the window and before it: out of daily cells, where there are some.
    case adoption
    /// The window's events packed by feature, instead of as columns.
    case packed
    /// Events by person: the window's, those before it that may reach into one of its sessions, and all after it.
    case sessions
    /// Attempts of those who failed repeatedly: the window's, and whatever before and after it may stand in one
    /// episode with one of them.
    case episodes

    /// Whether what lies outside the window counts too.
    var isBeyondWindow: Bool {
      switch self {
      case .everything, .sessions, .episodes: true
      case .window, .adoption, .packed: false
      }
    }
  }

  /// What a report reads of tickets.
  enum TicketUse {
    case none
    /// Who called when, about what.
    case calls
    case all
  }

  let options: QueryOptions
  let bounds: WindowBounds
  let directory: PersonDirectory
  let population: Population
  let features: FeatureDirectory
  let keys: EventKeys
  let census: WindowCensus
  /// Empty unless the report asked for all of them.
  let tickets: [Ticket]
  /// Empty unless the report asked for tickets or there is no roster.
  let ticketCalls: [TicketCall]
  /// Empty unless the report loads numbers of sources, which take the names to order events.
  let sourceNames: [String]
  /// By member: whether `--where` chooses them.
  let isChosen: [Bool]
  /// By rank: whether `--app` and `--feature` choose the feature.
  let isSelected: [Bool]
  let columns: EventColumns
  /// Daily cells, if the report was content with them.
  let cells: (any DailyCellSource)?
  /// Uses of the window, and before it of those of whom they are expected, if that is all the report reads.
  var uses: AdoptionUses?
  /// The events, if the report reads them packed.
  var packed: PackedEventsSource?
  /// The events that decide about strike-outs, if the report reads those.
  var episodes: EpisodeEventsSource?
  /// The events by person, if the report reads them so.
  let sessions: SessionEventsSource?
  private(set) var warnings: [String]
  /// Entries of the store's name tables.
  let limits: (users: Int, features: Int, sources: Int)

  var window: Window { bounds.window }

  /// Entries of the store's source table, number 0 included.
  var sourceCount: Int { limits.sources }

  /// Loads what the report needs from one snapshot.
  ///
  /// - Parameters:
  ///   - selection: columns to load; packed events have theirs.
  ///   - ticketUse: what the report reads of tickets; without a roster at least ``ticketCalls``.
  /// - Throws: `QueryError` for options that cannot be met, and whatever reading the store throws.
  init(
    _ data: some UsageData, _ options: QueryOptions, reach: Reach,
    columns selection: EventColumns.Selection = [], tickets ticketUse: TicketUse = .all
  ) throws {
    try Self.check(options)
    self.options = options
    (bounds, warnings) = try Self.windowBounds(data, options)
    if reach.isBeyondWindow { try Self.refusePruned(data, around: bounds) }
    let people = try data.people()
    let hasRoster = people.rosterPersonCount > 0
    tickets = ticketUse == .all ? try data.tickets() : []
    switch ticketUse {
    case .all: ticketCalls = tickets.map(TicketCall.init)
    case .calls: ticketCalls = try data.ticketCalls()
    case .none: ticketCalls = hasRoster ? [] : try data.ticketCalls()
    }
    sourceNames = selection.contains(.sequence) ? try data.sourceNames() : []
    features = FeatureDirectory(storeNames: try data.featureNames(), catalog: try data.catalog())
    directory = PersonDirectory(people, requesters: ticketCalls.map(\.requester))
    limits = (people.personOfUser.count, features.rankOfNumber.count, max(1, try data.sourceCount()))
    let rosterPopulation = hasRoster ? Population(directory, window: bounds.window) : nil
    cells = reach == .adoption ? try data.dailyCells(of: bounds) : nil
    switch reach {
    case .adoption:
      let expected = Self.expectedHistory(rosterPopulation, features, directory, bounds.window)
      let uses = try Self.uses(
        data, cells, bounds, features, limits, expected: expected, gaps: try data.sequenceGaps())
      columns = EventColumns()
      census = WindowCensus(eventsOfUser: uses.eventsOfUser)
      self.uses = uses
      (packed, episodes, sessions) = (nil, nil, nil)
    case .window, .everything:
      columns = try Self.load(
        data, startingIn: reach == .everything ? nil : bounds.span, columns: selection, limits: limits)
      census = WindowCensus(
        columns, bounds: bounds, userCount: limits.users, rankOfFeature: features.rankOfNumber)
      (packed, episodes, sessions, uses) = (nil, nil, nil, nil)
    case .packed:
      let packed = try Self.pack(data, PackRequest(bounds: bounds, features: features, limits: limits))
      columns = EventColumns()
      census = packed.census
      (self.packed, episodes, sessions, uses) = (packed, nil, nil, nil)
    case .episodes:
      var request = PackRequest(bounds: bounds, features: features, limits: limits)
      request.range = try Self.episodeRange(data, bounds)
      let episodes = try Self.episodes(data, request, personOfUser: directory.personOfUser)
      columns = EventColumns()
      census = episodes.census
      (packed, self.episodes, sessions, uses) = (nil, episodes, nil, nil)
    case .sessions:
      var request = PackRequest(bounds: bounds, features: features, limits: limits)
      request.range = try Self.sessionRange(data, bounds)
      let sessions = try SessionEventsSource(try data.chunkFeed(nil), request)
      columns = EventColumns()
      census = sessions.census
      (packed, episodes, self.sessions, uses) = (nil, nil, sessions, nil)
    }
    population =
      if let rosterPopulation { rosterPopulation } else {
        Population(observed: Self.seenPeople(directory, census, ticketCalls, bounds), window: bounds.window)
      }
    let population = self.population
    keys = EventKeys(
      personOfUser: population.memberOfUser(directory),
      personCount: population.memberCount, rankOfFeature: features.rankOfNumber,
      appOfRank: features.appOfRank, appCount: features.apps.count)
    isChosen =
      options.filters.isEmpty
      ? Array(repeating: true, count: population.memberCount)
      : (0..<population.memberCount).map { member in
        options.filters.allSatisfy { filter in
          let table = population.attributes[filter.attribute]?.table
          return !filter.value.isEmpty
            && table?.rank(of: filter.value) == population.rank(of: filter.attribute, member: member)
        }
      }
    isSelected = features.isSelected(app: options.app, feature: options.feature)
    warnings += selectionWarnings()
    warnings += Self.damageWarnings(
      try data.damage(), reach.isBeyondWindow ? nil : bounds, options.zone)
    warnings += Self.dropWarnings(try data.kernelDrops(), bounds)
  }

  mutating func warn(_ text: String) { warnings.append(text) }

  /// Calls the body with each feature's cells, judged against its benchmark, by rank.
  func forEachFeature(_ source: BenchmarkSource, _ body: (FeatureCells) -> Void) {
    columns.forEachFeature(keys: keys, bounds: bounds, benchmark: source.benchmark, body: body)
  }

  /// People whose rows remember who they are: those that suppression may hide.
  var peopleKept: Int { options.minimumGroupSize }

  /// Attributes of people among `--by`, in order.
  var groupAttributes: [PersonAttribute] { options.groupBy.compactMap(\.personAttribute) }

  /// `--by` as columns: `feature` brings `app` along, just before it.
  var groupItems: [RowLayout.Item] {
    options.groupBy.flatMap { dimension -> [RowLayout.Item] in
      switch dimension {
      case .app: [.own(.app)]
      case .feature: options.groupBy.contains(.app) ? [.own(.feature)] : [.own(.app), .own(.feature)]
      default: dimension.personAttribute.map { [.person($0)] } ?? []
      }
    }
  }

  /// Catalog expectations by rank; observed features are expected of everyone when there is no catalog.
  func expectations(observed isUsed: [Bool]) -> [FeatureExpectation] {
    features.expectations(of: population, observed: isUsed, dayCount: window.dayCount)
  }

  /// Features, by rank, with a use event before the window's end; only asked for without a catalog.
  func observedFeatures(_ data: some UsageData, stopAtFirstSelected: Bool = false) throws -> [Bool] {
    var isUsed = [Bool](repeating: false, count: features.names.count)
    guard !features.hasCatalog else { return isUsed }
    if let uses { return uses.isUsed }
    if let loaded = packed?.isUsed ?? episodes?.isUsed ?? sessions?.isUsed {
      isUsed = loaded
    } else {
      columns.markUsedFeatures(&isUsed, keys: keys, bounds: bounds)
    }
    if stopAtFirstSelected, zip(isUsed, isSelected).contains(where: { $0 && $1 }) { return isUsed }
    if let cells = try data.dailyCells(of: bounds) {
      try visitInTurn(.history, of: cells) { $0.markUsedFeatures(&isUsed, keys: keys, window: window) }
    } else {
      let history = try history(data, columns: [.feature, .kind, .start])
      history.markUsedFeatures(&isUsed, keys: keys, bounds: bounds)
    }
    return isUsed
  }

  /// Chosen people with the role of a selected feature, but too few active days.
  func tooNewCount(_ expectations: [FeatureExpectation]) -> Int {
    var roles = ExpectedRoles.nobody
    for rank in expectations.indices where isSelected[rank] {
      roles = roles.union(expectations[rank].roles)
    }
    return (0..<population.memberCount).count { member in
      isChosen[member] && !isEligible(member) && roles.contains(roleNumber(ofMember: member))
    }
  }

  /// Active on enough days of the window to be expected of anything.
  func isEligible(_ member: Int) -> Bool {
    population.activeDays[member] >= Population.activeDaysMin(dayCount: window.dayCount)
  }

  /// A member's role as kernels number it: -1 for none.
  func roleNumber(ofMember member: Int) -> Int32 {
    Population.roleNumber(ofRank: population.rank(of: .role, member: member))
  }

  /// The totals that every report has.
  func totals(tooNew: Int, suppressed: Int) -> [ReportField] {
    var outsidePeople: Set<Int32> = []
    var outsideEvents: Int64 = 0
    for (user, count) in census.eventsOfUser.enumerated()
    where count > 0 && keys.personOfUser[user] == EventKeys.none {
      outsidePeople.insert(directory.personOfUser[user])
      outsideEvents += count
    }
    return [
      ReportField("people", ReportValue(count: isChosen.count { $0 })),
      ReportField("outside_people", ReportValue(count: outsidePeople.count)),
      ReportField("outside_events", .integer(outsideEvents)),
      ReportField("too_new", ReportValue(count: tooNew)),
      ReportField("suppressed", ReportValue(count: suppressed)),
    ]
  }

  /// By member: whether they have an event in the window.
  var isObserved: [Bool] {
    var observed = [Bool](repeating: false, count: population.memberCount)
    for (user, count) in census.eventsOfUser.enumerated() where count > 0 {
      let member = Int(keys.personOfUser[user])
      if member >= 0 { observed[member] = true }
    }
    return observed
  }
}

extension ReportScope {
  private static func check(_ options: QueryOptions) throws(QueryError) {
    if options.groupBy.contains(.manager), !options.namesAllowed {
      throw .purposeNeeded(option: "--by manager")
    }
    if case .days(let window) = options.window, window.dayCount == 0 {
      throw .emptyWindow(from: window.from.description, to: window.to.description)
    }
  }

  /// The window asked for, or the last days up to the newest event's day that is not after today.
  static func windowBounds(
    _ data: some UsageData, _ options: QueryOptions
  ) throws -> (WindowBounds, [String]) {
    switch options.window {
    case .days(let window): return (WindowBounds(window: window, rules: options.zone), [])
    case .last(let dayCount):
      let today = options.zone.day(of: options.nowMilliseconds)
      let tomorrow = WindowBounds(
        window: Window(from: today, to: today.advanced(by: 1)), rules: options.zone
      ).span.upperBound
      let newest = try data.newestEventMilliseconds(before: tomorrow).map(options.zone.day)
      let newestTicket =
        newest == nil
        ? try data.ticketCalls().lazy.map(\.openedMilliseconds).filter { $0 < tomorrow }.max() : nil
      let lastDay = newest ?? newestTicket.map(options.zone.day)
      let to = (lastDay ?? today).advanced(by: 1)
      let window = Window(from: to.advanced(by: -dayCount), to: to)
      let warnings =
        newest == nil && lastDay != nil
        ? ["no event is stored up to today (\(today)); the window ends with the newest ticket's day"]
        : newestDayWarning(newest: newest, today: today)
      return (WindowBounds(window: window, rules: options.zone), warnings)
    }
  }

  private static func newestDayWarning(newest: CivilDay?, today: CivilDay) -> [String] {
    guard let newest else {
      return ["no event is stored up to today (\(today)); the window ends today"]
    }
    guard newest < today.advanced(by: -1) else { return [] }
    return [
      "the newest event is of \(newest), before yesterday; the window ends there, "
        + "and an end of collection can look like a change of behaviour"
    ]
  }

  /// By person: seen in events of the window, or as requester of one of its tickets.
  private static func seenPeople(
    _ directory: PersonDirectory, _ census: WindowCensus, _ calls: [TicketCall], _ bounds: WindowBounds
  ) -> [Bool] {
    var isSeen = [Bool](repeating: false, count: directory.names.count)
    for (user, count) in census.eventsOfUser.enumerated() where count > 0 {
      isSeen[Int(directory.personOfUser[user])] = true
    }
    var test = WindowTest(bounds)
    for (call, person) in zip(calls, directory.personOfTicket)
    where !call.requester.isEmpty && test.contains(call.openedMilliseconds) {
      isSeen[Int(person)] = true
    }
    return isSeen
  }

  /// Says what is missing from the window (from all history when nil) because it cannot be read.
  private static func damageWarnings(
    _ damage: [DataDamage], _ bounds: WindowBounds?, _ zone: ZoneRules
  ) -> [String] {
    let met = damage.filter { item in bounds.map { item.span.overlaps(ClosedRange($0.span)) } ?? true }
    guard let first = met.map(\.span.lowerBound).min(), let last = met.map(\.span.upperBound).max() else {
      return []
    }
    let events = met.reduce(0) { $0 + $1.eventCount }
    return [
      "\(events) events between \(zone.day(of: first)) and \(zone.day(of: last)) are damaged and missing "
        + "here; waterline doctor tells more"
    ]
  }

  /// One warning for each socket at which the kernel dropped datagrams in an hour of the window.
  private static func dropWarnings(_ drops: [KernelDrops], _ bounds: WindowBounds) -> [String] {
    let met = drops.filter {
      $0.hourMilliseconds < bounds.span.upperBound
        && $0.hourMilliseconds + KernelDrops.hourMilliseconds > bounds.span.lowerBound
    }
    return Dictionary(grouping: met, by: \.transport).sorted { $0.key < $1.key }.map { transport, hours in
      let count = hours.reduce(0) { $0 + $1.count }
      return
        "the kernel dropped \(count) datagrams at the socket \(transport) in the window: events may be missing"
    }
  }

  /// Names that choose nothing, with near ones; people's names are never suggested.
  private func selectionWarnings() -> [String] {
    var warnings: [String] = []
    if let app = options.app, features.appTable.rank(of: app) == nil {
      warnings.append("--app: \"\(app)\" is unknown\(NearNames.hint(for: app, among: features.apps))")
    } else if let feature = options.feature, !isSelected.contains(true) {
      let known = features.names.compactMap { name in
        options.app.map { $0.hasSameBytes(as: name.app) } ?? true ? name.feature : nil
      }
      warnings.append("--feature: \"\(feature)\" is unknown\(NearNames.hint(for: feature, among: known))")
    }
    for filter in options.filters {
      let table = population.attributes[filter.attribute]?.table
      guard filter.value.isEmpty || table?.rank(of: filter.value) == nil else { continue }
      let known = filter.attribute == .manager ? [] : table?.values.compactMap { $0 } ?? []
      warnings.append(
        "--where: nobody in the window has \(filter.attribute.rawValue) \"\(filter.value)\""
          + NearNames.hint(for: filter.value, among: known))
    }
    return warnings
  }
}
