import UsageModel
import WireFormat

/// A protobuf batch, framed or not.
enum ProtobufAttack {
  private static let batch = EventBatch()
  private static let again = EventBatch()
  private static let refused = EventBatch()

  /// Made once, as libFuzzer and the tests use one thread at a time.
  private final class Decoder {
    var batches = BatchEventDecoder()
    init() { batches.setReceipt(milliseconds: DecodedEvents.receivedMilliseconds) }
  }

  nonisolated(unsafe) private static let decoder = Decoder()

  static func run(_ bytes: UnsafeRawBufferPointer) {
    withExactMemory(bytes) { memory in
      let memory = UnsafeRawBufferPointer(memory)
      if case .batch(let range) = UsageBatchFrame.inspect(memory) {
        decode(UnsafeRawBufferPointer(rebasing: memory[range]))
      }
      decode(memory)
    }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer) {
    batch.removeAll()
    // A full batch is enough to judge; the rest of the input is decoded over it.
    _ = decoder.batches.decode(bytes, into: batch) { full in
      full.removeAll()
      return full
    }
    DecodedEvents.requireBounds(batch)
    requireRoundTrip()
    requireRefusedAgain()
  }

  private static func requireRoundTrip() {
    guard batch.count > 0 else { return }
    let events = (0..<batch.count).map { batch.event(at: $0) }
    guard let frame = try? UsageBatchEncoder.encode(events) else {
      return require(false, "an event cannot be sent again")
    }
    again.removeAll()
    frame.withUnsafeBytes { bytes in
      guard case .batch(let range) = UsageBatchFrame.inspect(bytes), range.upperBound == bytes.count else {
        return require(false, "an encoded batch is no frame")
      }
      _ = decoder.batches.decode(UnsafeRawBufferPointer(rebasing: bytes[range]), into: again) { $0 }
    }
    require(
      events.map(DecodedEvents.line) == DecodedEvents.lines(again),
      "an event is another when it is sent again")
  }

  /// What is kept of a refused event is refused when it is read as a line, too.
  private static func requireRefusedAgain() {
    for reject in batch.rejects.prefix(8) where reject.reason != .badBatch {
      guard let bytes = reject.bytes, bytes.count == reject.byteCount else { continue }
      refused.removeAll()
      DecodedEvents.json(bytes.map { $0 == 0x0A ? 0x20 : $0 }, into: refused)
      require(refused.count == 0, "a refused event (\(reject.reason)) is taken from its dead letter")
    }
  }
}
