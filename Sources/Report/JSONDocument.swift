import Dispatch
import UsageModel

/// Reports and tables as JSON: keys in their given order, one row a line, so that two outputs can be
/// compared with `diff`.
enum JSONDocument {
  static func append(
    _ document: ReportDocument, rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8],
    _ handOver: (inout [UInt8]) -> Void
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
    appendRows(columns: document.columns, rows: rows, to: &bytes, handOver)
    JSONWriter.append(literal: ",\n", to: &bytes)
    appendTexts("warnings", document.warnings, to: &bytes)
    JSONWriter.append(literal: "\n}\n", to: &bytes)
  }

  static func append(
    _ table: GenericTable, rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8],
    _ handOver: (inout [UInt8]) -> Void
  ) {
    JSONWriter.append(literal: "{\n", to: &bytes)
    appendRows(columns: table.distinctColumns, rows: rows, to: &bytes, handOver)
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
    columns: [String], rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8],
    _ handOver: (inout [UInt8]) -> Void
  ) {
    let keys = keys(columns)
    for (index, row) in rows.enumerated() {
      appendObject(keys: keys, values: row, to: &bytes)
      bytes.append(UInt8(ascii: "\n"))
      if index % rowsOfPart == rowsOfPart - 1 { handOver(&bytes) }
    }
  }

  private static func appendRows(
    columns: [String], rows: ArraySlice<[ReportValue]>, to bytes: inout [UInt8],
    _ handOver: (inout [UInt8]) -> Void
  ) {
    JSONWriter.append(literal: "  \"rows\": [", to: &bytes)
    let keys = keys(columns)
    var parts = [[UInt8]](repeating: [], count: partsAtOnce)
    var rest = rows
    while !rest.isEmpty {
      let written = rest.prefix(partsAtOnce * rowsOfPart)
      let count = (written.count + rowsOfPart - 1) / rowsOfPart
      write(written, keys: keys, isFirst: rest.startIndex == rows.startIndex, count: count, into: &parts)
      for part in parts[..<count] { bytes.append(contentsOf: part) }
      handOver(&bytes)
      rest = rest.dropFirst(written.count)
    }
    JSONWriter.append(literal: rows.isEmpty ? "]" : "\n  ]", to: &bytes)
  }

  /// Keys as they are written, one behind the other: an array for each would be counted up and down by every thread.
  private struct ObjectKeys {
    var bytes: [UInt8] = []
    /// By key: where it ends.
    var ends: [Int] = []
  }

  /// What a value usually takes beside its key.
  private static let valueBytes = 12

  /// Rows that are worth a part of their own.
  private static let rowsOfPart = 1_024
  /// Parts that are in memory together, some megabytes of text.
  private static let partsAtOnce = 8

  /// Writes rows in parts, which are written at the same time.
  private static func write(
    _ rows: ArraySlice<[ReportValue]>, keys: ObjectKeys, isFirst: Bool, count: Int,
    into parts: inout [[UInt8]]
  ) {
    let rowBytes = keys.bytes.count + keys.ends.count * valueBytes
    parts.withUnsafeMutableBufferPointer { parts in
      // Each call has one element of the buffer to itself.
      nonisolated(unsafe) let parts = parts
      DispatchQueue.concurrentPerform(iterations: count) { index in
        let partRows = rows.dropFirst(index * rowsOfPart).prefix(rowsOfPart)
        parts[index].removeAll(keepingCapacity: true)
        parts[index].reserveCapacity(partRows.count * rowBytes)
        for row in partRows.indices {
          let isFirstOfAll = isFirst && row == rows.startIndex
          JSONWriter.append(literal: isFirstOfAll ? "\n    " : ",\n    ", to: &parts[index])
          appendObject(keys: keys, values: partRows[row], to: &parts[index])
        }
      }
    }
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
  private static func keys(_ names: [String]) -> ObjectKeys {
    var keys = ObjectKeys()
    for name in names {
      if !keys.ends.isEmpty { keys.bytes += ", ".utf8 }
      keys.bytes += key(name)
      keys.ends.append(keys.bytes.count)
    }
    return keys
  }

  private static func appendObject(keys: ObjectKeys, values: [ReportValue], to bytes: inout [UInt8]) {
    precondition(keys.ends.count == values.count, "BUG: a row needs one value a column")
    bytes.append(UInt8(ascii: "{"))
    keys.bytes.withUnsafeBufferPointer { keyBytes in
      var start = 0
      for (end, value) in zip(keys.ends, values) {
        bytes.append(contentsOf: keyBytes[start..<end])
        JSONWriter.append(value, to: &bytes)
        start = end
      }
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
