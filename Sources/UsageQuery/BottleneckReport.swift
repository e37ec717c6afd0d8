import Aggregation
import UsageModel

extension UsageReports {
  private static let bottleneckNames = [
    "attempts", "failed", "eroded", "people", "people_affected", "benchmark_ms", "benchmark_kind", "lost_ms",
    "frequency", "reach", "severity", "score", "points",
  ]

  /// Columns that lost time is measured from.
  static let timeColumns: EventColumns.Selection = [.user, .feature, .kind, .outcome, .start, .duration]

  /// Where work goes wrong or slow, per feature: frequency, reach, severity and their score.
  ///
  /// People columns of `--by` stand in front; `app` and `feature` are always there.
  package static func bottlenecks(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    try refuse([.user], in: options, report: "bottlenecks", because: noSinglePeople)
    let scope = try ReportScope(data, options, reach: .packed, tickets: .none)
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(
      scope.groupAttributes.map(RowLayout.Item.person) + [.own(.app), .own(.feature)], groups: groups,
      features: scope.features)
    let source = BenchmarkSource(options.benchmark, features: scope.features)
    let parts = try scope.measureFeatures(
      source,
      tally: {
        (
          bottlenecks: BottleneckTally(
            groupOfPerson: groups.groupOfMember, groupCount: groups.count, peopleKept: scope.peopleKept),
          erosion: erosionTally(scope, groups, level: .all)
        )
      },
      add: { tally, feature in
        if scope.isSelected[feature.rank] { tally.bottlenecks.add(feature) }
        tally.erosion.add(feature)
      })
    var tally = parts[0].bottlenecks
    var erosion = parts[0].erosion
    for part in parts.dropFirst() {
      tally.absorb(part.bottlenecks)
      erosion.absorb(part.erosion)
    }
    erosion.finish()
    let rates = try CostRates(data)
    let found = tally.rows.map { row in
      var found = bottleneckRow(row, erosion.chosenFaceMilliseconds, layout, scope)
      found.values += CostRates.values(rates, lostMilliseconds: row.lostMilliseconds)
      return found
    }
    let rows = ReportRows(found, columns: layout.columns, minimumPeople: options.minimumGroupSize)
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    return document(
      "bottlenecks", scope: scope, columns: layout.columns,
      valueNames: bottleneckNames + CostRates.lostNames(rates), rows: rows,
      totals: scope.totals(
        tooNew: scope.tooNewCount(expectations), suppressed: rows.suppressedCount)
        + [ReportField("benchmark", .text(source.name))] + (rates?.fields ?? []),
      warnings: scope.warnings + bottleneckWarnings(rows.values, source) + (try CostRates.warnings(data)))
  }

  private static func bottleneckRow(
    _ row: Bottleneck, _ face: Int64, _ layout: RowLayout, _ scope: ReportScope
  ) -> ReportRow {
    let app = scope.features.appOfRank[row.rank] + 1
    let feature = scope.features.featureNameOfRank[row.rank]
    return ReportRow(
      key: layout.key(group: row.group, app: app, feature: feature), people: row.people,
      priority: [-row.lostMilliseconds, -row.eroded, Int64(app), Int64(feature)],
      values: [
        .integer(row.attempts), .integer(row.failed), .integer(row.eroded),
        ReportValue(count: row.people.count), .integer(row.affected),
        ReportValue(row.benchmark.milliseconds), .text(row.benchmark.kind.rawValue),
        .integer(row.lostMilliseconds), .number(row.frequency), .number(row.reach),
        ReportValue(row.severity), ReportValue(row.score),
        ReportValue(points(lost: row.lostMilliseconds, face: face)),
      ])
  }

  /// 100 × lost ÷ face time; nil without face time.
  static func points(lost: Int64, face: Int64) -> Double? {
    face > 0 ? 100 * Double(lost) / Double(face) : nil
  }

  private static func bottleneckWarnings(_ rows: [RowValues], _ source: BenchmarkSource) -> [String] {
    nullWarning("benchmark_ms", at: 5, in: rows, because: source.reasonForNone)
      + nullWarning("severity", at: 10, in: rows, because: "no attempt has a duration above 0")
      + nullWarning(
        "score", at: 11, in: rows,
        because: "fewer than \(Bottleneck.scoredPeopleMin) people have an attempt, or there is no severity")
      + nullWarning("points", at: 12, in: rows, because: "the chosen people have no face time")
  }
}
