import UsageModel

@testable import WireFormat

/// What a decoder made of bytes, as plain values.
struct DecodedEvents: Equatable {
  var events: [UsageEvent] = []
  var reasons: [RejectReason] = []

  init(events: [UsageEvent] = [], reasons: [RejectReason] = []) {
    self.events = events
    self.reasons = reasons
  }

  init(_ batch: EventBatch) {
    events = (0..<batch.count).map { batch.event(at: $0) }
    reasons = batch.rejects.map(\.reason)
  }
}

/// Decoders for tests, on bytes whose memory ends where they end, so that a sanitizer sees every overrun.
enum EventDecoding {
  /// When the events of these tests are received: 2026-06-01.
  static let receivedMilliseconds: Int64 = 1_780_272_000_000

  static func withExactMemory<Result>(
    _ bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    defer { memory.deallocate() }
    _ = memory.initialize(from: bytes)
    return try body(UnsafeBufferPointer(memory))
  }

  /// Decodes JSON lines as a datagram or file gives them.
  static func json(_ bytes: [UInt8]) -> DecodedEvents {
    let batch = EventBatch()
    json(bytes, into: batch)
    return DecodedEvents(batch)
  }

  static func json(_ text: String) -> DecodedEvents { json(Array(text.utf8)) }

  static func json(_ bytes: [UInt8], into batch: EventBatch) {
    var decoder = JSONEventDecoder()
    decoder.setReceipt(milliseconds: receivedMilliseconds)
    withExactMemory(bytes) { memory in
      var rest = memory[...]
      while !rest.isEmpty {
        let consumed = decoder.decodeLines(UnsafeBufferPointer(rebasing: rest), isFinal: true, into: batch)
        if consumed == 0 { break }
        rest = rest.dropFirst(consumed)
      }
    }
  }

  /// Decodes one unframed protobuf batch.
  static func protobuf(_ bytes: [UInt8]) -> DecodedEvents {
    let batch = EventBatch()
    var decoder = BatchEventDecoder()
    protobuf(bytes, into: batch, using: &decoder)
    return DecodedEvents(batch)
  }

  static func protobuf(_ bytes: [UInt8], into batch: EventBatch, using decoder: inout BatchEventDecoder) {
    decoder.setReceipt(milliseconds: receivedMilliseconds)
    withExactMemory(bytes) { memory in
      _ = decoder.decode(UnsafeRawBufferPointer(memory), into: batch) { full in
        full.removeAll()
        return full
      }
    }
  }

  /// Decodes a CSV file with a header; records that are no CSV are left out.
  static func commaSeparated(_ bytes: [UInt8]) throws -> DecodedEvents {
    let batch = EventBatch()
    var reader = CommaSeparatedReader()
    bytes.withUnsafeBytes { reader.append($0) }
    reader.finish()
    guard reader.next() == .record else { return DecodedEvents() }
    var decoder = try CommaSeparatedEventDecoder(header: try CommaSeparatedHeader(reader))
    var json = JSONEventDecoder()
    json.setReceipt(milliseconds: receivedMilliseconds)
    while true {
      switch reader.next() {
      case .record: decoder.decode(reader, using: &json, into: batch)
      case .malformed: continue
      case .needsBytes, .end: return DecodedEvents(batch)
      }
    }
  }
}
