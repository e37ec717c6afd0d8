import UsageModel
import WireFormat

/// Reads small CSV files (roster, catalog, tickets) record by record.
struct TableFile: ~Copyable {
  /// One record with its cells by column name; an absent column and an empty cell are both "".
  struct Record {
    var line: Int
    private let header: CommaSeparatedHeader
    private let cells: [String]

    init(line: Int, header: CommaSeparatedHeader, cells: [String]) {
      self.line = line
      self.header = header
      self.cells = cells
    }

    subscript(name: String) -> String { header.index(of: name).map { cells[$0] } ?? "" }
  }

  private let name: String
  private var input: ByteInput
  private var reader = CommaSeparatedReader()
  private var header: CommaSeparatedHeader?
  private(set) var result = ImportResult()

  /// - Parameters:
  ///   - name: what the file is, for messages: "roster".
  ///   - required: columns without which nothing makes sense.
  ///   - known: columns that mean something; others are named in a warning.
  init(_ name: String, _ input: ByteInput, required: [String], known: [String]) throws {
    self.name = name
    self.input = input
    guard try advance() else { throw ImportError("the \(name) file is empty: it needs a header line") }
    do {
      let header = try CommaSeparatedHeader(reader)
      try header.require(required)
      let unknown = header.unknownNames(known: known)
      if !unknown.isEmpty {
        result.warnings.append("ignored unknown columns: \(unknown.joined(separator: ", "))")
      }
      self.header = header
    } catch {
      throw ImportError("\(name): \(error); known columns are \(known.joined(separator: ", "))")
    }
  }

  /// The next sound record, nil at the end; refused ones are counted on the way.
  mutating func next() throws -> Record? {
    while try advance() {
      guard let header else { return nil }
      // A line with nothing on it is no record.
      if reader.cellCount == 1 && reader.isEmpty(0) { continue }
      guard reader.cellCount == header.names.count else {
        result.reject(
          "csv", line: reader.line, detail: "\(reader.cellCount) cells, the header has \(header.names.count)")
        continue
      }
      var cells: [String] = []
      for index in 0..<reader.cellCount {
        if let text = reader.text(index) { cells.append(text) }
      }
      guard cells.count == header.names.count else {
        result.reject("not_utf8", line: reader.line)
        continue
      }
      guard !cells.contains(where: { $0.utf8.contains(0) }) else {
        result.reject("nul_character", line: reader.line)
        continue
      }
      return Record(line: reader.line, header: header, cells: cells)
    }
    return nil
  }

  mutating func reject(_ reason: String, _ record: Record, _ detail: String? = nil) {
    result.reject(reason, line: record.line, detail: detail)
  }

  mutating func accept() { result.accepted += 1 }

  mutating func countDuplicate() { result.duplicate += 1 }

  mutating func warn(_ text: String) {
    if result.warnings.count < ImportResult.problemsMax { result.warnings.append(text) }
  }

  /// Moves to the next record that can be read; false at the end of the file.
  private mutating func advance() throws -> Bool {
    try reader.advance(reading: &input, rejecting: &result)
  }
}

/// Cells that are switches or numbers.
enum CellText {
  /// `true`, `1`, `yes` or `false`, `0`, `no`, empty; nil for anything else.
  static func boolean(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "true", "1", "yes": true
    case "false", "0", "no", "": false
    default: nil
    }
  }

  /// A whole number in the range; the default when empty; nil when it is neither.
  static func integer(_ text: String, _ range: ClosedRange<Int64>, whenEmpty: Int64) -> Int64? {
    if text.isEmpty { return whenEmpty }
    guard let value = Int64(text), range.contains(value) else { return nil }
    return value
  }
}
