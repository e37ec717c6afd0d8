import Aggregation

/// A panel as text, so that other implementations can be compared.
///
/// CSV with the columns `unit,group,period,value`: whole numbers from 0, the group being the first treated
/// period, empty for never; a missing value has no line.
struct PanelText {
  let panel: Panel
  let groups: [TreatmentGroup]
  let groupOfUnit: [Int32]

  /// Nil when a line cannot be read.
  init?(_ lines: [String]) {
    var values: [(unit: Int, period: Int, value: Double)] = []
    var startOfUnit: [Int: Int] = [:]
    for line in lines.dropFirst() where !line.isEmpty {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      guard cells.count == 4, let unit = Int(cells[0]), let period = Int(cells[2]), unit >= 0, period >= 0,
        let value = Double(cells[3])
      else { return nil }
      if let start = Int(cells[1]) { startOfUnit[unit] = start }
      values.append((unit, period, value))
    }
    let starts = Set(startOfUnit.values).sorted()
    let unitCount = (values.map(\.unit).max() ?? -1) + 1
    var panel = Panel(unitCount: unitCount, periodCount: (values.map(\.period).max() ?? -1) + 1)
    for (unit, period, value) in values { panel[unit, period] = value }
    self.panel = panel
    groups = starts.map { TreatmentGroup(firstPeriod: $0, basePeriod: $0 - 1) }
    groupOfUnit = (0..<unitCount).map { unit in
      startOfUnit[unit].flatMap { starts.firstIndex(of: $0) }.map(Int32.init) ?? DifferenceInDifferences.never
    }
  }

  /// CSV lines: `aggregate,event,group,period,estimate,standard_error,treated,controls,status`.
  var estimates: [String] {
    let estimator = DifferenceInDifferences(panel, groups: groups, groupOfUnit: groupOfUnit)
    func line(_ key: String, _ estimate: EffectEstimate) -> String {
      let error = estimate.standardError.map { "\($0)" } ?? ""
      return "\(key),\(estimate.estimate),\(error),\(estimate.treatedCount),\(estimate.controlCount),"
        + estimate.status.rawValue
    }
    var lines = ["aggregate,event,group,period,estimate,standard_error,treated,controls,status"]
    if let simple = estimator.simple { lines.append(line("simple,,,", simple)) }
    for (event, estimate) in estimator.byEventTime { lines.append(line("event_time,\(event),,", estimate)) }
    for cell in estimator.cells {
      let start = groups[cell.group].firstPeriod
      lines.append(line("group_time,\(cell.period - start),\(start),\(cell.period)", cell.estimate))
    }
    return lines
  }
}
