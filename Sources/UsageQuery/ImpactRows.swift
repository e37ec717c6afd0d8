import Aggregation
import UsageModel

/// The rows of an `impact` report: per outcome the simple mean, event times, and groups by week.
struct ImpactRows {
  private(set) var values: [[ReportValue]] = []
  private(set) var suppressedCount = 0
  private(set) var warnings: [String] = []

  private let study: ImpactStudy
  private let minimumPeople: Int

  init(_ study: ImpactStudy) {
    self.study = study
    minimumPeople = study.scope.options.minimumGroupSize
    for outcome in ImpactOutcome.allCases { add(outcome) }
    finish()
  }

  private mutating func add(_ outcome: ImpactOutcome) {
    let estimator = DifferenceInDifferences(
      study.panels[outcome], groups: study.groups, groupOfUnit: study.groupOfPerson)
    if let simple = estimator.simple { append(outcome, "simple", simple) }
    for (event, estimate) in estimator.byEventTime {
      append(outcome, "event_time", event: event, estimate)
    }
    let isHidden = hiddenGroups(estimator.groupSizes)
    for cell in estimator.cells {
      append(
        outcome, "group_time", event: cell.period - study.groups[cell.group].firstPeriod,
        group: study.weeks.monday(ofWeek: study.groups[cell.group].firstPeriod),
        week: study.weeks.monday(ofWeek: cell.period), cell.estimate, isHidden: isHidden[cell.group])
    }
  }

  /// Groups too small to show; and the next smallest where a reader could subtract.
  private func hiddenGroups(_ sizes: [Int]) -> [Bool] {
    guard minimumPeople > 1 else { return sizes.map { _ in false } }
    let order = sizes.indices.filter { sizes[$0] > 0 }.sorted { (sizes[$0], $0) < (sizes[$1], $1) }
    var isHidden = sizes.map { $0 < minimumPeople }
    var hidden = order.filter { isHidden[$0] }
    guard !hidden.isEmpty else { return isHidden }
    for next in order where !isHidden[next] {
      if hidden.count > 1, hidden.reduce(0, { $0 + sizes[$1] }) >= minimumPeople { break }
      isHidden[next] = true
      hidden.append(next)
    }
    return isHidden
  }

  private mutating func append(
    _ outcome: ImpactOutcome, _ aggregate: String, event: Int? = nil, group: CivilDay? = nil,
    week: CivilDay? = nil, _ estimate: EffectEstimate, isHidden: Bool = false
  ) {
    let areControlsFew = estimate.controlCount > 0 && estimate.controlCount < minimumPeople
    if minimumPeople > 1, isHidden || estimate.treatedCount < minimumPeople || areControlsFew {
      suppressedCount += 1
      return
    }
    values.append([
      .text(outcome.rawValue), .text(aggregate), ReportValue(event.map(Int64.init)),
      ReportValue(group?.description), ReportValue(week?.description), .number(estimate.estimate),
      ReportValue(estimate.standardError), ReportValue(estimate.bounds?.low),
      ReportValue(estimate.bounds?.high), ReportValue(count: estimate.treatedCount),
      ReportValue(count: estimate.controlCount), .text(estimate.status.rawValue),
    ])
  }

  private mutating func finish() {
    if values.isEmpty && suppressedCount == 0 {
      warnings.append("nobody reached was observed both in the week before the start and in another one")
    }
    let uncontrolled = values.count { $0.last == .text(EffectStatus.noControl.rawValue) }
    if uncontrolled > 0 {
      warnings.append(
        "\(uncontrolled) rows have no control: a before and after, in which everything else that changed is "
          + "contained; no effect may be read from them")
    }
    let uncertain = values.count { $0[6] == .null && $0.last != .text(EffectStatus.base.rawValue) }
    if uncertain > 0 {
      warnings.append(
        "standard_error, low and high are null in \(uncertain) rows: nothing varies there, or a "
          + "single person stands on one side")
    }
    if values.contains(where: { $0.last == .text(EffectStatus.base.rawValue) }) {
      warnings.append("the base weeks are 0 by construction and have no standard error")
    }
    if suppressedCount > 0 {
      warnings.append(
        UsageReports.leftOut(suppressedCount, minimumPeople: minimumPeople))
    }
  }
}
