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
    // Where nothing is expected and nothing unexpected was used there is a row all the same, unless rows are groups.
    let found = tally.rows.isEmpty && options.groupBy.isEmpty ? [Coverage(group: 0, unit: 0)] : tally.rows
    let rows = ReportRows(
      found.map { ReportRow(key: coverageKey($0, options, scope, layout), people: $0.people) },
      columns: layout.columns, minimumPeople: options.minimumGroupSize
    ) { appendValues(found[$0], to: &$1) }
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

  private static func appendValues(_ row: Coverage, to values: inout [ReportValue]) {
    for count in coverageCounts(row) { values.append(.integer(count)) }
    let shares = [row.coverage, row.reach, row.depth, row.observed, row.coverage, row.high]
    for share in shares { values.append(ReportValue(share)) }
  }

  private static func coverageCounts(_ row: Coverage) -> [Int64] {
    [
      row.expected, row.adopted, row.tried, row.struggling, row.dark, row.lapsed, row.never, row.unexpected,
    ]
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
