import Foundation
import UsageModel
import WireFormat

/// What the attacks on events share: decoding, and the bounds that a stored event keeps.
enum DecodedEvents {
  /// When the events are received: 2026-06-01.
  static let receivedMilliseconds: Int64 = 1_780_272_000_000

  /// Made once, as its buffer takes longer to make than an input to decode.
  private final class Decoder {
    var json = JSONEventDecoder()
    init() { json.setReceipt(milliseconds: receivedMilliseconds) }
  }

  /// Used by one thread at a time, as libFuzzer and the tests do.
  nonisolated(unsafe) private static let decoder = Decoder()
  private static let again = EventBatch()

  /// Decodes JSON lines as a datagram gives them.
  static func json(_ bytes: [UInt8], into batch: EventBatch) {
    withExactMemory(bytes) { memory in
      var rest = memory[...]
      while !rest.isEmpty {
        let consumed = decoder.json.decodeLines(
          UnsafeBufferPointer(rebasing: rest), isFinal: true, into: batch)
        require(consumed > 0, "the JSON decoder stands still")
        rest = rest.dropFirst(consumed)
      }
    }
  }

  /// An event as the line that sends it, which tells all its bytes.
  static func line(_ event: UsageEvent) -> [UInt8] {
    var line: [UInt8] = []
    JSONEventEncoder.append(event, to: &line)
    return line
  }

  static func lines(_ batch: EventBatch, _ rows: Range<Int>? = nil) -> [[UInt8]] {
    (rows ?? 0..<batch.count).map { line(batch.event(at: $0)) }
  }

  /// Each event reads back from its line as the same.
  static func requireRoundTrip(_ lines: [[UInt8]]) {
    if lines.isEmpty { return }
    again.removeAll()
    json(Array(lines.joined()), into: again)
    require(again.rejects.isEmpty, "an event is refused when it is sent again: \(again.rejects)")
    require(self.lines(again) == lines, "an event is another when it is sent again")
  }

  static func requireBounds(_ batch: EventBatch, _ rows: Range<Int>? = nil) {
    for row in rows ?? 0..<batch.count {
      require(isWithinBounds(batch, row), "event breaks a bound: \(batch.event(at: row))")
    }
  }

  private static func isWithinBounds(_ batch: EventBatch, _ row: Int) -> Bool {
    let latest = receivedMilliseconds + EventLimits.futureToleranceMilliseconds
    guard (EventLimits.earliestTimeMilliseconds...latest).contains(batch.time[row]),
      EventKind(rawValue: batch.kind[row]) != nil, EventOutcome(rawValue: batch.outcome[row]) != nil,
      (0...EventLimits.durationMillisecondsMax + 1).contains(batch.durationPlusOne[row]),
      batch.sequence[row] >= 0, (batch.sequence[row] == 0) == (batch.source[row] == 0),
      batch.user[row] != 0, batch.app[row] != 0,
      batch.feature[row] != 0 || batch.kind[row] != EventKind.use.rawValue
    else { return false }
    for string in [
      batch.user[row], batch.app[row], batch.feature[row], batch.host[row], batch.session[row],
      batch.version[row], batch.cause[row], batch.source[row],
    ] where string != 0 {
      let isSound = batch.strings.withBytes(of: string) { text in
        (1...EventLimits.stringBytesMax).contains(text.count) && !text.contains(0)
          && String(validating: text, as: UTF8.self) != nil
      }
      if !isSound { return false }
    }
    return batch.attributes[row] == 0 || hasSoundAttributes(batch, row)
  }

  private static func hasSoundAttributes(_ batch: EventBatch, _ row: Int) -> Bool {
    let text = batch.strings.withBytes(of: batch.attributes[row]) { Data($0) }
    guard let object = try? JSONSerialization.jsonObject(with: text) as? [String: String] else {
      return false
    }
    return (1...EventLimits.attributesMax).contains(object.count)
      && object.allSatisfy {
        (1...EventLimits.attributeKeyBytesMax).contains($0.key.utf8.count)
          && $0.value.utf8.count <= EventLimits.attributeValueBytesMax
      }
  }
}
