/// Names one spool of one sender.
package struct SpoolName: Hashable, Sendable {
  /// The sender's id; one that proved nothing has ``unprovenPrefix`` in front, so that it is never taken for one
  /// that did: no key's sender begins so.
  package var sender: String
  package var spool: UInt64

  package static let unprovenPrefix = "~"

  /// Whether the sender proved nothing.
  package var isUnproven: Bool { sender.utf8.starts(with: Self.unprovenPrefix.utf8) }

  package init(sender: String, spool: UInt64) {
    self.sender = sender
    self.spool = spool
  }
}

/// What is known of a spool: packets seen and batches stored.
package struct SpoolState: Equatable, Sendable {
  package var window = PacketWindow()
  package var delivered = NumberRanges()

  /// Spools kept of one sender that proved itself: a spool is made anew only when the old one is lost.
  package static let perSenderMax = 16
  /// Spools kept of all senders that proved nothing.
  package static let plainMax = 10_000

  package init() {}
}

/// A batch that came in an envelope, to be booked with its events and acknowledged after that.
package struct DeliveredBatch: Sendable {
  package var spool: SpoolName
  package var batch: UInt64
  /// The sender keeps nothing older.
  package var oldestBatch: UInt64
  /// Packets seen of the spool by then.
  package var window: PacketWindow
  /// Receipt less the sender's clock.
  package var clockOffsetMilliseconds: Int64
  /// Numbers that never come: source, whether withheld on purpose (else dropped by the spool), ranges.
  package var unsent: [Unsent] = []
  /// Events that the sender refused in the collector's stead.
  package var refused: [Refused] = []

  package struct Refused: Equatable, Sendable {
    package var reason: RejectReason
    /// Nil where none is known.
    package var source: String?
    package var count: Int
    /// Numbers of the events, as far as they had any.
    package var ranges: [ClosedRange<UInt64>]
    /// As of ``Unsent``.
    package var speaker: [UInt8]

    package init(
      reason: RejectReason, source: String?, count: Int, ranges: [ClosedRange<UInt64>], speaker: [UInt8] = []
    ) {
      self.reason = reason
      self.source = source
      self.count = count
      self.ranges = ranges
      self.speaker = speaker
    }
  }

  package struct Unsent: Equatable, Sendable {
    package var source: String
    package var isWithheld: Bool
    package var ranges: [ClosedRange<UInt64>]
    /// Who says so, as with events: a login, or several with NUL between; empty for who may speak for anybody.
    package var speaker: [UInt8]

    package init(
      source: String, isWithheld: Bool, ranges: [ClosedRange<UInt64>], speaker: [UInt8] = []
    ) {
      self.speaker = speaker
      self.source = source
      self.isWithheld = isWithheld
      self.ranges = ranges
    }
  }

  package init(
    spool: SpoolName, batch: UInt64, oldestBatch: UInt64, window: PacketWindow, clockOffsetMilliseconds: Int64
  ) {
    self.spool = spool
    self.batch = batch
    self.oldestBatch = oldestBatch
    self.window = window
    self.clockOffsetMilliseconds = clockOffsetMilliseconds
  }
}

/// Why packets are refused, and whose; the sender is empty unless the packet proved it.
package struct PacketRefusal: Hashable, Sendable {
  package var sender: String
  package var reason: String

  package init(sender: String, reason: String) {
    self.sender = sender
    self.reason = reason
  }
}
