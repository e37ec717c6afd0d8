import Aggregation
import UsageModel

extension UsageReports {
  private static let versionNames = ["people", "people_share", "first_seen", "most_used", "behind"]
  private static let laggardNames = ["people", "behind", "behind_share", "most_used_version"]

  /// People per version and application, behind or not; columns of people of `--by` stand in front.
  ///
  /// A person is on the version of their newest event of the window that carries one. The most used version
  /// is that of all of P: a group is behind the organisation, not behind itself.
  package static func versions(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    try refuse([.user], in: options, report: "rot-versions", because: "use --laggards to name people")
    let survey = try VersionSurvey(data, options)
    let scope = survey.scope
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(
      scope.groupAttributes.map(RowLayout.Item.person) + [.own(.app), .own(.version)], groups: groups,
      features: scope.features, versions: survey.table)
    let found = survey.rows(groups, peopleKept: scope.peopleKept).map { row in
      ReportRow(
        key: layout.key(
          group: row.group, app: row.release.app + 1, version: survey.rank(of: row.release.version)),
        people: row.people,
        values: [
          ReportValue(count: row.people.count),
          ReportValue(share(Int64(row.people.count), of: Int64(row.ofPeople))),
          ReportValue(survey.firstDay(row.release)), .boolean(survey.isMostUsed(row.release)),
          .boolean(survey.isBehind(row.release)),
        ])
    }
    return try versionDocument(
      "rot-versions", data, survey, layout, names: versionNames, found: found,
      total: ReportField("behind", survey.behindTotal))
  }

  /// How many people are behind, per group and application; `--by user` names them, which needs a purpose.
  package static func laggards(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    if options.groupBy.contains(.user) { return try laggardsByUser(data, options) }
    let survey = try VersionSurvey(data, options)
    let scope = survey.scope
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(
      scope.groupAttributes.map(RowLayout.Item.person) + [.own(.app)], groups: groups,
      features: scope.features)
    let found = survey.laggards(groups, peopleKept: scope.peopleKept).map { row in
      ReportRow(
        key: layout.key(group: row.group, app: row.app + 1), people: row.people,
        values: [
          ReportValue(count: row.people.count), .integer(row.behind),
          ReportValue(share(row.behind, of: Int64(row.people.count))),
          ReportValue(survey.mostUsedName(app: row.app)),
        ])
    }
    return try versionDocument(
      "rot-laggards", data, survey, layout, names: laggardNames, found: found,
      total: ReportField("behind", survey.behindTotal))
  }

  private static func laggardsByUser(
    _ data: some UsageData, _ options: QueryOptions
  ) throws -> ReportDocument {
    guard options.namesAllowed else { throw QueryError.purposeNeeded(option: "--by user") }
    var plain = options
    plain.groupBy = []
    let survey = try VersionSurvey(data, plain)
    let scope = survey.scope
    let layout = RowLayout(
      [], groups: PersonGroups([], population: scope.population, isChosen: scope.isChosen),
      features: scope.features)
    var document = try versionDocument(
      "rot-laggards", data, survey, layout, names: [], found: [],
      total: ReportField("behind", survey.behindTotal))
    document.columns = ["user", "app", "version", "first_seen", "most_used_version"]
    document.rows = survey.behindSeats().map { seat in
      let release = VersionSpread.Release(app: seat.app, version: seat.version)
      return [
        .text(seat.name), .text(scope.features.apps[Int(seat.app)]), .text(survey.labels[Int(seat.version)]),
        ReportValue(survey.firstDay(release)), ReportValue(survey.mostUsedName(app: seat.app)),
      ]
    }
    return document
  }

  private static func versionDocument(
    _ name: String, _ data: some UsageData, _ survey: VersionSurvey, _ layout: RowLayout, names: [String],
    found: [ReportRow], total: ReportField
  ) throws -> ReportDocument {
    let scope = survey.scope
    let rows = ReportRows(found, columns: layout.columns, minimumPeople: scope.options.minimumGroupSize)
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    var warnings = scope.warnings
    if survey.spread.versionOfSeat.isEmpty {
      warnings.append("no event of the window carries a version: senders must fill `version`")
    }
    if total.value == .null {
      warnings.append(
        "the total of people behind is null: it is about fewer than \(scope.options.minimumGroupSize) people")
    }
    return document(
      name, scope: scope, columns: layout.columns, valueNames: names, rows: rows,
      totals: scope.totals(tooNew: scope.tooNewCount(expectations), suppressed: rows.suppressedCount)
        + [total], warnings: warnings)
  }
}

/// People and versions of one window.
private struct VersionSurvey {
  struct Row {
    var group: Int32
    var release: VersionSpread.Release
    /// People of the group in the application, whatever their version.
    var ofPeople = 0
    var people = RowPeople()
  }

  struct Laggards {
    var group: Int32
    var app: Int32
    var behind: Int64 = 0
    var people = RowPeople()
  }

  struct Seat {
    var name: String
    var app: Int32
    var version: UInt32
  }

  private struct GroupApp: Hashable {
    var group: Int32
    var app: Int32
  }

  private struct GroupRelease: Hashable {
    var group: Int32
    var release: VersionSpread.Release
  }

  let scope: ReportScope
  let spread: VersionSpread
  let labels: [String]
  /// The labels that are versions, in byte order.
  let table: ValueTable
  private var mostUsed: [Int32: UInt32] = [:]
  private let isAppSelected: [Bool]

  init(_ data: some UsageData, _ options: QueryOptions) throws {
    if let feature = options.feature {
      throw QueryError.badOption(
        option: "--feature", given: feature, expected: "--app instead: versions belong to applications")
    }
    let scope = try ReportScope(
      data, options, reach: .window, columns: [.user, .feature, .kind, .start, .version])
    let history = try scope.history(data, columns: [.feature, .start, .version])
    let labels = try data.labelNames()
    guard [scope.columns, history].allSatisfy({ $0.version.allSatisfy { Int($0) < max(1, labels.count) } })
    else { throw QueryError.inconsistentStore }
    let isVersion = Set(history.version).union(scope.columns.version).subtracting([0])
    let table = ValueTable(isVersion.map { labels[Int($0)] })
    var spread = VersionSpread(rankOfLabel: labels.map { table.rank(of: $0) ?? 0 })
    spread.addHistory(history, keys: scope.keys, bounds: scope.bounds)
    spread.addHistory(scope.columns, keys: scope.keys, bounds: scope.bounds)
    spread.addWindow(scope.columns, keys: scope.keys, bounds: scope.bounds)
    var isAppSelected = [Bool](repeating: false, count: scope.keys.appCount)
    for (rank, app) in scope.keys.appOfRank.enumerated() where scope.isSelected[rank] {
      isAppSelected[Int(app)] = true
    }
    self.scope = scope
    self.spread = spread
    self.labels = labels
    self.table = table
    self.isAppSelected = isAppSelected
    mostUsed = Self.mostUsed(spread)
  }

  private static func mostUsed(_ spread: VersionSpread) -> [Int32: UInt32] {
    var people: [Int32: [UInt32: Int]] = [:]
    for (seat, place) in spread.versionOfSeat {
      people[seat.app, default: [:]][place.version, default: 0] += 1
    }
    var found: [Int32: UInt32] = [:]
    for (app, counts) in people { found[app] = spread.mostUsed(app: app, people: counts) }
    return found
  }

  func rank(of version: UInt32) -> Int32 { table.rank(of: labels[Int(version)]) ?? 0 }

  func firstDay(_ release: VersionSpread.Release) -> String? {
    spread.firstSeen[release].map { "\(scope.bounds.rules.day(of: $0))" }
  }

  func isMostUsed(_ release: VersionSpread.Release) -> Bool { mostUsed[release.app] == release.version }

  func isBehind(_ release: VersionSpread.Release) -> Bool {
    mostUsed[release.app].map { spread.isBehind(release.version, $0, app: release.app) } ?? false
  }

  func mostUsedName(app: Int32) -> String? { mostUsed[app].map { labels[Int($0)] } }

  /// Chosen people in selected applications, in the order of people.
  private var seats: [(person: Int32, release: VersionSpread.Release)] {
    spread.versionOfSeat.filter { seat, _ in
      scope.isChosen[Int(seat.person)] && isAppSelected[Int(seat.app)]
    }.map { ($0.person, VersionSpread.Release(app: $0.app, version: $1.version)) }
      .sorted { ($0.person, $0.release.app) < ($1.person, $1.release.app) }
  }

  func rows(_ groups: PersonGroups, peopleKept: Int) -> [Row] {
    var rows: [GroupRelease: Row] = [:]
    var totals: [GroupApp: Int] = [:]
    for seat in seats {
      let group = groups.groupOfMember[Int(seat.person)]
      rows[
        GroupRelease(group: group, release: seat.release), default: Row(group: group, release: seat.release)
      ].people.insert(seat.person, below: peopleKept)
      totals[GroupApp(group: group, app: seat.release.app), default: 0] += 1
    }
    return rows.values.map { row in
      var row = row
      row.ofPeople = totals[GroupApp(group: row.group, app: row.release.app)] ?? 0
      return row
    }
  }

  func laggards(_ groups: PersonGroups, peopleKept: Int) -> [Laggards] {
    var rows: [GroupApp: Laggards] = [:]
    for seat in seats {
      let key = GroupApp(group: groups.groupOfMember[Int(seat.person)], app: seat.release.app)
      var row = rows[key] ?? Laggards(group: key.group, app: key.app)
      row.people.insert(seat.person, below: peopleKept)
      row.behind += isBehind(seat.release) ? 1 : 0
      rows[key] = row
    }
    return Array(rows.values)
  }

  /// Distinct chosen people who are behind in some selected application; null when too few people have a
  /// version at all.
  var behindTotal: ReportValue {
    let people = Set(seats.map(\.person))
    let minimum = scope.options.minimumGroupSize
    if minimum > 1, people.count < minimum { return .null }
    return ReportValue(count: Set(seats.filter { isBehind($0.release) }.map(\.person)).count)
  }

  /// People behind, by name and application.
  func behindSeats() -> [Seat] {
    seats.filter { isBehind($0.release) }.map { seat in
      let person = scope.population.personOfMember[Int(seat.person)]
      return Seat(
        name: scope.directory.names[Int(person)], app: seat.release.app, version: seat.release.version)
    }
    .sorted {
      $0.name.hasSameBytes(as: $1.name) ? $0.app < $1.app : $0.name.precedesByBytes($1.name)
    }
  }
}
