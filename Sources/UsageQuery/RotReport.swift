import Aggregation
import UsageModel

extension UsageReports {
  private static let rotNames = [
    "verdict", "trivial", "obsolete", "redundant", "keep", "category", "expected", "users", "user_share",
    "use_ms", "app_use_ms", "time_share", "users_then", "users_now", "fall_share", "leavers",
    "successor_app", "successor_feature", "successor_users", "twin_app", "twin_feature", "twin_people_share",
    "twin_days_share", "critical", "season", "season_periods", "season_share", "season_last", "reason",
  ]

  /// Features that hardly anyone needs any more, with the evidence, and those that must stay.
  ///
  /// Rows are features with a finding; with `showsAll` those in use too.
  package static func rot(
    _ data: some UsageData, _ options: QueryOptions, showsAll: Bool = false
  ) throws -> ReportDocument {
    try refuse(
      GroupDimension.allCases, in: options, report: "rot",
      because: "its rows are features; choose people with --where")
    let survey = try RotSurvey(data, options)
    let scope = survey.now
    let groups = PersonGroups([], population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout([.own(.app), .own(.feature)], groups: groups, features: scope.features)
    let found = survey.evidence.filter { item in
      survey.isKnown[item.rank] && scope.isSelected[item.rank]
        && scope.features.names[item.rank].feature != nil && (showsAll || item.verdict != .inUse)
    }
    let rows = ReportRows(
      found.map { rotRow($0, layout, scope) }, columns: layout.columns,
      minimumPeople: options.minimumGroupSize)
    return document(
      "rot", scope: scope, columns: layout.columns, valueNames: rotNames, rows: rows,
      totals: scope.totals(
        tooNew: scope.tooNewCount(survey.expectations), suppressed: rows.suppressedCount)
        + rotTotals(found, survey),
      warnings: scope.warnings + rotWarnings(rows.values, survey))
  }

  private static func rotRow(
    _ item: RotEvidence, _ layout: RowLayout, _ scope: ReportScope
  ) -> ReportRow {
    let app = scope.features.appOfRank[item.rank] + 1
    let feature = scope.features.featureNameOfRank[item.rank]
    return ReportRow(
      key: layout.key(group: 0, app: app, feature: feature), people: item.people,
      priority: [item.verdict.order, Int64(app), Int64(feature)],
      values: rotFindings(item) + rotUse(item, scope) + rotCompanions(item, scope.features)
        + rotSeason(item) + [.text(item.reason(scope.features))])
  }

  private static func rotFindings(_ item: RotEvidence) -> [ReportValue] {
    [
      .text(item.verdict.rawValue), ReportValue(item.isTrivial), ReportValue(item.isObsolete),
      ReportValue(item.isRedundant), .boolean(item.isKept),
    ]
  }

  private static func rotUse(_ item: RotEvidence, _ scope: ReportScope) -> [ReportValue] {
    let category = scope.features.catalogRows[item.rank]?.category ?? ""
    let then = item.usersThen?.count
    let fall = then.flatMap { $0 > 0 ? 1 - Double(item.usersNow.count) / Double($0) : nil }
    return [
      ReportValue(category.isEmpty ? nil : category), .integer(item.expected), .integer(item.users),
      ReportValue(share(item.users, of: item.expected)), .integer(item.milliseconds),
      .integer(item.appMilliseconds), ReportValue(share(item.milliseconds, of: item.appMilliseconds)),
      ReportValue(then.map(Int64.init)), ReportValue(count: item.usersNow.count), ReportValue(fall),
      ReportValue(item.leavers),
    ]
  }

  private static func rotCompanions(_ item: RotEvidence, _ features: FeatureDirectory) -> [ReportValue] {
    let successor = item.successor.map { features.names[$0.rank] }
    let twin = item.twin.map { features.names[$0.rank] }
    return [
      ReportValue(successor?.app), ReportValue(successor?.feature), ReportValue(item.successor?.users),
      ReportValue(twin?.app), ReportValue(twin?.feature), ReportValue(item.twin?.overlap.people),
      ReportValue(item.twin?.overlap.days),
    ]
  }

  private static func rotSeason(_ item: RotEvidence) -> [ReportValue] {
    [
      .boolean(item.isCritical), ReportValue(item.season?.boundary.rawValue),
      ReportValue(item.season.map { Int64($0.periods) }),
      ReportValue(item.season.flatMap { share($0.nearUses, of: $0.uses) }),
      ReportValue(item.season.map { "\($0.lastBoundary)" }),
    ]
  }

  private static func rotTotals(_ found: [RotEvidence], _ survey: RotSurvey) -> [ReportField] {
    let window = survey.then?.window
    return [
      ReportField("may_go", ReportValue(count: found.count { $0.verdict == .mayGo })),
      ReportField("keep", ReportValue(count: found.count { $0.verdict == .keep })),
      ReportField("compared_from", ReportValue(window.map { "\($0.from)" })),
      ReportField("compared_to", ReportValue(window.map { "\($0.to)" })),
    ]
  }

  private static func rotWarnings(_ rows: [RowValues], _ survey: RotSurvey) -> [String] {
    var warnings: [String] = []
    if survey.then == nil {
      warnings.append(
        "obsolete, users_then, fall_share and leavers are null, compared_from and compared_to too: "
          + "history holds no full window before this one")
    } else if survey.evidence.allSatisfy({ $0.usersThen?.isEmpty ?? true }) {
      warnings.append("nobody used anything in the window that this one is compared with")
    }
    return warnings
      + nullWarning("trivial and user_share", at: 1, in: rows, because: "the feature is expected of nobody")
      + nullWarning("redundant and category", at: 3, in: rows, because: "the catalog gives no category")
      + nullWarning("time_share", at: 11, in: rows, because: "the application's uses carry no time")
      + nullWarning(
        "successor_app", at: 16, in: rows,
        because: "it is not obsolete, or no leaver took up another feature of its category")
      + nullWarning("twin_app", at: 19, in: rows, because: "it is not the less used of a redundant pair")
      + nullWarning("season", at: 24, in: rows, because: "its uses do not gather around calendar ends")
  }

  /// A part of a whole; nil of nothing.
  static func share(_ part: Int64, of whole: Int64) -> Double? {
    whole > 0 ? Double(part) / Double(whole) : nil
  }
}

extension ReportValue {
  /// Yes, no, or null.
  init(_ flag: Bool?) { self = flag.map(ReportValue.boolean) ?? .null }
}
