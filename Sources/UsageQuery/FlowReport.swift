import Aggregation
import UsageModel

extension UsageReports {
  private static let flowNames = [
    "count", "people", "wait_median_ms", "wait_p90_ms", "wait_total_ms", "retry", "repeat", "bounce",
  ]
  private static let flowEndNames = ["people", "started", "ended"]

  /// Transitions between the features of an application within sessions: waits, retries, loops.
  ///
  /// People columns of `--by` stand in front. Totals also hold the number of `sessions`.
  package static func flow(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    let (scope, groups, flow) = try measureFlow(data, options, report: "flow")
    let layout = RowLayout(
      scope.groupAttributes.map(RowLayout.Item.person) + [.own(.app), .own(.fromFeature), .own(.toFeature)],
      groups: groups, features: scope.features)
    let rows = ReportRows(
      flow.transitions.map { flowRow($0, layout, scope) }, columns: layout.columns,
      minimumPeople: options.minimumGroupSize)
    return try flowDocument(
      "flow", data, scope, layout: layout, valueNames: flowNames, rows: rows, flow: flow)
  }

  /// The features with which the window's sessions begin and end.
  package static func flowEnds(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    let (scope, groups, flow) = try measureFlow(data, options, report: "flow-ends")
    // A session with an id may have begun at any time before.
    try scope.refuseAnyPruned(data)
    let layout = RowLayout(
      scope.groupAttributes.map(RowLayout.Item.person) + [.own(.app), .own(.feature)], groups: groups,
      features: scope.features)
    let found = flow.ends.filter { scope.isSelected[Int($0.rank)] }.map { end in
      ReportRow(
        key: layout.key(
          group: end.group, app: scope.features.appOfRank[Int(end.rank)] + 1,
          feature: scope.features.featureNameOfRank[Int(end.rank)]),
        people: end.people, priority: [-end.started, -end.ended],
        values: [ReportValue(count: end.people.count), .integer(end.started), .integer(end.ended)])
    }
    let rows = ReportRows(found, columns: layout.columns, minimumPeople: options.minimumGroupSize)
    return try flowDocument(
      "flow-ends", data, scope, layout: layout, valueNames: flowEndNames, rows: rows, flow: flow)
  }

  private static func measureFlow(
    _ data: some UsageData, _ options: QueryOptions, report: String
  ) throws -> (ReportScope, PersonGroups, Flow) {
    try refuse([.user], in: options, report: report, because: noSinglePeople)
    var scope = try ReportScope(data, options, reach: .sessions, tickets: .none)
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    var flow = try countFlow(scope, groups, rankOfSource: nil)
    if flow.needsOrder {
      flow = try countFlow(scope, groups, rankOfSource: ranksOfSources(try data.sourceNames()))
    }
    if flow.transitions.isEmpty { scope.warn("no session of the window has two uses of one application") }
    return (scope, groups, flow)
  }

  /// - Parameter rankOfSource: where events that start together decide; they are loaded without, at first.
  private static func countFlow(
    _ scope: ReportScope, _ groups: PersonGroups, rankOfSource: [Int32]?
  ) throws -> Flow {
    let question = FlowQuestion(
      keys: scope.keys, bounds: scope.bounds, groupOfPerson: groups.groupOfMember,
      isSelected: scope.isSelected, peopleKept: scope.peopleKept, rankOfSource: rankOfSource)
    var count = FlowCount(question, workerCount: scope.sessions?.workerCount ?? 1)
    try scope.sessions?.forEachPass(
      keys: scope.keys, isChosen: scope.isChosen, withOrder: rankOfSource != nil
    ) { events, earlier in
      count.add(events, earlier: earlier)
      // Then they are counted anew anyway.
      return !count.isPointless
    }
    return count.finished()
  }

  private static func flowRow(
    _ row: FlowTransition, _ layout: RowLayout, _ scope: ReportScope
  ) -> ReportRow {
    let app = scope.features.appOfRank[Int(row.from)] + 1
    let from = scope.features.featureNameOfRank[Int(row.from)]
    let to = scope.features.featureNameOfRank[Int(row.to)]
    return ReportRow(
      key: layout.key(group: row.group, app: app, feature: from, toFeature: to), people: row.people,
      priority: [-row.count, Int64(app), Int64(from), Int64(to)],
      values: [
        .integer(row.count), ReportValue(count: row.people.count), .integer(row.waitMedianMilliseconds),
        .integer(row.waitNineTenthsMilliseconds), .integer(row.waitTotalMilliseconds), .integer(row.retry),
        .integer(row.repeat), .integer(row.bounce),
      ])
  }

  private static func flowDocument(
    _ name: String, _ data: some UsageData, _ scope: ReportScope, layout: RowLayout, valueNames: [String],
    rows: ReportRows, flow: Flow
  ) throws -> ReportDocument {
    let least = scope.options.minimumGroupSize
    let isHidden = least > 1 && flow.sessionPeople > 0 && flow.sessionPeople < least
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    var reasons: [String] = []
    if isHidden { reasons.append("they are about fewer than \(least) people") }
    // A session with an id may have begun at any time before.
    if try !data.prunedSpans().isEmpty {
      reasons.append("some may have begun on days whose events were pruned")
    }
    return document(
      name, scope: scope, columns: layout.columns, valueNames: valueNames, rows: rows,
      totals: scope.totals(tooNew: scope.tooNewCount(expectations), suppressed: rows.suppressedCount)
        + [ReportField("sessions", reasons.isEmpty ? .integer(flow.sessions) : .null)],
      warnings: scope.warnings + reasons.map { "the number of sessions is null: \($0)" })
  }
}
