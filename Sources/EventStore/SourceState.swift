/// What the ledger holds in memory of one source.
struct SourceState {
  let source: Int64
  var tailFirst: Int64 = 0
  var tailLast: Int64 = 0
  var tailFirstTime: Int64 = 0
  var tailLastTime: Int64 = 0
  /// No number above is known to be refused, withheld or dropped.
  var unstoredHighest: Int64 = 0
  /// Ranges of such numbers.
  var unstoredRangeCount = 0
  var isTouched = false
  var counts = SourceCounts()

  init(source: Int64) { self.source = source }

  /// Nil before the first number.
  var tail: SequenceRangeTable.Range? {
    guard tailLast > 0 else { return nil }
    return SequenceRangeTable.Range(
      first: tailFirst, last: tailLast, firstTime: tailFirstTime, lastTime: tailLastTime)
  }

  /// Takes a number that follows the highest and of which nothing else is known; false for any other.
  @inline(__always)
  mutating func takeNext(_ sequence: Int64, _ time: Int64) -> Bool {
    // Wrapping: nothing follows the largest number, and no number is negative.
    guard tailLast > 0, sequence == tailLast &+ 1, sequence > unstoredHighest else { return false }
    tailLast = sequence
    tailLastTime = time
    return true
  }

  mutating func setTail(_ range: SequenceRangeTable.Range) {
    tailFirst = range.first
    tailLast = range.last
    tailFirstTime = range.firstTime
    tailLastTime = range.lastTime
  }
}

/// What happened to a source's events since the last flush.
struct SourceCounts {
  var stored: Int64 = 0
  var duplicate: Int64 = 0
  var conflict: Int64 = 0
  var rejected: Int64 = 0
  /// Received more than ``SequenceLedger/lateMilliseconds`` after their end.
  var late: Int64 = 0
  /// Numbers that the sender's spool dropped.
  var dropped: Int64 = 0
  /// Nil while nothing was received.
  var firstReceivedMilliseconds: Int64?
  var lastReceivedMilliseconds: Int64?

  /// Adds what a sender claims, which may be any number.
  mutating func addDropped(_ count: Int64) {
    dropped = min(SequenceLedger.droppedMax, dropped + min(count, SequenceLedger.droppedMax))
  }
}
