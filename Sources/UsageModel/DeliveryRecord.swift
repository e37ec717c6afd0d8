/// Names one spool of one sender.
package struct SpoolName: Hashable, Sendable {
  /// The sender's id; one that proved nothing has ``unprovenPrefix`` in front, and its account if that is known, so
  /// that it is never taken for one that did, or for another account's: no key's sender begins so.
  package var sender: String
  package var spool: UInt64

  package static let unprovenPrefix = "~"
  /// Begins an account, which ends with a colon.
  ///
  /// A sender's id that begins so gets an empty account in front.
  private static let accountMark = "\u{1}"

  /// Whether the sender proved nothing.
  package var isUnproven: Bool { sender.utf8.starts(with: Self.unprovenPrefix.utf8) }

  package init(sender: String, spool: UInt64) {
    self.sender = sender
    self.spool = spool
  }

  /// The spool of a sender that proved nothing: each local account has its own of any name.
  ///
  /// - Parameter account: who sends, by the kernel's word; nil where it has none, as over UDP.
  package init(unproven claimedSender: String, account: Int64?, spool: UInt64) {
    let isMarked = account != nil || claimedSender.utf8.starts(with: Self.accountMark.utf8)
    let mark = isMarked ? Self.accountMark + (account.map(String.init) ?? "") + ":" : ""
    self.init(sender: Self.unprovenPrefix + mark + claimedSender, spool: spool)
  }

  /// The sender's id as it was sent.
  package var claimedSender: String {
    guard isUnproven else { return sender }
    let rest = sender.utf8.dropFirst(Self.unprovenPrefix.utf8.count)
    guard rest.starts(with: Self.accountMark.utf8), let colon = rest.firstIndex(of: UInt8(ascii: ":")) else {
      return String(Substring(rest))
    }
    return String(Substring(rest[rest.index(after: colon)...]))
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
