import UsageModel
import WireFormat

/// What one transaction adds to a spool.
package struct SpoolAddition: Sendable {
  /// Those without a number of their own get the spool's next ones.
  package var events: [UsageEvent] = []
  /// Numbers that will not come.
  package var unsent: [DeliveredBatch.Unsent] = []
  /// Events that were refused here.
  package var refused: [DeliveredBatch.Refused] = []
  /// Batches of local senders that are dealt with by this.
  package var deliveries: [DeliveredBatch] = []
  /// All heartbeats that may still grow; nil when they are as before.
  package var openFocus: [OpenFocus]?
  /// Sources that have an owner now.
  package var owners: [SourceOwner] = []

  package init(events: [UsageEvent] = []) { self.events = events }

  package var isEmpty: Bool {
    events.isEmpty && unsent.isEmpty && refused.isEmpty && deliveries.isEmpty && openFocus == nil
      && owners.isEmpty
  }
}

/// What a spool keeps of the time before, besides batches.
package struct SpoolMemory: Sendable {
  package var openFocus: [OpenFocus] = []
  package var owners: [SourceOwner] = []
  /// Local senders' own spools, and which of their batches are in here.
  package var senders: [SpoolName: SpoolState] = [:]

  package init() {}
}

/// A heartbeat that may still grow.
package struct OpenFocus: Equatable, Sendable {
  package var event: UsageEvent
  /// When it came or grew last, by this machine's clock.
  package var extendedMilliseconds: Int64

  package init(event: UsageEvent, extendedMilliseconds: Int64) {
    self.event = event
    self.extendedMilliseconds = extendedMilliseconds
  }

  /// The event as the spool keeps it.
  var line: String {
    var bytes: [UInt8] = []
    JSONEventEncoder.append(event, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads ``line``; nil when it is none.
  init?(line: String, extendedMilliseconds: Int64) {
    let batch = EventBatch()
    var decoder = JSONEventDecoder()
    let bytes = Array(line.utf8)
    _ = bytes.withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    guard batch.count == 1 else { return nil }
    self.init(event: batch.event(at: 0), extendedMilliseconds: extendedMilliseconds)
  }
}

/// Which account may number under a source.
package struct SourceOwner: Equatable, Sendable {
  package var source: String
  /// Empty for who may speak for anybody.
  package var login: String

  package init(source: String, login: String) {
    self.source = source
    self.login = login
  }
}
