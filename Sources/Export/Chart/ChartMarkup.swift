// The shapes that charts are made of, as SVG elements.

extension Markup {
  /// A chart in a width, in units of CSS pixels.
  mutating func chart(_ chart: PageChart, width: Double, class name: String) {
    let bars: BarChartDrawing?
    let columns: ColumnChartDrawing?
    switch chart.shape {
    case .bars(let shape): (bars, columns) = (BarChartDrawing(shape, width: width), nil)
    case .columns(let shape): (bars, columns) = (nil, ColumnChartDrawing(shape, width: width))
    }
    let height = bars?.height ?? columns?.height ?? 0
    let (across, down) = (ChartNumber.coordinate(width), ChartNumber.coordinate(height))
    element(
      "svg",
      [
        "class": name, "viewBox": "0 0 \(across) \(down)", "width": across, "height": down, "role": "img",
        "aria-label": "\(chart.title). \(chart.description)",
      ]
    ) { markup in
      bars?.draw(into: &markup)
      columns?.draw(into: &markup)
    }
    lineFeed()
  }

  mutating func line(from: (x: Double, y: Double), to: (x: Double, y: Double), _ name: String) {
    element(
      "line",
      [
        "class": name, "x1": ChartNumber.coordinate(from.x), "y1": ChartNumber.coordinate(from.y),
        "x2": ChartNumber.coordinate(to.x), "y2": ChartNumber.coordinate(to.y),
      ]
    ) { _ in }
  }

  /// A text; `full` is what it was cut from.
  mutating func label(
    _ text: String, at place: (x: Double, y: Double), _ name: String, anchor: String, full: String? = nil
  ) {
    element(
      "text",
      [
        "class": name, "x": ChartNumber.coordinate(place.x), "y": ChartNumber.coordinate(place.y),
        "text-anchor": anchor,
      ]
    ) { markup in
      if let full, full != text { markup.element("title", full) }
      markup.text(text)
    }
  }

  mutating func box(
    x: Double, y: Double, width: Double, height: Double, ink: ChartInk, title: String
  ) {
    element(
      "rect",
      [
        "class": "ink-\(ink.rawValue)", "x": ChartNumber.coordinate(x), "y": ChartNumber.coordinate(y),
        "width": ChartNumber.coordinate(width), "height": ChartNumber.coordinate(height),
      ]
    ) { $0.element("title", title) }
  }
}
