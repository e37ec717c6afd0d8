import AgentIntake
import Glibc
import ServiceManager
import UsageModel

/// Tells the log what was refused and dropped: at once, and then once a minute while it goes on.
struct AgentReporter {
  private static let intervalMilliseconds: Int64 = 60_000

  private var counts = AgentIntake.Counts()
  private var refusedPackets: Int64 = 0
  private var dropped: UInt64 = 0
  private var tooLarge = 0
  /// What the log was told, as text; the same text is not told twice.
  private var told: Set<String> = []
  private var toldMilliseconds: Int64?

  /// Until something is to be told; nil when all is.
  var millisecondsUntilDue: Int64? {
    guard let last = toldMilliseconds, !pending.isEmpty else { return nil }
    return max(0, last + Self.intervalMilliseconds - Self.now())
  }

  mutating func note(_ counts: AgentIntake.Counts, _ refusedPackets: Int64) {
    self.counts = counts
    self.refusedPackets += refusedPackets
    tellIfDue()
  }

  mutating func noteDropped(_ count: UInt64, tooLarge: Int) {
    dropped += count
    self.tooLarge += tooLarge
  }

  /// Tells the rest, and what came of everything.
  mutating func finish(_ counts: AgentIntake.Counts) {
    self.counts = counts
    tell()
    Log.info("took \(counts.accepted) events, \(counts.withheld) left out by rules")
  }

  private mutating func tellIfDue() {
    if let last = toldMilliseconds, Self.now() - last < Self.intervalMilliseconds { return }
    tell()
  }

  private mutating func tell() {
    for (text, message) in pending {
      Log.warning(text, message)
      told.insert(text)
      toldMilliseconds = Self.now()
    }
    // Later texts have other figures.
    if told.count > 100 { told = Set(texts.map(\.0)) }
  }

  private var pending: [(String, LogMessage)] { texts.filter { !told.contains($0.0) } }

  private var texts: [(String, LogMessage)] {
    var texts: [(String, LogMessage)] = []
    if counts.refusedTotal > 0 {
      let reasons = counts.refused.sorted { $0.key.rawValue < $1.key.rawValue }
        .map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", ")
      texts.append(("refused \(counts.refusedTotal) events so far: \(reasons)", .eventsRefused))
    }
    if refusedPackets > 0 {
      texts.append(("refused \(refusedPackets) packets so far", .eventsRefused))
    }
    if tooLarge > 0 { texts.append(("\(tooLarge) events were too large for a packet", .eventsRefused)) }
    if dropped > 0 {
      texts.append(
        ("dropped the \(dropped) oldest events so far, as the spool was full or they too old", .spoolDropped))
    }
    if counts.kernelDrops > 0 {
      texts.append(("the kernel dropped \(counts.kernelDrops) datagrams so far", .eventsRefused))
    }
    return texts
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}
