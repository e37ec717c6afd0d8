import UsageModel

/// Rows grouped by UTC day, in order of arrival within each.
///
/// Days are sorted one by one: a million rows at once would miss the cache with every row of every pass.
struct MergeDays: ~Copyable {
  /// Row numbers, day after day.
  let rows: UnsafeMutableBufferPointer<UInt32>
  /// Each day's places in `rows`, by day.
  let days: [(day: Int32, places: Range<Int>)]

  /// - Complexity: O(rows + days log days); 8 bytes a row meanwhile.
  init(_ time: UnsafeBufferPointer<Int64>) {
    var sizes: [Int32: Int] = [:]
    let dayOfRow = UnsafeMutableBufferPointer<Int32>.allocate(capacity: time.count)
    defer { dayOfRow.deallocate() }
    var last: (day: Int32, size: Int) = (0, 0)
    for row in time.indices {
      let day = CivilDay(localMilliseconds: time[row]).number
      dayOfRow[row] = day
      // Rows of a day mostly follow each other: the dictionary is asked when the day changes.
      if day != last.day {
        sizes[last.day, default: 0] += last.size
        last = (day, 0)
      }
      last.size += 1
    }
    sizes[last.day, default: 0] += last.size
    var days: [(day: Int32, places: Range<Int>)] = []
    var starts: [Int32: Int] = [:]
    var start = 0
    for (day, size) in sizes.sorted(by: { $0.key < $1.key }) where size > 0 {
      days.append((day, start..<start + size))
      starts[day] = start
      start += size
    }
    self.days = days
    rows = .allocate(capacity: time.count)
    var place: (day: Int32, next: Int) = (0, 0)
    for row in time.indices {
      if dayOfRow[row] != place.day || row == 0 {
        if row > 0 { starts[place.day] = place.next }
        place = (dayOfRow[row], starts[dayOfRow[row]] ?? 0)
      }
      rows[place.next] = UInt32(truncatingIfNeeded: row)
      place.next += 1
    }
  }

  deinit { rows.deallocate() }
}
