import Foundation
import Testing

@testable import Export

struct ChartTests {
  @Test func ticksAreRoundNumbersThatReachTheLargestValue() {
    let cases: [(maximum: Double, ticksMax: Int, end: Double, step: Double)] = [
      (1, 5, 1, 0.2), (0.093, 5, 0.1, 0.02), (7, 6, 8, 2), (100, 5, 100, 20), (101, 5, 150, 50),
      (0.3, 3, 0.3, 0.1), (1e-7, 4, 1e-7, 5e-8), (9.99e9, 6, 1e10, 2e9), (0, 5, 1, 0.2), (-3, 5, 1, 0.2),
      (.nan, 5, 1, 0.2), (.infinity, 5, 1, 0.2), (0.6, 3, 0.6, 0.2), (3, 1, 5, 5),
    ]
    for (maximum, ticksMax, end, step) in cases {
      let scale = NiceScale(maximum: maximum, ticksMax: ticksMax)
      #expect(abs(scale.end - end) <= 1e-9 * end, "end of \(maximum): \(scale.end)")
      #expect(abs(scale.step - step) <= 1e-9 * step, "step of \(maximum): \(scale.step)")
    }
  }

  @Test func everyScaleHoldsItsMaximumInFewTicks() {
    var value = 1e-12
    while value < 1e15 {
      for ticksMax in 1...8 {
        let scale = NiceScale(maximum: value, ticksMax: ticksMax)
        #expect(scale.end >= value * (1 - 1e-6), "\(value)")
        #expect((2...ticksMax + 2).contains(scale.ticks.count), "\(value): \(scale.ticks.count) ticks")
        #expect(scale.end - scale.step < value * (1 + 1e-6), "\(value): an empty step on top")
      }
      value *= 1.37
    }
  }

  @Test func tickTextsHaveTheDigitsOfTheirStep() {
    #expect(ChartUnit.share.tick(0.02, step: 0.02) == "2%")
    #expect(ChartUnit.share.tick(0.005, step: 0.005) == "0.5%")
    #expect(ChartUnit.hours.tick(1_500, step: 500) == "1,500 h")
    #expect(ChartUnit.hours.tick(0.02, step: 0.02) == "0.02 h")
    #expect(ChartUnit.count.tick(12, step: 4) == "12")
  }

  @Test func textsAreCutToTheirRoom() {
    for text in ["", "a", "order.create", "WWWWWWWW", "日本語の名前", "👩‍👩‍👧👩‍👩‍👧", "e\u{301}e\u{301}"] {
      for room in stride(from: 12.0, through: 200, by: 7) {
        let cut = TextMetrics.truncate(text, to: room, fontSize: 12)
        #expect(TextMetrics.width(cut, fontSize: 12) <= room, "\(text) in \(room)")
        #expect(cut == text || cut.hasSuffix("…"))
      }
    }
    #expect(TextMetrics.truncate("order", to: 200, fontSize: 12) == "order")
  }

  @Test func coordinatesAreShort() {
    let cases: [(Double, String)] = [
      (0, "0"), (1, "1"), (1.5, "1.5"), (1.005, "1"), (1.25, "1.25"), (-0.5, "-0.5"), (1_234.05, "1234.05"),
      (.nan, "0"), (-0.001, "0"),
    ]
    for (value, text) in cases { #expect(ChartNumber.coordinate(value) == text) }
  }

  /// A small chart, byte for byte: what changes here changes every page.
  @Test func goldenBars() {
    let chart = PageChart(
      title: "Hours", description: "Two bars.", source: "sample",
      shape: .bars(
        BarChart(
          unit: .hours,
          series: [ChartSeries(name: "failed", ink: .vermillion), ChartSeries(name: "slow", ink: .orange)],
          bars: [
            BarChart.Bar(label: "crm", total: "3.0 h", values: [2, 1]),
            BarChart.Bar(label: "<b>", total: "0.0 h", values: [0, 0]),
          ])))
    var markup = Markup()
    markup.chart(chart, width: 500, class: "chart wide")
    #expect(String(decoding: markup.bytes, as: UTF8.self) == Self.golden)
  }

  private static let golden = """
    <svg class="chart wide" viewBox="0 0 500 78" width="500" height="78" role="img" \
    aria-label="Hours. Two bars.">\
    <text class="tick" x="33.84" y="70" text-anchor="middle">0 h</text>\
    <line class="grid" x1="104.43" y1="0" x2="104.43" y2="54"></line>\
    <text class="tick" x="104.43" y="70" text-anchor="middle">0.5 h</text>\
    <line class="grid" x1="175.01" y1="0" x2="175.01" y2="54"></line>\
    <text class="tick" x="175.01" y="70" text-anchor="middle">1.0 h</text>\
    <line class="grid" x1="245.6" y1="0" x2="245.6" y2="54"></line>\
    <text class="tick" x="245.6" y="70" text-anchor="middle">1.5 h</text>\
    <line class="grid" x1="316.19" y1="0" x2="316.19" y2="54"></line>\
    <text class="tick" x="316.19" y="70" text-anchor="middle">2.0 h</text>\
    <line class="grid" x1="386.78" y1="0" x2="386.78" y2="54"></line>\
    <text class="tick" x="386.78" y="70" text-anchor="middle">2.5 h</text>\
    <line class="grid" x1="457.36" y1="0" x2="457.36" y2="54"></line>\
    <text class="tick" x="457.36" y="70" text-anchor="middle">3.0 h</text>\
    <text class="name" x="27.84" y="17" text-anchor="end">crm</text>\
    <rect class="ink-vermillion" x="33.84" y="4" width="282.35" height="18"><title>crm – failed: 2h \
    00m</title></rect>\
    <rect class="ink-orange" x="316.19" y="4" width="141.17" height="18"><title>crm – slow: 1h \
    00m</title></rect>\
    <text class="value" x="463.36" y="17" text-anchor="start">3.0 h</text>\
    <text class="name" x="27.84" y="43" text-anchor="end">&lt;b&gt;</text>\
    <text class="value" x="39.84" y="43" text-anchor="start">0.0 h</text>\
    <line class="axis" x1="33.84" y1="0" x2="33.84" y2="54"></line>\
    </svg>

    """

  /// Every text of a chart lies inside its picture, and names and totals don't meet bars.
  @Test func nothingIsClippedOrOverlaps() {
    let labels = ["a", String(repeating: "W", count: 256), "日本語", "Customer Service", ""]
    for width in [340.0, 820] {
      for scale in [1e-6, 1, 1e9] {
        let bars = labels.enumerated().map { index, label in
          BarChart.Bar(
            label: label, total: "\(Double(index) * scale) h", values: [Double(index) * scale, scale])
        }
        let chart = BarChart(
          unit: .hours,
          series: [ChartSeries(name: "a", ink: .blue), ChartSeries(name: "b", ink: .sky)], bars: bars)
        expectInside(.bars(chart), width: width)
      }
      for count in [1, 4, 12] {
        let columns = (0..<count).map {
          ColumnChart.Column(
            label: "\($0 + 1) Mar", total: "12.3%", values: [0.1, 0.02], interval: 0.05...0.2)
        }
        expectInside(
          .columns(
            ColumnChart(
              unit: .share,
              series: [ChartSeries(name: "a", ink: .blue), ChartSeries(name: "b", ink: .sky)],
              columns: columns)), width: width)
      }
    }
  }

  private func expectInside(_ shape: PageChart.Shape, width: Double) {
    var markup = Markup()
    markup.chart(PageChart(title: "t", description: "d", source: "s", shape: shape), width: width, class: "c")
    let svg = String(decoding: markup.bytes, as: UTF8.self)
    var rows: [String: [ClosedRange<Double>]] = [:]
    for piece in svg.components(separatedBy: "<text ").dropFirst() {
      guard let x = attribute("x", of: piece), let y = attribute("y", of: piece),
        let open = piece.firstIndex(of: ">"), let anchor = text("text-anchor", of: piece)
      else {
        Issue.record("a text without place: \(piece.prefix(80))")
        return
      }
      var content = String(piece[piece.index(after: open)...].prefix { $0 != "<" })
      if content.isEmpty, let title = piece.range(of: "</title>") {
        content = String(piece[title.upperBound...].prefix { $0 != "<" })
      }
      let isBold = text("class", of: piece) == "value"
      let size = TextMetrics.width(content, fontSize: 12, isBold: isBold)
      let left = anchor == "middle" ? x - size / 2 : anchor == "end" ? x - size : x
      #expect(left >= -0.51 && left + size <= width + 0.51, "\(content) at \(x) of \(width)")
      rows["\(y)", default: []].append(left...(left + max(0, size - 0.01)))
    }
    for (_, spans) in rows {
      let ordered = spans.sorted { $0.lowerBound < $1.lowerBound }
      for (one, next) in zip(ordered, ordered.dropFirst()) {
        #expect(one.upperBound <= next.lowerBound + 0.51, "texts overlap in \(width)")
      }
    }
  }

  private func attribute(_ name: String, of piece: String) -> Double? {
    text(name, of: piece).flatMap(Double.init)
  }

  private func text(_ name: String, of piece: String) -> String? {
    guard
      let start = piece.range(of: " \(name)=\"")
        ?? (piece.hasPrefix("\(name)=\"") ? piece.range(of: "\(name)=\"") : nil)
    else { return nil }
    return String(piece[start.upperBound...].prefix { $0 != "\"" })
  }
}
