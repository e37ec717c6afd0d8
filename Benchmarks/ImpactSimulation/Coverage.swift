import Aggregation

/// How often intervals held the truth, and how far estimates were from it on average.
struct Tally {
  private var count = 0
  private var held = 0
  private var errorSum = 0.0

  mutating func add(_ estimate: EffectEstimate, truth: Double) {
    guard let bounds = estimate.bounds else { return }
    count += 1
    held += bounds.low <= truth && truth <= bounds.high ? 1 : 0
    errorSum += estimate.estimate - truth
  }

  /// `94.8% (bias +0.003)`.
  var text: String {
    guard count > 0 else { return "-" }
    let bias = errorSum / Double(count)
    return "\(Self.decimal(100 * Double(held) / Double(count), places: 1))% "
      + "(\(bias < 0 ? "" : "+")\(Self.decimal(bias, places: 3)))"
  }

  private static func decimal(_ value: Double, places: Int) -> String {
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let rounded = Int((abs(value) * Double(scale)).rounded())
    let digits = String(rounded % scale)
    let zeros = String(repeating: "0", count: places - digits.count)
    return "\(value < 0 && rounded > 0 ? "-" : "")\(rounded / scale).\(zeros)\(digits)"
  }
}

/// Coverage of one design over many panels.
struct DesignCoverage {
  private var simple = Tally()
  private var firstWeeks = Tally()
  private var cells = Tally()
  private var placebos = Tally()

  /// - Parameter panelCount: seeds are `firstSeed` and those that follow.
  init(_ design: Design, firstSeed: UInt64, panelCount: Int) {
    for index in 0..<panelCount { add(MadeUpPanel(design, seed: firstSeed + UInt64(index))) }
  }

  private mutating func add(_ world: MadeUpPanel) {
    let estimator = DifferenceInDifferences(
      world.panel, groups: world.groups, groupOfUnit: world.groupOfPerson)
    func truth(_ cell: DifferenceInDifferences.Cell) -> Double {
      MadeUpPanel.effect(group: cell.group, event: cell.period - world.groups[cell.group].firstPeriod)
    }
    // The truth of an aggregate weighs groups by their probability, as estimates do by their size.
    func mean(_ chosen: [DifferenceInDifferences.Cell]) -> Double {
      let weights = chosen.reduce(0) { $0 + MadeUpPanel.shares[$1.group] }
      return chosen.reduce(0) { $0 + MadeUpPanel.shares[$1.group] * truth($1) } / weights
    }
    let effects = estimator.cells.filter { $0.estimate.status == .effect }
    if let estimate = estimator.simple { simple.add(estimate, truth: mean(effects)) }
    for (event, estimate) in estimator.byEventTime {
      if (0..<6).contains(event) {
        firstWeeks.add(
          estimate, truth: mean(effects.filter { $0.period - world.groups[$0.group].firstPeriod == event }))
      } else if (-6..<(-1)).contains(event) {
        placebos.add(estimate, truth: 0)
      }
    }
    for cell in effects { cells.add(cell.estimate, truth: truth(cell)) }
  }

  /// A row of a Markdown table.
  func row(_ name: String) -> String {
    "| \(name) | \(simple.text) | \(firstWeeks.text) | \(cells.text) | \(placebos.text) |"
  }
}
