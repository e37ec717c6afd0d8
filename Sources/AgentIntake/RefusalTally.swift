import UsageModel

/// Adds up refused events by reason and source.
struct RefusalTally {
  private struct Key: Hashable {
    var reason: RejectReason
    var source: Utf8Key?
  }

  private struct Entry {
    var count = 0
    /// As they came: joined at the end, since they may come in any order.
    var numbers: [UInt64] = []
  }

  private var entries: [Key: Entry] = [:]

  /// - Parameter number: 0 for none.
  mutating func add(_ reason: RejectReason, source: String?, number: UInt64) {
    let key = Key(reason: reason, source: source.map(Utf8Key.init))
    entries[key, default: Entry()].count += 1
    if source != nil && number > 0 { entries[key, default: Entry()].numbers.append(number) }
  }

  /// What was added, in the order of reason and source.
  ///
  /// - Complexity: O(events × log events).
  var all: [DeliveredBatch.Refused] {
    entries.sorted { left, right in
      if left.key.reason != right.key.reason { return left.key.reason.rawValue < right.key.reason.rawValue }
      guard let leftSource = left.key.source, let rightSource = right.key.source else {
        return left.key.source == nil && right.key.source != nil
      }
      return leftSource < rightSource
    }.map { key, entry in
      var numbers = NumberRanges()
      for number in entry.numbers.sorted() { numbers.insert(number...number) }
      return DeliveredBatch.Refused(
        reason: key.reason, source: key.source?.text, count: entry.count, ranges: numbers.ranges)
    }
  }
}
