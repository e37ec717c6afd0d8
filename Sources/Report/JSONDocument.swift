import Dispatch
import UsageModel

/// Reports and tables as JSON: keys in their given order, one row a line, so that two outputs can be
/// compared with `diff`.
enum JSONDocument {
  static func append(
    _ document: ReportDocument, rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8]
  ) {
    JSONWriter.append(literal: "{\n", to: &bytes)
    appendMember("report", document.report, to: &bytes)
    appendMember("method", document.method, to: &bytes)
    JSONWriter.append(literal: "  \"window\": ", to: &bytes)
    let window: [(String, ReportValue)] = [
      ("from", .text(document.window.from.description)),
      ("to", .text(document.window.to.description)),
      ("timezone", .text(document.timeZoneName)),
    ]
    appendObject(keys: keys(window.map { $0.0 }), values: window.map { $0.1 }, to: &bytes)
    JSONWriter.append(literal: ",\n", to: &bytes)
    appendMember("population", document.population, to: &bytes)
    appendMember("catalog", document.catalog, to: &bytes)
    JSONWriter.append(literal: "  \"totals\": ", to: &bytes)
    appendObject(
      keys: keys(document.totals.map { $0.name }), values: document.totals.map { $0.value }, to: &bytes)
    JSONWriter.append(literal: ",\n", to: &bytes)
    appendRows(columns: document.columns, rows: rows, to: &bytes)
    JSONWriter.append(literal: ",\n", to: &bytes)
    appendTexts("warnings", document.warnings, to: &bytes)
    JSONWriter.append(literal: "\n}\n", to: &bytes)
  }

  static func append(_ table: GenericTable, rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8]) {
    JSONWriter.append(literal: "{\n", to: &bytes)
    appendRows(columns: table.distinctColumns, rows: rows, to: &bytes)
    for aside in table.asides {
      JSONWriter.append(literal: ",\n", to: &bytes)
      appendTexts(aside.name, aside.items, to: &bytes)
    }
    if !table.warnings.isEmpty {
      JSONWriter.append(literal: ",\n", to: &bytes)
      appendTexts("warnings", table.warnings, to: &bytes)
    }
    JSONWriter.append(literal: "\n}\n", to: &bytes)
  }

  /// Newline-delimited JSON: one object a row.
  static func appendLines(
    columns: [String], rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8]
  ) {
    let keys = keys(columns)
    for row in rows {
      appendObject(keys: keys, values: row, to: &bytes)
      bytes.append(UInt8(ascii: "\n"))
    }
  }

  private static func appendRows(
    columns: [String], rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8]
  ) {
    JSONWriter.append(literal: "  \"rows\": [", to: &bytes)
    let parts = written(rows, keys: keys(columns))
    bytes.reserveCapacity(parts.reduce(bytes.count + tailBytes) { $0 + $1.count })
    for part in parts { bytes.append(contentsOf: part) }
    JSONWriter.append(literal: rows.isEmpty ? "]" : "\n  ]", to: &bytes)
  }

  /// What usually comes behind the rows: warnings, mostly.
  private static let tailBytes = 4_096
  /// What a value usually takes beside its key.
  private static let valueBytes = 12

  /// Rows that are worth a part of their own.
  private static let rowsOfPart = 4_096

  /// The rows in parts, which are written at the same time.
  private static func written(_ rows: ArraySlice<[ReportValue]>, keys: [[UInt8]]) -> [[UInt8]] {
    let starts = Array(stride(from: rows.startIndex, to: rows.endIndex, by: rowsOfPart))
    let rowBytes = keys.reduce(0) { $0 + $1.count + valueBytes }
    var parts = [[UInt8]](repeating: [], count: starts.count)
    parts.withUnsafeMutableBufferPointer { parts in
      // Each call has one element of the buffer to itself.
      nonisolated(unsafe) let parts = parts
      DispatchQueue.concurrentPerform(iterations: starts.count) { index in
        let end = min(starts[index] + rowsOfPart, rows.endIndex)
        parts[index].reserveCapacity((end - starts[index]) * rowBytes)
        for row in starts[index]..<end {
          JSONWriter.append(literal: row == rows.startIndex ? "\n    " : ",\n    ", to: &parts[index])
          appendObject(keys: keys, values: rows[row], to: &parts[index])
        }
      }
    }
    return parts
  }

  private static func appendTexts(_ name: String, _ texts: [String], to bytes: inout [UInt8]) {
    JSONWriter.append(literal: "  ", to: &bytes)
    bytes.append(contentsOf: key(name))
    JSONWriter.append(literal: "[", to: &bytes)
    var separator = "\n    "
    for text in texts {
      JSONWriter.append(literal: separator, to: &bytes)
      JSONWriter.append(string: text, to: &bytes)
      separator = ",\n    "
    }
    JSONWriter.append(literal: texts.isEmpty ? "]" : "\n  ]", to: &bytes)
  }

  /// A key with its quotes and colon, escaped once for all rows.
  private static func key(_ name: String) -> [UInt8] {
    var bytes: [UInt8] = []
    JSONWriter.append(string: name, to: &bytes)
    JSONWriter.append(literal: ": ", to: &bytes)
    return bytes
  }

  /// An object's keys, each but the first with the comma before it.
  private static func keys(_ names: [String]) -> [[UInt8]] {
    names.enumerated().map { (index, name) in Array((index > 0 ? ", " : "").utf8) + key(name) }
  }

  private static func appendObject(keys: [[UInt8]], values: [ReportValue], to bytes: inout [UInt8]) {
    precondition(keys.count == values.count, "BUG: a row needs one value a column")
    bytes.append(UInt8(ascii: "{"))
    for index in keys.indices {
      bytes.append(contentsOf: keys[index])
      JSONWriter.append(values[index], to: &bytes)
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private static func appendMember(_ name: String, _ text: String, to bytes: inout [UInt8]) {
    JSONWriter.append(literal: "  ", to: &bytes)
    bytes.append(contentsOf: key(name))
    JSONWriter.append(string: text, to: &bytes)
    JSONWriter.append(literal: ",\n", to: &bytes)
  }
}
