import Report

/// Stacked columns over time, each with its total above and, if it has one, its interval.
package struct ColumnChart: Equatable, Sendable {
  package struct Column: Equatable, Sendable {
    package var label: String
    package var total: String
    /// One value a series, none below 0; none at all where nothing can be said.
    package var values: [Double]
    package var interval: ClosedRange<Double>?
  }

  package var unit: ChartUnit
  package var series: [ChartSeries]
  package var columns: [Column]
}

/// The places of a column chart's parts, for one width.
struct ColumnChartDrawing {
  private static let fontSize = 12.0
  private static let plotHeight = 190.0
  private static let top = 22.0
  private static let space = 6.0
  private static let columnShare = 0.66
  private static let columnWidthMax = 56.0
  private static let whisker = 5.0

  let chart: ColumnChart
  let width: Double
  private let scale: NiceScale
  private let left: Double

  var height: Double { Self.top + Self.plotHeight + 24 }

  init(_ chart: ColumnChart, width: Double) {
    self.chart = chart
    self.width = width
    let largest = chart.columns.map { max($0.values.reduce(0, +), $0.interval?.upperBound ?? 0) }.max() ?? 0
    let scale = NiceScale(maximum: largest, ticksMax: 5)
    self.scale = scale
    let ticks = scale.ticks.map { chart.unit.tick($0, step: scale.step) }
    left = (ticks.map { TextMetrics.width($0, fontSize: Self.fontSize) }.max() ?? 0) + Self.space
  }

  private var bottom: Double { Self.top + Self.plotHeight }
  private var slot: Double { (width - left) / Double(max(1, chart.columns.count)) }

  /// Draws into an SVG element of this width and height.
  func draw(into markup: inout Markup) {
    for tick in scale.ticks {
      markup.line(from: (left, y(tick)), to: (width, y(tick)), tick == 0 ? "axis" : "grid")
      markup.label(
        chart.unit.tick(tick, step: scale.step), at: (left - Self.space, y(tick) + 4), "tick", anchor: "end")
    }
    let every = labelStep(chart.columns.map(\.label))
    let last = chart.columns.count - 1
    let totalsFit = chart.columns.allSatisfy {
      TextMetrics.width($0.total, fontSize: Self.fontSize, isBold: true) + 2 <= slot
    }
    for (index, column) in chart.columns.enumerated() {
      // Counted from the newest, which always has its label.
      draw(column, at: index, isLabelled: (last - index) % every == 0, isTotalled: totalsFit, into: &markup)
    }
  }

  private func y(_ value: Double) -> Double { bottom - max(0, min(value / scale.end, 1)) * Self.plotHeight }

  /// Every how many columns a label has room.
  private func labelStep(_ labels: [String]) -> Int {
    let widest = labels.map { TextMetrics.width($0, fontSize: Self.fontSize) }.max() ?? 0
    return max(1, Int(((widest + Self.space) / slot).rounded(.up)))
  }

  private func draw(
    _ column: ColumnChart.Column, at index: Int, isLabelled: Bool, isTotalled: Bool, into markup: inout Markup
  ) {
    let middle = left + (Double(index) + 0.5) * slot
    let columnWidth = min(slot * Self.columnShare, Self.columnWidthMax)
    var sum = 0.0
    for (value, series) in zip(column.values, chart.series) where value > 0 {
      let from = y(sum)
      sum += value
      markup.box(
        x: middle - columnWidth / 2, y: y(sum), width: columnWidth, height: from - y(sum), ink: series.ink,
        title: "\(column.label) – \(series.name): \(chart.unit.exact(value))")
    }
    var topmost = y(sum)
    if let interval = column.interval {
      let (low, high) = (y(interval.lowerBound), y(interval.upperBound))
      topmost = min(topmost, high)
      markup.line(from: (middle, low), to: (middle, high), "whisker")
      for place in [low, high] {
        markup.line(
          from: (middle - Self.whisker, place), to: (middle + Self.whisker, place), "whisker")
      }
    }
    if isTotalled { markup.label(column.total, at: (middle, topmost - 6), "value", anchor: "middle") }
    guard isLabelled else { return }
    let half = TextMetrics.width(column.label, fontSize: Self.fontSize) / 2
    let place = max(half, min(middle, width - half))
    markup.label(column.label, at: (place, bottom + 17), "tick", anchor: "middle")
  }
}
