import Aggregation
import UsageModel

/// What `alerts` was asked for beyond the options of every report.
package struct AlertOptions: Equatable, Sendable {
  /// First day that is looked at; nil: the day of the last mark, else a week.
  package var since: CivilDay?
  /// Day after the last that is looked at; nil: whole days up to today.
  package var until: CivilDay?
  /// The day that was marked as the last look.
  package var markedDay: CivilDay?
  /// Rows without an alert too.
  package var showsAll: Bool

  package init(
    since: CivilDay? = nil, until: CivilDay? = nil, markedDay: CivilDay? = nil, showsAll: Bool = false
  ) {
    self.since = since
    self.until = until
    self.markedDay = markedDay
    self.showsAll = showsAll
  }
}

extension UsageReports {
  /// The chance that a look at a quiet organisation raises any alert, by design.
  package static let falseAlarmRate = 0.05
  private static let alertNames = [
    "metric", "app", "state", "value", "usual", "spread", "statistic", "p", "p_adjusted", "compared",
    "people",
  ]

  /// What got significantly worse since the last look.
  ///
  /// - Returns: a report whose total `alerts` counts the rows with state `alert`.
  package static func alerts(
    _ data: some UsageData, _ options: QueryOptions, _ alertOptions: AlertOptions
  ) throws -> ReportDocument {
    try refuse(GroupDimension.allCases, in: options, report: "alerts", because: "choose people with --where")
    if let feature = options.feature {
      throw QueryError.badOption(option: "--feature", given: feature, expected: "--app instead")
    }
    let survey = try AlertSurvey(data, options, alertOptions)
    var scopeOptions = options
    scopeOptions.window = .days(survey.spans.tested)
    let scope = try ReportScope(
      data, scopeOptions, reach: .window, columns: [.user, .feature, .kind, .start])
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    let findings = survey.findings()
    let shown = findings.filter { alertOptions.showsAll || $0.state == .alert }
    var report = document(
      "alerts", scope: scope, columns: [], valueNames: alertNames,
      rows: ReportRows([], columns: [], minimumPeople: 0),
      totals: scope.totals(tooNew: scope.tooNewCount(expectations), suppressed: survey.suppressedCount) + [
        ReportField("alerts", ReportValue(count: findings.count { $0.state == .alert })),
        ReportField("tests", ReportValue(count: findings.count { $0.test != nil })),
        ReportField("insufficient", ReportValue(count: findings.count { $0.state == .insufficient })),
        ReportField("compared", ReportValue(count: survey.spans.comparable.count)),
        ReportField("last_look", ReportValue(alertOptions.markedDay.map { "\($0)" })),
        ReportField("false_alarm_rate", .number(falseAlarmRate)),
      ], warnings: scope.warnings + survey.warnings + alertWarnings(shown, alertOptions))
    report.rows = shown.map(\.values)
    return report
  }

  private static func alertWarnings(_ rows: [AlertFinding], _ options: AlertOptions) -> [String] {
    var warnings: [String] = []
    if options.markedDay == nil {
      warnings.append("last_look is null: nothing was marked yet (alerts --mark)")
    }
    if rows.contains(where: { $0.key.app == nil }) {
      warnings.append("app is null in rows about the whole organisation")
    }
    if rows.contains(where: { $0.test == nil }) {
      warnings.append(
        "usual, spread, statistic, p and p_adjusted are null where nothing was tested: fewer than "
          + "\(RobustTest.valuesMin) comparable spans (insufficient), or a plain count (collection)")
    }
    if rows.contains(where: { $0.people == nil }) {
      warnings.append("people is null in rows about sources and collection")
    }
    return warnings
  }
}

/// One thing that was looked at.
struct AlertFinding {
  enum State: String {
    case alert
    case ok
    case insufficient
  }

  var key: AlertMeasures.Key
  var state: State
  var value: Double?
  /// Signs as for "greater is worse".
  var test: RobustTest?
  var adjusted: Double?
  var compared: Int
  var people: Int?

  /// Whether smaller values are worse.
  static func isFalling(_ metric: AlertMetric) -> Bool { metric == .coverage }

  var values: [ReportValue] {
    let sign = Self.isFalling(key.metric) ? -1.0 : 1.0
    return [
      .text(key.metric.rawValue), ReportValue(key.app), .text(state.rawValue), ReportValue(value),
      ReportValue(test.map { sign * $0.usual }), ReportValue(test?.spread), ReportValue(test?.statistic),
      ReportValue(test?.probability), ReportValue(adjusted), ReportValue(count: compared),
      ReportValue(people.map(Int64.init)),
    ]
  }
}
