import Aggregation
import UsageModel

extension UsageReports {
  private static let erosionNames = [
    "people", "face_ms", "lost_ms", "failed_ms", "slow_ms", "help_ms", "interruption_ms", "erosion", "points",
    "unjudged", "face_time", "low", "high",
  ]

  /// Application time lost, decomposed, with an interval over people.
  ///
  /// Face time belongs to applications, so features neither group nor choose rows.
  package static func erosion(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    try refuse([.user], in: options, report: "erosion", because: noSinglePeople)
    let reason = "since face time belongs to applications; use bottlenecks for features"
    try refuse([.feature], in: options, report: "erosion", because: reason)
    if let feature = options.feature {
      throw QueryError.badOption(
        option: "--feature", given: feature,
        expected: "--app instead: face time belongs to applications; use bottlenecks for features")
    }
    // Of pruned days all is known but slowness.
    let isPruned = try ReportScope.isPruned(data, options)
    let scope = try ReportScope(
      data, options, reach: isPruned ? .adoption : .packed, columns: timeColumns, tickets: .none)
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(scope.groupItems, groups: groups, features: scope.features)
    let source = BenchmarkSource(options.benchmark, features: scope.features)
    let level: ErosionTally.Level = options.groupBy.contains(.app) ? .app : .all
    let parts = try scope.measureFeatures(
      source, tally: { erosionTally(scope, groups, level: level) }, add: { $0.add($1) })
    var tally = parts[0]
    if let cells = scope.cells {
      var times = DailyTimes(keys: scope.keys, window: scope.window)
      try scope.visitInTurn(.times, of: cells) { times.add($0) }
      times.forEachApp { tally.add($0) }
    }
    for part in parts.dropFirst() { tally.absorb(part) }
    tally.finish()
    let rates = try CostRates(data)
    var found = tally.rows.map { row in
      var found = erosionRow(row, tally.chosenFaceMilliseconds, layout)
      found.values += CostRates.values(rates, lostMilliseconds: row.lost.milliseconds)
      if scope.cells != nil { found.values = withoutSlowTime(found.values) }
      return found
    }
    if found.isEmpty && options.groupBy.isEmpty {
      found.append(emptyErosionRow(layout))
      found[0].values += CostRates.values(rates, lostMilliseconds: 0)
    }
    let rows = ReportRows(found, columns: layout.columns, minimumPeople: options.minimumGroupSize)
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    return document(
      "erosion", scope: scope, columns: layout.columns, valueNames: erosionNames + CostRates.lostNames(rates),
      rows: rows,
      totals: scope.totals(
        tooNew: scope.tooNewCount(expectations), suppressed: rows.suppressedCount)
        + [ReportField("benchmark", .text(source.name))] + (rates?.fields ?? []),
      warnings: scope.warnings
        + (scope.cells == nil ? erosionWarnings(rows.values) : [slowTimeIsPruned])
        + (try CostRates.warnings(data)))
  }

  private static let slowTimeIsPruned =
    "lost_ms, slow_ms, erosion, points, unjudged, low and high, and costs, are null: they need single events, and "
    + "retention deleted those of days of the window"

  /// A row without what slowness is part of.
  private static func withoutSlowTime(_ values: [ReportValue]) -> [ReportValue] {
    let known: Set<String> = ["people", "face_ms", "failed_ms", "help_ms", "interruption_ms", "face_time"]
    return values.enumerated().map { place, value in
      place < erosionNames.count && known.contains(erosionNames[place]) ? value : .null
    }
  }

  /// A tally of the chosen people over the selected applications.
  static func erosionTally(
    _ scope: ReportScope, _ groups: PersonGroups, level: ErosionTally.Level
  ) -> ErosionTally {
    var isSelected = [Bool](repeating: false, count: scope.keys.appCount)
    for (rank, app) in scope.keys.appOfRank.enumerated() where scope.isSelected[rank] {
      isSelected[Int(app)] = true
    }
    return ErosionTally(
      keys: scope.keys, groupOfPerson: groups.groupOfMember, groupCount: groups.count, level: level,
      isSelected: isSelected, peopleKept: scope.peopleKept)
  }

  private static func erosionRow(_ row: Erosion, _ face: Int64, _ layout: RowLayout) -> ReportRow {
    let app = row.app.map { Int32(truncatingIfNeeded: $0) + 1 } ?? 0
    let bounds = row.interval.bounds
    return ReportRow(
      key: layout.key(group: row.group, app: app), people: row.people,
      values: [
        ReportValue(count: row.people.count), .integer(row.faceMilliseconds),
        .integer(row.lost.milliseconds), .integer(row.lost.failedMilliseconds),
        .integer(row.lost.slowMilliseconds), .integer(row.lost.helpMilliseconds),
        .integer(row.lost.interruptionMilliseconds), ReportValue(row.ratio),
        ReportValue(points(lost: row.lost.milliseconds, face: face)), .integer(row.unjudged),
        .text(row.faceTimeKind.rawValue), ReportValue(bounds?.low), ReportValue(bounds?.high),
      ])
  }

  private static func emptyErosionRow(_ layout: RowLayout) -> ReportRow {
    ReportRow(
      key: layout.key(group: 0), people: RowPeople(),
      values: Array(repeating: .integer(0), count: 7)
        + [.null, .null, .integer(0), .text(FaceTimeKind.estimated.rawValue), .null, .null])
  }

  private static func erosionWarnings(_ rows: [RowValues]) -> [String] {
    nullWarning("erosion", at: 7, in: rows, because: "no face time")
      + nullWarning("points", at: 8, in: rows, because: "the chosen people have no face time")
      + nullWarning(
        "low and high", at: 11, in: rows,
        because: "insufficient: the effective number of people is below \(RatioInterval.effectivePeopleMin)")
  }
}
