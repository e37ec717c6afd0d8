import UsageModel
import WireFormat

/// A CSV file of events, read whole and in small pieces.
enum CommaSeparatedAttack {
  private static let batch = EventBatch()

  /// What became of a file's records.
  private struct Outcome: Equatable {
    var lines: [[UInt8]] = []
    var reasons: [RejectReason] = []
    var malformedCount = 0
  }

  static func run(_ bytes: UnsafeRawBufferPointer) {
    let whole = decode(bytes, pieceBytes: max(1, bytes.count))
    let pieces = decode(bytes, pieceBytes: 7)
    require(whole == pieces, "a file reads differently in pieces")
    DecodedEvents.requireRoundTrip(whole.lines)
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, pieceBytes: Int) -> Outcome {
    batch.removeAll()
    var outcome = Outcome()
    var reader = CommaSeparatedReader()
    var decoder: CommaSeparatedEventDecoder?
    var json = JSONEventDecoder()
    json.setReceipt(milliseconds: DecodedEvents.receivedMilliseconds)
    var cellCount = 0
    var taken = 0
    reading: while true {
      switch reader.next() {
      case .record:
        if decoder == nil {
          guard let header = try? CommaSeparatedHeader(reader) else { return outcome }
          guard let made = try? CommaSeparatedEventDecoder(header: header) else { return outcome }
          decoder = consume made
          cellCount = header.names.count
        } else if reader.cellCount != cellCount {
          // The decoder takes records of the header's length only; who reads a file sees to it.
          outcome.malformedCount += 1
        } else {
          decoder?.decode(reader, using: &json, into: batch)
        }
      case .malformed: outcome.malformedCount += 1
      case .needsBytes:
        let count = min(pieceBytes, bytes.count - taken)
        if count == 0 {
          reader.finish()
        } else {
          withExactMemory(bytes[taken..<taken + count]) { reader.append(UnsafeRawBufferPointer($0)) }
        }
        taken += count
      case .end: break reading
      }
    }
    DecodedEvents.requireBounds(batch)
    outcome.lines = DecodedEvents.lines(batch)
    outcome.reasons = batch.rejects.map(\.reason)
    return outcome
  }
}
