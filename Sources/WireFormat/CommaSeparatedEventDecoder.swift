import UsageModel

/// Decodes events from CSV records with the same field names as JSON.
///
/// An empty cell is an absent field. `attributes` holds a JSON object. Each record is turned into the JSON
/// line that says the same, and read by the one JSON decoder: so both forms obey the same rules.
package struct CommaSeparatedEventDecoder: ~Copyable {
  /// Columns that an event file must have.
  package static let requiredColumns = ["time", "user", "app"]
  /// Every column that means something.
  package static let knownColumns = [
    "time", "user", "app", "feature", "kind", "outcome", "duration_ms", "host", "session", "version",
    "cause", "source", "seq", "attributes",
  ]

  private let fields: [(name: String, index: Int)]
  private var line: [UInt8] = []

  /// - Throws: `CommaSeparatedHeader.Failure` when a required column is missing.
  package init(header: CommaSeparatedHeader) throws {
    try header.require(Self.requiredColumns)
    fields = Self.knownColumns.compactMap { name in header.index(of: name).map { (name, $0) } }
  }

  /// Decodes the reader's current record into the batch.
  package mutating func decode(
    _ reader: borrowing CommaSeparatedReader, using json: inout JSONEventDecoder, into batch: EventBatch
  ) {
    line.removeAll(keepingCapacity: true)
    line.append(0x7B)
    for (name, index) in fields where !reader.isEmpty(index) {
      if line.count > 1 { line.append(0x2C) }
      line.append(0x22)
      line.append(contentsOf: name.utf8)
      line.append(0x22)
      line.append(0x3A)
      reader.withBytes(index) { bytes in
        if Self.isBare(name, bytes) {
          line.append(contentsOf: bytes)
        } else {
          JSONText.appendString(bytes, to: &line)
        }
      }
    }
    line.append(0x7D)
    line.withUnsafeBufferPointer { json.decodeLine($0, into: batch) }
  }

  /// Whether a cell goes into the JSON line without quotes: numbers and the attributes object.
  private static func isBare(_ name: String, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    switch name {
    case "attributes": isJSONObject(bytes)
    case "duration_ms", "seq", "time":
      bytes.allSatisfy { $0 &- 0x30 <= 9 || $0 == 0x2D }
        && isJSONInteger(bytes)
    default: false
    }
  }

  /// Whether a cell is one JSON object and nothing more: what follows it would become other fields.
  private static func isJSONObject(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let start = bytes.baseAddress else { return false }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count) { scratch in
      guard let scratch = scratch.baseAddress else { return false }
      var scanner = JSONScanner(start, end: start + bytes.count, scratch: scratch)
      guard scanner.peek() == 0x7B else { return false }
      do throws(JSONScanner.Failure) {
        try scanner.skipValue()
      } catch .notUTF8 {
        // The event's own reading names this reason; the object's end is known all the same.
      } catch {
        return false
      }
      return scanner.peek() == 0 && scanner.isAtEnd
    }
  }

  /// Leading zeros and lone signs are not JSON; quoted, they are refused as what they are.
  private static func isJSONInteger(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let digits = bytes.first == 0x2D ? bytes.dropFirst() : bytes[...]
    return !digits.isEmpty && (digits.count == 1 || digits.first != 0x30) && !digits.contains(0x2D)
  }
}
