/// Puts a day's events in order of time and gives each its source's next number, leaving the planted gaps.
struct SequenceNumbering: Sendable {
  private var lastNumbers: [UInt32]
  /// Of the gaps not yet passed, the first of each source comes last.
  private var gaps: [[DemoSequenceGap]]

  init(sources: Int, gaps planted: [DemoSequenceGap]) {
    lastNumbers = [UInt32](repeating: 0, count: sources)
    gaps = [[DemoSequenceGap]](repeating: [], count: sources)
    for gap in planted.reversed() { gaps[gap.source].append(gap) }
  }

  mutating func number(_ events: [DemoEvent]) -> [DemoEvent] {
    guard let dayStart = events.map(\.timeMilliseconds).min() else { return [] }
    // Time in the high half and position in the low half: ties keep their order, and plain integers sort
    // fast.
    var keys = events.indices.map { UInt64(events[$0].timeMilliseconds - dayStart) << 32 | UInt64($0) }
    keys.sort()
    return keys.map { key in
      var event = events[Int(key & 0xFFFF_FFFF)]
      event.sequence = next(source: Int(event.source))
      return event
    }
  }

  private mutating func next(source: Int) -> UInt32 {
    var number = lastNumbers[source] + 1
    if let gap = gaps[source].last, gap.afterSequence == lastNumbers[source] {
      number += gap.lostNumbers
      gaps[source].removeLast()
    }
    lastNumbers[source] = number
    return number
  }
}
