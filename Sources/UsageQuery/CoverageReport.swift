import Aggregation
import UsageModel

extension UsageReports {
  private static let coverageNames = [
    "expected", "adopted", "tried", "struggling", "dark", "lapsed", "never", "unexpected", "coverage",
    "reach", "depth", "observed", "low", "high",
  ]

  /// The adoption ledger: each expected cell in exactly one of six states.
  ///
  /// Totals also hold the summed counts, unless they are about too few people.
  package static func coverage(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    try refuse([.user], in: options, report: "coverage", because: noSinglePeople)
    let sweep = try AdoptionSweep(data, options)
    let scope = sweep.scope
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(scope.groupItems, groups: groups, features: scope.features)
    var tallies = [(tally: sweep.tally(groups, level: coverageLevel(options)), takes: scope.isSelected)]
    sweep.count(&tallies)
    let tally = tallies[0].tally
    let found = tally.rows.map { row in
      ReportRow(
        key: coverageKey(row, options, scope, layout), people: row.people, values: coverageValues(row))
    }
    let isUngrouped = options.groupBy.isEmpty
    let rows = ReportRows(
      found.isEmpty && isUngrouped ? [emptyCoverageRow(layout)] : found, columns: layout.columns,
      minimumPeople: options.minimumGroupSize)
    let tooNew = scope.tooNewCount(sweep.expectations)
    let sums = coverageSums(tally.overall, options)
    return document(
      "coverage", scope: scope, columns: layout.columns, valueNames: coverageNames, rows: rows,
      totals: scope.totals(tooNew: tooNew, suppressed: rows.suppressedCount) + sums.fields,
      warnings: scope.warnings + coverageWarnings(rows) + sums.warnings)
  }

  private static func coverageLevel(_ options: QueryOptions) -> CoverageTally.Level {
    options.groupBy.contains(.feature) ? .feature : options.groupBy.contains(.app) ? .app : .all
  }

  private static func coverageKey(
    _ row: Coverage, _ options: QueryOptions, _ scope: ReportScope, _ layout: RowLayout
  ) -> [Int32] {
    switch coverageLevel(options) {
    case .all: layout.key(group: row.group)
    case .app: layout.key(group: row.group, app: Int32(truncatingIfNeeded: row.unit) + 1)
    case .feature:
      layout.key(
        group: row.group, app: scope.features.appOfRank[row.unit] + 1,
        feature: scope.features.featureNameOfRank[row.unit])
    }
  }

  private static func coverageValues(_ row: Coverage) -> [ReportValue] {
    [
      .integer(row.expected), .integer(row.adopted), .integer(row.tried), .integer(row.struggling),
      .integer(row.dark), .integer(row.lapsed), .integer(row.never), .integer(row.unexpected),
      ReportValue(row.coverage), ReportValue(row.reach), ReportValue(row.depth), ReportValue(row.observed),
      ReportValue(row.coverage), ReportValue(row.high),
    ]
  }

  private static func coverageCounts(_ row: Coverage) -> [Int64] {
    [
      row.expected, row.adopted, row.tried, row.struggling, row.dark, row.lapsed, row.never, row.unexpected,
    ]
  }

  private static func emptyCoverageRow(_ layout: RowLayout) -> ReportRow {
    ReportRow(
      key: layout.key(group: 0), people: RowPeople(),
      values: Array(repeating: .integer(0), count: 8) + Array(repeating: .null, count: 6))
  }

  /// The counts of everyone chosen, as totals; null when they are about too few people.
  private static func coverageSums(
    _ row: Coverage, _ options: QueryOptions
  ) -> (fields: [ReportField], warnings: [String]) {
    let names = coverageNames.prefix(8)
    let counts = coverageCounts(row)
    // Without a row there is nobody to tell about.
    let isSomebody = row.expected > 0 || row.unexpected > 0
    guard isSomebody, options.minimumGroupSize > 1, row.people.count < options.minimumGroupSize else {
      return (zip(names, counts).map { ReportField($0, .integer($1)) }, [])
    }
    return (
      names.map { ReportField($0, .null) },
      ["the summed counts are null: they are about fewer than \(options.minimumGroupSize) people"]
    )
  }

  private static func coverageWarnings(_ rows: ReportRows) -> [String] {
    nullWarning(
      "coverage, reach, depth, observed, low and high", at: 8, in: rows.values,
      because: "nothing is expected there")
  }
}
