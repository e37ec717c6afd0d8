import UsageModel

/// Rows as RFC 4180 with a header of the row keys.
///
/// - Lines end with LF rather than CRLF: every RFC 4180 reader takes it, and `cut` and `awk` leave no
///   carriage return in the last column.
/// - `null` is an empty cell and an empty string is `""`, so the two stay apart; a row that would be an
///   empty line is written `""`, since many readers skip empty lines.
/// - Values are exact and never altered; a spreadsheet may take a name that begins with `=` for a formula.
enum CommaSeparatedText {
  /// After so many rows what was written is handed over.
  private static let rowsOfPart = 1_024

  static func append(
    columns: [String], rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8],
    _ handOver: (inout [UInt8]) -> Void
  ) {
    appendRecord(columns.map { .text($0) }, to: &bytes)
    for (index, row) in rows.enumerated() {
      precondition(row.count == columns.count, "BUG: a row needs one value a column")
      appendRecord(row, to: &bytes)
      if index % rowsOfPart == rowsOfPart - 1 { handOver(&bytes) }
    }
  }

  private static func appendRecord(_ values: [ReportValue], to bytes: inout [UInt8]) {
    let start = bytes.count
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      appendCell(value, to: &bytes)
    }
    if bytes.count == start { bytes.append(contentsOf: "\"\"".utf8) }
    bytes.append(UInt8(ascii: "\n"))
  }

  private static func appendCell(_ value: ReportValue, to bytes: inout [UInt8]) {
    switch value {
    case .null: break
    case .text(let text): appendText(text, to: &bytes)
    case .integer(let integer): bytes.append(contentsOf: String(integer).utf8)
    case .number(let number): if number.isFinite { bytes.append(contentsOf: number.description.utf8) }
    case .boolean(let boolean): bytes.append(contentsOf: (boolean ? "true" : "false").utf8)
    }
  }

  private static func appendText(_ text: String, to bytes: inout [UInt8]) {
    guard text.isEmpty || text.utf8.contains(where: needsQuotes) else {
      bytes.append(contentsOf: text.utf8)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func needsQuotes(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
      || byte == UInt8(ascii: "\r")
  }
}
