import Delivery
import UsageModel

/// Joins heartbeats: `focus` events of one person that say the same and follow each other closely.
///
/// One event a person may still grow; it is kept in the spool, so that it survives what the batches
/// survive. Only events that start in the same quarter of an hour are joined: no time zone has a day that
/// ends elsewhere, so joining moves no time to another day.
package struct HeartbeatMerger {
  /// Every offset of a time zone is a multiple of it.
  static let quarterMilliseconds: Int64 = 15 * 60_000
  /// How long an event may wait for the next heartbeat, beyond the gap: senders report at least so often.
  static let patienceMilliseconds: Int64 = 90_000
  /// People whose last event may still grow; far more than log in to one machine.
  static let openMax = 1_000

  private let gapMilliseconds: Int64
  private var open: [Utf8Key: OpenFocus] = [:]

  /// - Parameters:
  ///   - gapMilliseconds: between the end of one event and the start of the next; 0 joins nothing.
  ///   - open: what the spool kept.
  package init(gapMilliseconds: Int64, open: [OpenFocus] = []) {
    self.gapMilliseconds = gapMilliseconds
    for focus in open { self.open[Utf8Key(focus.event.user)] = focus }
  }

  /// What the spool has to keep.
  package var openFocus: [OpenFocus] { open.values.sorted { $0.event.user.precedesByBytes($1.event.user) } }

  /// Takes an event without a number of its own; events that are complete by it go to `complete`.
  package mutating func add(_ event: UsageEvent, nowMilliseconds: Int64, complete: inout [UsageEvent]) {
    guard gapMilliseconds > 0 else {
      complete.append(event)
      return
    }
    let user = Utf8Key(event.user)
    if let before = open[user] {
      if let joined = Self.joined(before.event, event, gapMilliseconds: gapMilliseconds) {
        open[user] = OpenFocus(event: joined, extendedMilliseconds: nowMilliseconds)
        return
      }
      complete.append(before.event)
    } else if open.count >= Self.openMax {
      closeAll(complete: &complete)
    }
    open[user] = OpenFocus(event: event, extendedMilliseconds: nowMilliseconds)
  }

  /// Completes events that have waited long enough; also when the clock was set back.
  package mutating func closeDue(nowMilliseconds: Int64, complete: inout [UsageEvent]) {
    for focus in openFocus where millisecondsLeft(focus, nowMilliseconds) <= 0 {
      complete.append(focus.event)
      open[Utf8Key(focus.event.user)] = nil
    }
  }

  /// Completes everything.
  package mutating func closeAll(complete: inout [UsageEvent]) {
    complete += openFocus.map(\.event)
    open.removeAll()
  }

  /// Until ``closeDue(nowMilliseconds:complete:)`` has something to do; nil while nothing is open.
  package func millisecondsUntilDue(nowMilliseconds: Int64) -> Int64? {
    open.values.map { max(0, millisecondsLeft($0, nowMilliseconds)) }.min()
  }

  private func millisecondsLeft(_ focus: OpenFocus, _ now: Int64) -> Int64 {
    if now < focus.extendedMilliseconds { return 0 }
    return focus.extendedMilliseconds + gapMilliseconds + Self.patienceMilliseconds - now
  }

  /// Both as one event; nil when they are not one.
  private static func joined(_ first: UsageEvent, _ next: UsageEvent, gapMilliseconds: Int64) -> UsageEvent? {
    let start = first.timeMilliseconds
    let end = start + Int64(first.durationMilliseconds ?? 0)
    guard next.timeMilliseconds >= start, next.timeMilliseconds <= end + gapMilliseconds,
      quarter(start) == quarter(next.timeMilliseconds)
    else { return nil }
    var same = next
    same.timeMilliseconds = start
    same.durationMilliseconds = first.durationMilliseconds
    guard isEqualByBytes(same, first) else { return nil }
    let joinedEnd = max(end, next.timeMilliseconds + Int64(next.durationMilliseconds ?? 0))
    guard let duration = UInt32(exactly: joinedEnd - start) else { return nil }
    var result = first
    let isKnown = duration > 0 || first.durationMilliseconds != nil || next.durationMilliseconds != nil
    result.durationMilliseconds = isKnown ? duration : nil
    return result
  }

  private static func quarter(_ time: Int64) -> Int64 {
    (time - (time % quarterMilliseconds + quarterMilliseconds) % quarterMilliseconds) / quarterMilliseconds
  }

  /// Equal, also by the bytes of each text.
  private static func isEqualByBytes(_ left: UsageEvent, _ right: UsageEvent) -> Bool {
    guard left == right else { return false }
    func texts(_ event: UsageEvent) -> [String?] {
      let attributes = event.attributes.sorted { $0.key.precedesByBytes($1.key) }
      return [event.user, event.app, event.feature, event.host, event.session, event.version, event.cause]
        + attributes.flatMap { [$0.key, $0.value] }
    }
    return zip(texts(left), texts(right)).allSatisfy { $0.map(Utf8Key.init) == $1.map(Utf8Key.init) }
  }
}
