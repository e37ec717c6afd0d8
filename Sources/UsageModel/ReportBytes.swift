/// A report as bytes, to be kept and read again by the same version of the program.
package enum ReportBytes {
  /// - Complexity: O(values).
  package static func encode(_ document: ReportDocument) -> [UInt8] {
    var output = Output()
    for text in [
      document.report, document.method, document.timeZoneName, document.population, document.catalog,
    ] { output.append(text) }
    output.append(Int64(document.window.from.number))
    output.append(Int64(document.window.to.number))
    output.append(document.totals) { output, field in
      output.append(field.name)
      output.append(field.value)
    }
    output.append(document.columns) { $0.append($1) }
    output.append(document.rows) { output, row in output.append(row) { $0.append($1) } }
    output.append(document.warnings) { $0.append($1) }
    return output.bytes
  }

  /// - Returns: nil when the bytes are not a whole report.
  package static func decode(_ bytes: [UInt8]) -> ReportDocument? {
    var input = Input(bytes: bytes[...])
    do {
      let texts = try (0..<5).map { _ in try input.text() }
      let from = try input.day()
      let to = try input.day()
      let totals = try input.list { ReportField(try $0.text(), try $0.value()) }
      let columns = try input.list { try $0.text() }
      let rows = try input.list { try $0.list { try $0.value() } }
      let warnings = try input.list { try $0.text() }
      guard input.bytes.isEmpty, rows.allSatisfy({ $0.count == columns.count }) else { return nil }
      return ReportDocument(
        report: texts[0], method: texts[1], window: Window(from: from, to: to), timeZoneName: texts[2],
        population: texts[3], catalog: texts[4], totals: totals, columns: columns, rows: rows,
        warnings: warnings)
    } catch {
      return nil
    }
  }

  private struct Output {
    var bytes: [UInt8] = []

    mutating func append(_ number: Int64) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ text: String) {
      append(Int64(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }

    mutating func append(_ value: ReportValue) {
      switch value {
      case .null: bytes.append(0)
      case .text(let text):
        bytes.append(1)
        append(text)
      case .integer(let number):
        bytes.append(2)
        append(number)
      case .number(let number):
        bytes.append(3)
        append(Int64(bitPattern: number.bitPattern))
      case .boolean(let isTrue): bytes.append(isTrue ? 5 : 4)
      }
    }

    mutating func append<Element>(_ list: [Element], _ body: (inout Output, Element) -> Void) {
      append(Int64(list.count))
      for element in list { body(&self, element) }
    }
  }

  private struct Malformed: Error {}

  private struct Input {
    var bytes: ArraySlice<UInt8>

    mutating func take(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
      guard count >= 0, count <= bytes.count else { throw Malformed() }
      defer { bytes = bytes.dropFirst(count) }
      return bytes.prefix(count)
    }

    mutating func number() throws(Malformed) -> Int64 {
      try take(8).reversed().reduce(0) { $0 << 8 | Int64($1) }
    }

    mutating func day() throws(Malformed) -> CivilDay {
      guard let number = Int32(exactly: try number()) else { throw Malformed() }
      return CivilDay(number: number)
    }

    mutating func text() throws(Malformed) -> String {
      String(decoding: try take(Int(try number())), as: UTF8.self)
    }

    mutating func value() throws(Malformed) -> ReportValue {
      switch try take(1).first {
      case 0: .null
      case 1: .text(try text())
      case 2: .integer(try number())
      case 3: .number(Double(bitPattern: UInt64(bitPattern: try number())))
      case 4: .boolean(false)
      case 5: .boolean(true)
      default: throw Malformed()
      }
    }

    mutating func list<Element>(_ body: (inout Input) throws -> Element) throws -> [Element] {
      let count = Int(try number())
      // Each element takes a byte at least, so no more is reserved than was written.
      guard count >= 0, count <= bytes.count else { throw Malformed() }
      var elements: [Element] = []
      elements.reserveCapacity(count)
      for _ in 0..<count { elements.append(try body(&self)) }
      return elements
    }
  }
}
