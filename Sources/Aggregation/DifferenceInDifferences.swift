/// What an estimate may be read as.
package enum EffectStatus: String, Sendable {
  /// After the start, against people not yet treated.
  case effect
  /// Before the start: what shows up where nothing can have happened yet.
  case placebo
  /// The period that all others are compared with: 0 by construction.
  case base
  /// Nobody is left to compare with: a mere before and after, and no effect.
  case noControl = "no control"
}

/// An estimate with its standard error.
package struct EffectEstimate: Equatable, Sendable {
  package var status: EffectStatus
  package var estimate: Double
  /// Nil where it cannot be had: in the base period, with a single person on a side, or without variation.
  package var standardError: Double?
  /// People treated.
  package var treatedCount: Int
  /// People compared with.
  package var controlCount: Int

  /// 0.975 quantile of the normal distribution.
  package static let normalQuantile = 1.959964

  /// The pointwise 95% interval.
  package var bounds: (low: Double, high: Double)? {
    standardError.map { (estimate - Self.normalQuantile * $0, estimate + Self.normalQuantile * $0) }
  }
}

/// Group-time effects after Callaway and Sant'Anna (2021) and their aggregates.
///
/// Universal base period, controls not yet treated, no covariates, and in each cell the people with a value
/// in both of its periods. Standard errors come from influence functions, one term a person, and so are
/// clustered by person.
package struct DifferenceInDifferences: Sendable {
  /// ATT(g, t) of one group in one period.
  package struct Cell: Sendable {
    package let group: Int
    package let period: Int
    package let estimate: EffectEstimate
    fileprivate let treatedMean: Double
    fileprivate let controlMean: Double
    /// The largest change of anyone: what a standard error must be seen against.
    fileprivate let largestChange: Double
  }

  /// Standard errors below this share of the largest change are rounding, not variation.
  package static let roundingShare = 1e-12

  /// Marks a unit that is never treated.
  package static let never: Int32 = -1

  private let panel: Panel
  private let groups: [TreatmentGroup]
  /// By unit: index of its group, or ``never``.
  private let groupOfUnit: [Int32]
  /// Units with a value in some period.
  private let units: [Int]
  /// By group: how many of ``units`` belong to it.
  package let groupSizes: [Int]
  /// Cells with at least one person treated, by group and period.
  package private(set) var cells: [Cell] = []

  /// Estimates all cells.
  ///
  /// - Parameter groupOfUnit: by unit, the index of its group, or ``never``.
  /// - Complexity: O(groups × periods × units).
  package init(_ panel: Panel, groups: [TreatmentGroup], groupOfUnit: [Int32]) {
    self.panel = panel
    self.groups = groups
    self.groupOfUnit = groupOfUnit
    units = (0..<panel.unitCount).filter { panel.hasValue(unit: $0) }
    var sizes = [Int](repeating: 0, count: groups.count)
    for unit in units where groupOfUnit[unit] >= 0 { sizes[Int(groupOfUnit[unit])] += 1 }
    groupSizes = sizes
    cells = groups.indices.flatMap { group in
      (0..<panel.periodCount).compactMap { cell(group: group, period: $0) }
    }
  }

  /// Units with a value.
  var unitCount: Int { units.count }

  /// How a unit enters a cell, if it does.
  private enum Side {
    case treated
    case control
  }

  /// Its side of a cell, and how far its outcome moved from the base period.
  @inline(__always)
  private func change(_ unit: Int, group: Int, period: Int) -> (side: Side, difference: Double)? {
    let own = Int(groupOfUnit[unit])
    let base = groups[group].basePeriod
    let side: Side
    if own == group {
      side = .treated
    } else if own < 0 || groups[own].firstPeriod > max(period, base) {
      side = .control
    } else {
      return nil
    }
    let difference = panel[unit, period] - panel[unit, base]
    return difference.isNaN ? nil : (side, difference)
  }

  private func cell(group: Int, period: Int) -> Cell? {
    let base = groups[group].basePeriod
    guard base >= 0, base < panel.periodCount else { return nil }
    var treated = MomentSums()
    var controls = MomentSums()
    for unit in units {
      guard let change = change(unit, group: group, period: period) else { continue }
      if change.side == .treated { treated.add(change.difference) } else { controls.add(change.difference) }
    }
    guard treated.count > 0 else { return nil }
    let hasControls = controls.count > 0
    let isBefore = period < groups[group].firstPeriod
    let status: EffectStatus =
      period == base ? .base : !hasControls ? .noControl : isBefore ? .placebo : .effect
    let controlMean = hasControls ? controls.mean : 0
    var squares = 0.0
    var largest = 0.0
    for unit in units {
      guard let change = change(unit, group: group, period: period) else { continue }
      largest = max(largest, abs(change.difference))
      let isTreated = change.side == .treated
      let term =
        (change.difference - (isTreated ? treated.mean : controlMean))
        / Double(isTreated ? treated.count : controls.count)
      squares += term * term
    }
    let isJudged = status != .base && treated.count > 1 && (!hasControls || controls.count > 1)
    return Cell(
      group: group, period: period,
      estimate: EffectEstimate(
        status: status, estimate: treated.mean - controlMean,
        standardError: isJudged ? Self.standardError(squares.squareRoot(), largest) : nil,
        treatedCount: treated.count, controlCount: controls.count),
      treatedMean: treated.mean, controlMean: controlMean, largestChange: largest)
  }

  /// Nil where nothing varies.
  private static func standardError(_ value: Double, _ largestChange: Double) -> Double? {
    value > roundingShare * largestChange ? value : nil
  }

  /// Adds `weight` times each unit's influence on a cell, times the number of units.
  fileprivate func addInfluence(of cell: Cell, weight: Double, to influence: inout InfluenceSums) {
    let treatedScale = weight * Double(units.count) / Double(cell.estimate.treatedCount)
    let controlScale = weight * Double(units.count) / Double(max(1, cell.estimate.controlCount))
    for unit in units {
      guard let change = change(unit, group: cell.group, period: cell.period) else { continue }
      if change.side == .treated {
        influence.values[unit] += treatedScale * (change.difference - cell.treatedMean)
        influence.isTreated[unit] = true
      } else {
        influence.values[unit] -= controlScale * (change.difference - cell.controlMean)
        influence.isControl[unit] = true
      }
    }
  }
}

/// Number and sum of values.
private struct MomentSums {
  private(set) var count = 0
  private var sum = 0.0

  mutating func add(_ value: Double) {
    count += 1
    sum += value
  }

  var mean: Double { sum / Double(count) }
}

/// By unit: influence on an aggregate, and on which sides the unit stands.
private struct InfluenceSums {
  var values: [Double]
  var isTreated: [Bool]
  var isControl: [Bool]

  init(unitCount: Int) {
    values = [Double](repeating: 0, count: unitCount)
    isTreated = [Bool](repeating: false, count: unitCount)
    isControl = isTreated
  }
}

extension DifferenceInDifferences {
  /// The mean over all cells from the start on, each weighed by its group's size; nil without such cells.
  package var simple: EffectEstimate? {
    aggregate(cells.filter { $0.period >= groups[$0.group].firstPeriod })
  }

  /// By weeks since the start (0 is the first treated one), ascending.
  package var byEventTime: [(event: Int, estimate: EffectEstimate)] {
    let byEvent = Dictionary(grouping: cells) { $0.period - groups[$0.group].firstPeriod }
    return byEvent.keys.sorted().compactMap { event in
      byEvent[event].flatMap { aggregate($0) }.map { (event, $0) }
    }
  }

  /// The weighted mean of cells, of the kind that says most: with controls, else without, else the base.
  private func aggregate(_ candidates: [Cell]) -> EffectEstimate? {
    for status in [EffectStatus.effect, .placebo, .noControl, .base] {
      let chosen = candidates.filter { $0.estimate.status == status }
      if !chosen.isEmpty { return weightedMean(chosen, status) }
    }
    return nil
  }

  private func weightedMean(_ cells: [Cell], _ status: EffectStatus) -> EffectEstimate {
    let total = Double(units.count)
    let shares = groupSizes.map { Double($0) / total }
    let shareSum = cells.reduce(0) { $0 + shares[$1.group] }
    let mean = cells.reduce(0) { $0 + shares[$1.group] * $1.estimate.estimate } / shareSum
    var influence = InfluenceSums(unitCount: panel.unitCount)
    // By group: how much one more person of it would move the weights.
    var weightInfluence = [Double](repeating: 0, count: groups.count)
    for cell in cells {
      addInfluence(of: cell, weight: shares[cell.group] / shareSum, to: &influence)
      weightInfluence[cell.group] += (cell.estimate.estimate - mean) / shareSum
    }
    var squares = 0.0
    for unit in units {
      let group = Int(groupOfUnit[unit])
      let term = influence.values[unit] + (group >= 0 ? weightInfluence[group] : 0)
      squares += term * term
    }
    let isJudged = status != .base && cells.allSatisfy(\.hasBothSides)
    return EffectEstimate(
      status: status, estimate: mean,
      standardError: isJudged
        ? Self.standardError(squares.squareRoot() / total, cells.map(\.largestChange).max() ?? 0) : nil,
      treatedCount: influence.isTreated.count { $0 }, controlCount: influence.isControl.count { $0 })
  }
}

extension DifferenceInDifferences.Cell {
  /// Whether more than one person stands on each side that there is.
  fileprivate var hasBothSides: Bool {
    estimate.treatedCount > 1 && (estimate.status == .noControl || estimate.controlCount > 1)
  }
}
