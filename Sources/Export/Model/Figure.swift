import Report
import UsageModel

/// One number on a page, with where it comes from.
package struct Figure: Equatable, Sendable {
  /// As people read it.
  package var text: String
  /// As the export's JSON form holds it.
  package var value: ReportValue
  /// Path of the value below `reports` in the export's JSON form: `erosion.rows[0].lost_ms`.
  package var source: String

  /// The same value in other words.
  func worded(_ text: (ReportValue) -> String) -> Figure {
    Figure(text: value == .null ? HumanNumber.absent : text(value), value: value, source: source)
  }
}

extension ReportValue {
  /// The value as a number for drawing and rules; nil for texts and what cannot be had.
  var amount: Double? {
    switch self {
    case .integer(let integer): Double(integer)
    case .number(let number): number.isFinite ? number : nil
    case .null, .text, .boolean: nil
    }
  }

  /// The value as a text; nil for anything else.
  var name: String? { if case .text(let text) = self { text } else { nil } }
}
