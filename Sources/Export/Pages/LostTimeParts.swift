import UsageModel

/// The four parts of lost time, in the order in which they always stand.
enum LostTimePart: String, CaseIterable {
  case failed
  case slow
  case help
  case interruption

  var column: String { rawValue + "_ms" }

  var words: String {
    switch self {
    case .failed: "failed attempts"
    case .slow: "slower than best practice"
    case .help: "looking for help"
    case .interruption: "interruptions"
    }
  }

  var series: ChartSeries {
    switch self {
    case .failed: ChartSeries(name: words, ink: .vermillion)
    case .slow: ChartSeries(name: words, ink: .orange)
    case .help: ChartSeries(name: words, ink: .sky)
    case .interruption: ChartSeries(name: words, ink: .purple)
    }
  }

  static var series: [ChartSeries] { allCases.map(\.series) }

  /// Hours of each part in a row of an erosion report.
  static func hours(_ part: ExportPart, row: Int) -> [Double] {
    allCases.map { Wording.hours(part.value($0.column, row: row)) }
  }

  /// The parts as rows: time, points of all face time, and share of the lost time.
  static func table(_ erosion: ExportPart) -> ExportPart {
    let lost = erosion.value("lost_ms").amount ?? 0
    let points = erosion.value("points").amount
    let rows = allCases.map { part -> [ReportValue] in
      let value = erosion.value(part.column)
      guard let amount = value.amount else { return [.text(part.words), .null, .null, .null] }
      let share = lost > 0 ? amount / lost : nil
      return [
        .text(part.words), value, points.map { .number(lost > 0 ? $0 * amount / lost : 0) } ?? .null,
        share.map(ReportValue.number) ?? .null,
      ]
    }
    return .made(
      "lost_by_part", method: erosion.document.method, like: erosion.document,
      columns: ["part", "lost_ms", "points", "share"], rows: rows)
  }
}
