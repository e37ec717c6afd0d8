/// How fast senders may go on, so that however many come at once offer no more than the collector takes.
///
/// Counts the senders heard lately, and shares among them what a receive buffer holds and what is taken in a second.
struct AnswerPace {
  /// Longer than a sender's longest pause, so that each active one is counted.
  static let periodMilliseconds: Int64 = 8_000
  /// Batches under way of all senders together: packets of 1,400 bytes fill half a receive buffer of 8 MiB.
  static let batchesAtOnce = 2_048
  /// Batches a second of all senders together: with 20,000 the trial `reconnect` saw drops on two busy cores.
  static let batchesPerSecondMax = 5_000
  /// What is left of it where the kernel goes on dropping.
  static let batchesPerSecondMin = 1_000
  static let windowMax = 32
  /// Reached with 25,000 senders; of more, drops tell.
  static let delayMillisecondsMax = 5_000
  /// Between two changes of the rate, so that an answer can have an effect first.
  private static let changeMilliseconds: Int64 = 1_000

  /// Which period it is; a sender is counted once in each.
  private(set) var period: UInt64 = 1
  private var periodStart: Int64 = 0
  private var activeNow = 0
  private var activeBefore = 0
  private var batchesPerSecond = batchesPerSecondMax
  private var lastChange: Int64 = 0

  /// Moves on to a moment; a clock that was set back begins anew.
  mutating func advance(to now: Int64) {
    if now < periodStart || now - periodStart >= Self.periodMilliseconds {
      activeBefore = now - periodStart < 2 * Self.periodMilliseconds ? activeNow : 0
      activeNow = 0
      period += 1
      periodStart = now
    }
    guard now < lastChange || now - lastChange >= Self.changeMilliseconds else { return }
    lastChange = now
    batchesPerSecond = min(Self.batchesPerSecondMax, batchesPerSecond + batchesPerSecond / 8)
  }

  /// Counts a sender that was not heard in this period before.
  mutating func noteSender() { activeNow += 1 }

  /// The kernel dropped packets: all are to go slower.
  mutating func noteDrops(at now: Int64) {
    guard now < lastChange || now - lastChange >= Self.changeMilliseconds else { return }
    lastChange = now
    batchesPerSecond = max(Self.batchesPerSecondMin, batchesPerSecond / 2)
  }

  /// Batches that one sender may have under way, and its pause before the next ones.
  var answer: (window: UInt16, delayMilliseconds: UInt32) {
    let senders = max(1, activeNow, activeBefore)
    let window = min(Self.windowMax, max(1, Self.batchesAtOnce / senders))
    // Together they fill the buffer at most once: nobody needs to wait.
    if senders * Self.windowMax < Self.batchesAtOnce { return (UInt16(window), 0) }
    let delay = min(Self.delayMillisecondsMax, senders * window * 1_000 / batchesPerSecond)
    return (UInt16(window), UInt32(delay))
  }
}
