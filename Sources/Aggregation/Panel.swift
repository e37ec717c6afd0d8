/// One outcome of people over consecutive weeks (`docs/methods.md`, section 10).
package struct Panel: Sendable {
  package let unitCount: Int
  package let periodCount: Int
  /// By unit, then period; NaN is missing.
  private var values: [Double]

  /// A panel in which everything is missing.
  package init(unitCount: Int, periodCount: Int) {
    self.unitCount = unitCount
    self.periodCount = periodCount
    values = [Double](repeating: .nan, count: unitCount * periodCount)
  }

  /// The outcome of a unit in a period; NaN is missing.
  @inline(__always)
  package subscript(unit: Int, period: Int) -> Double {
    get { values[unit * periodCount + period] }
    set { values[unit * periodCount + period] = newValue }
  }

  /// Whether a unit has a value in some period.
  func hasValue(unit: Int) -> Bool {
    values[unit * periodCount..<(unit + 1) * periodCount].contains { !$0.isNaN }
  }
}

/// People whom an intervention reached at the same time.
package struct TreatmentGroup: Equatable, Sendable {
  /// The first treated period; may lie outside the panel.
  package var firstPeriod: Int
  /// The period that all others are compared with; below 0 when the panel begins too late.
  ///
  /// The one before ``firstPeriod``, or before a period dropped as partly treated.
  package var basePeriod: Int

  package init(firstPeriod: Int, basePeriod: Int) {
    self.firstPeriod = firstPeriod
    self.basePeriod = basePeriod
  }
}
