/// Where the state of each source lies, by the source's number.
///
/// Numbers are given from 1 on, so an array finds them; one beyond every limit, from a file that someone changed,
/// is found by hash.
struct SourceSlots {
  /// Twice what `StoreLimits` allows: 8 MiB.
  private static let denseMax: Int64 = 1 << 21

  /// -1 where nothing is loaded.
  private var dense: [Int32] = []
  private var others: [Int64: Int] = [:]

  mutating func removeAll() {
    dense.removeAll()
    others.removeAll()
  }

  subscript(source: Int64) -> Int? {
    @inline(__always) get {
      guard source >= 0, source < Self.denseMax else { return others[source] }
      let index = Int(source)
      return index < dense.count && dense[index] >= 0 ? Int(dense[index]) : nil
    }
    set {
      guard source >= 0, source < Self.denseMax else {
        others[source] = newValue
        return
      }
      let index = Int(source)
      if index >= dense.count {
        dense.append(contentsOf: repeatElement(-1, count: max(index + 1, dense.count * 2) - dense.count))
      }
      dense[index] = Int32(truncatingIfNeeded: newValue ?? -1)
    }
  }
}
