import UsageModel
import WireFormat

/// Reads what other programs export as CSV: other delimiters, and column names that stand several times.
struct ExportTable: ~Copyable {
  /// Which cells may hold one field, in the order in which they are asked.
  typealias Places = [Int]

  private var input: ByteInput
  private var reader = CommaSeparatedReader()
  /// The header, as ``normalized(_:)`` leaves it.
  private(set) var names: [String] = []
  /// The header as it stands in the file.
  private(set) var titles: [String] = []
  private(set) var result = ImportResult()

  /// Bytes in which the header is looked for to tell the delimiter.
  private static let headBytes = 65_536
  /// Ignored columns named in the warning; further ones are only counted.
  private static let ignoredMax = 20

  /// - Throws: `ImportError` when there is no header line.
  init(_ input: ByteInput) throws {
    self.input = input
    let (head, whole) = try ByteInput.peek(input, limit: Self.headBytes)
    self.input = whole
    reader = CommaSeparatedReader(delimiter: Self.delimiter(of: head))
    guard try advance() else { throw ImportError("the tickets file is empty: it needs a header line") }
    for index in 0..<reader.cellCount {
      guard let text = reader.text(index) else {
        throw ImportError("tickets: the name of column \(index + 1) is not UTF-8; convert the file to UTF-8")
      }
      titles.append(text)
      names.append(Self.normalized(text))
    }
  }

  /// A column name without what exports vary: case, and anything between letters and digits.
  static func normalized(_ name: String) -> String {
    var result = ""
    var isBetween = false
    for character in name.lowercased() {
      if character.isLetter || character.isNumber {
        if isBetween, !result.isEmpty { result.append("_") }
        result.append(character)
        isBetween = false
      } else {
        isBetween = true
      }
    }
    return result
  }

  /// The cells of the columns with these (normalized) names, name by name, then left to right.
  func places(of wanted: [String]) -> Places {
    wanted.flatMap { name in names.indices.filter { names[$0].hasSameBytes(as: name) } }
  }

  /// Moves to the next sound record, counting refused ones on the way; false at the end.
  mutating func next() throws -> Bool {
    while try advance() {
      // A line with nothing on it is no record.
      if reader.cellCount == 1 && reader.isEmpty(0) { continue }
      guard reader.cellCount == names.count else {
        reject("csv", "\(reader.cellCount) cells, the header has \(names.count)")
        continue
      }
      return true
    }
    return false
  }

  /// The line on which the current record begins.
  var line: Int { reader.line }

  /// The first cell among `places` that is not one of `missing`; "" when there is none, nil when it is not
  /// UTF-8 or holds NUL.
  func text(_ places: Places, missing: [String]) -> String? {
    for place in places where !reader.isEmpty(place) {
      guard let text = reader.text(place), !text.utf8.contains(0) else { return nil }
      let trimmed = CellText.trimmed(text)
      if trimmed.isEmpty || missing.contains(where: { $0.hasSameBytes(as: trimmed) }) { continue }
      return trimmed
    }
    return ""
  }

  mutating func reject(_ reason: String, _ detail: String? = nil) {
    result.reject(reason, line: reader.line, detail: detail)
  }

  mutating func warn(_ text: String) { result.warnings.append(text) }

  /// Names the columns that no field took, up to a limit.
  mutating func warnIgnored(used: Set<Int>) {
    let ignored = titles.indices.filter { !used.contains($0) && !titles[$0].isEmpty }.map { titles[$0] }
    guard !ignored.isEmpty else { return }
    let more = ignored.count > Self.ignoredMax ? " and \(ignored.count - Self.ignoredMax) more" : ""
    warn("ignored columns: \(ignored.prefix(Self.ignoredMax).joined(separator: ", "))\(more)")
  }

  /// Fills in the counts once all records are read.
  mutating func finish(accepted: Int, duplicate: Int) -> ImportResult {
    result.accepted = accepted
    result.duplicate = duplicate
    return result
  }

  /// The commonest of comma, semicolon and tab on the first line, outside quotes.
  private static func delimiter(of head: [UInt8]) -> UInt8 {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    for byte in head {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if isQuoted { continue }
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
      counts[byte, default: 0] += 1
    }
    let candidates = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
    var best = candidates[0]
    for candidate in candidates where counts[candidate, default: 0] > counts[best, default: 0] {
      best = candidate
    }
    return best
  }

  private mutating func advance() throws -> Bool {
    try reader.advance(reading: &input, rejecting: &result)
  }
}

extension CellText {
  /// The text without white space at its ends.
  static func trimmed(_ text: String) -> String {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let first = text.utf8.first, let last = text.utf8.last, isBlank(first) || isBlank(last) else {
      return text
    }
    var bytes = Substring(text).utf8
    while let byte = bytes.first, isBlank(byte) { bytes.removeFirst() }
    while let byte = bytes.last, isBlank(byte) { bytes.removeLast() }
    return String(Substring(bytes))
  }
}
