import Report

/// Stacked bars from the left, with their names on the left and their totals at the end.
package struct BarChart: Equatable, Sendable {
  package struct Bar: Equatable, Sendable {
    package var label: String
    /// What stands behind the bar.
    package var total: String
    /// One value a series, none below 0.
    package var values: [Double]
  }

  package var unit: ChartUnit
  package var series: [ChartSeries]
  package var bars: [Bar]
  /// Where the axis ends; nil for a round number above the longest bar.
  package var axisEnd: Double?
}

/// The places of a bar chart's parts, for one width.
struct BarChartDrawing {
  static let fontSize = 12.0
  private static let barHeight = 18.0
  private static let gap = 8.0
  private static let axisHeight = 24.0
  /// Between a text and what it belongs to.
  private static let space = 6.0
  /// Below this width names stand above their bars instead of beside them.
  private static let narrowBelow = 480.0
  /// The share of the width that names may take beside their bars.
  private static let labelShareMax = 0.34

  let chart: BarChart
  let width: Double
  private let scale: NiceScale
  private let labelWidth: Double
  private let totalWidth: Double

  init(_ chart: BarChart, width: Double) {
    self.chart = chart
    self.width = width
    let isNarrow = width < Self.narrowBelow
    let longest =
      chart.bars.map { TextMetrics.width(Self.safe($0.label), fontSize: Self.fontSize) }.max() ?? 0
    labelWidth = isNarrow ? 0 : min(longest, width * Self.labelShareMax)
    totalWidth =
      chart.bars.map { TextMetrics.width(Self.safe($0.total), fontSize: Self.fontSize, isBold: true) }.max()
      ?? 0
    let ticksMax = isNarrow ? 3 : 6
    let largest = chart.bars.map { $0.values.reduce(0, +) }.max() ?? 0
    scale =
      chart.axisEnd.map { NiceScale(end: $0, step: $0 / (isNarrow ? 2 : 4)) }
      ?? NiceScale(maximum: largest, ticksMax: ticksMax)
  }

  private var isNarrow: Bool { width < Self.narrowBelow }
  private var labelHeight: Double { isNarrow ? Self.fontSize + 6 : 0 }
  private var rowHeight: Double { labelHeight + Self.barHeight + Self.gap }
  private var left: Double { isNarrow ? 1 : labelWidth + Self.space }
  private var right: Double { width - totalWidth - Self.space - 1 }
  private var axisTop: Double { Double(chart.bars.count) * rowHeight + 2 }

  var height: Double { axisTop + Self.axisHeight }

  /// Draws into an SVG element of this width and height.
  func draw(into markup: inout Markup) {
    drawGrid(into: &markup)
    for (index, bar) in chart.bars.enumerated() { draw(bar, at: index, into: &markup) }
    markup.line(from: (left, 0), to: (left, axisTop), "axis")
  }

  private func x(_ value: Double) -> Double { left + max(0, min(value / scale.end, 1)) * (right - left) }

  private func drawGrid(into markup: inout Markup) {
    var free = -Double.infinity
    for tick in scale.ticks {
      let place = x(tick)
      if tick > 0 { markup.line(from: (place, 0), to: (place, axisTop), "grid") }
      let text = chart.unit.tick(tick, step: scale.step)
      let half = TextMetrics.width(text, fontSize: Self.fontSize) / 2
      // A label keeps inside the picture and off the one before it.
      let middle = max(half, min(place, width - half))
      guard middle - half >= free else { continue }
      markup.label(text, at: (middle, axisTop + 16), "tick", anchor: "middle")
      free = middle + half + Self.space
    }
  }

  private func draw(_ bar: BarChart.Bar, at index: Int, into markup: inout Markup) {
    let top = Double(index) * rowHeight + labelHeight + Self.gap / 2
    let label = Self.safe(bar.label)
    let room = isNarrow ? width : labelWidth
    // Half a pixel above the measured width: the longest label is not to be cut by rounding.
    let shown = TextMetrics.truncate(label, to: room + 0.5, fontSize: Self.fontSize)
    if isNarrow {
      markup.label(shown, at: (0, top - 5), "name", anchor: "start", full: label)
    } else {
      markup.label(shown, at: (labelWidth, top + 13), "name", anchor: "end", full: label)
    }
    var sum = 0.0
    for (value, series) in zip(bar.values, chart.series) where value > 0 {
      let from = x(sum)
      sum += value
      let name = "\(series.name): \(chart.unit.exact(value))"
      markup.box(
        x: from, y: top, width: x(sum) - from, height: Self.barHeight, ink: series.ink,
        title: "\(label) – \(name)")
    }
    markup.label(Self.safe(bar.total), at: (x(sum) + Self.space, top + 13), "value", anchor: "start")
  }

  private static func safe(_ text: String) -> String { SafeText.escaping(text) }
}

extension ChartUnit {
  /// A value by itself.
  func exact(_ value: Double) -> String {
    switch self {
    case .hours: HumanNumber.duration(milliseconds: Int64(clamping: (value * 3_600_000).rounded()))
    case .share: HumanNumber.share(value)
    case .count: HumanNumber.fixed(value, decimals: 0)
    }
  }
}

extension Int64 {
  /// The nearest number there is; 0 for what is no number.
  init(clamping value: Double) {
    self = value.isNaN ? 0 : Int64(exactly: value.rounded()) ?? (value < 0 ? .min : .max)
  }
}
