/// The order of one person's events: time, source (absent first), number, application, feature (absent
/// first), kind, outcome, duration (absent first).
///
/// The session, last in `docs/methods.md`, is left out: events that differ in nothing else fall into
/// different sessions, and no figure depends on their order.
struct CanonicalOrder {
  /// By the store's source number: its place in byte order; 0 for "no source".
  let rankOfSource: [Int32]
  /// By the store's number of the (app, feature) pair.
  let rankOfFeature: [Int32]

  /// Sorts row numbers, leaving rows alone that stand in order already.
  ///
  /// - Complexity: O(n) for ordered rows, else O(n log n).
  func sort(_ rows: UnsafeMutableBufferPointer<UInt32>, of events: EventBuffers) {
    guard !isOrdered(rows, of: events) else { return }
    var rows = rows
    rows.sort { precedes(Int($0), Int($1), events) }
  }

  private func isOrdered(_ rows: UnsafeMutableBufferPointer<UInt32>, of events: EventBuffers) -> Bool {
    var index = 1
    while index < rows.count {
      let left = Int(rows[index - 1])
      let right = Int(rows[index])
      let leftStart = events.start[left]
      let rightStart = events.start[right]
      if leftStart > rightStart { return false }
      if leftStart == rightStart, precedesAtSameTime(right, left, events) { return false }
      index += 1
    }
    return true
  }

  @inline(__always)
  private func precedes(_ left: Int, _ right: Int, _ events: EventBuffers) -> Bool {
    let leftStart = events.start[left]
    let rightStart = events.start[right]
    return leftStart != rightStart ? leftStart < rightStart : precedesAtSameTime(left, right, events)
  }

  @inline(never)
  private func precedesAtSameTime(_ left: Int, _ right: Int, _ events: EventBuffers) -> Bool {
    let sources = (rankOfSource[Int(events.source[left])], rankOfSource[Int(events.source[right])])
    if sources.0 != sources.1 { return sources.0 < sources.1 }
    let numbers = (events.sequence[left], events.sequence[right])
    if numbers.0 != numbers.1 { return numbers.0 < numbers.1 }
    let features = (rankOfFeature[Int(events.feature[left])], rankOfFeature[Int(events.feature[right])])
    if features.0 != features.1 { return features.0 < features.1 }
    if events.kind[left] != events.kind[right] { return events.kind[left] < events.kind[right] }
    if events.outcome[left] != events.outcome[right] { return events.outcome[left] < events.outcome[right] }
    return events.duration[left] < events.duration[right]
  }
}
