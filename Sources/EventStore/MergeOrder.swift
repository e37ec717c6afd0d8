/// Sorts rows of one day by feature, user, time and number; equal ones stay in order of arrival.
///
/// A radix sort: feature, user and time, less their smallest values, take about 55 bits together, so rows are sorted in
/// five passes of eleven bits, without a comparison. The rows of a day fit a processor's cache; see ``MergeDays``.
struct MergeOrder: ~Copyable {
  /// Columns that the rows are of, of one length.
  struct Columns {
    var time: UnsafeBufferPointer<Int64>
    var feature: UnsafeBufferPointer<Int64>
    var user: UnsafeBufferPointer<Int64>
    var sequence: UnsafeBufferPointer<Int64>
  }

  /// Puts row numbers in order.
  ///
  /// - Complexity: O(rows × bits of the key); 32 bytes a row meanwhile.
  static func sort(_ rows: UnsafeMutableBufferPointer<UInt32>, of columns: Columns) {
    if rows.count < 2 { return }
    var order = MergeOrder(rows, columns)
    order.sort()
    for place in rows.indices { rows[place] = order.entries[place].row }
  }

  private struct Entry {
    var key: UInt64
    var row: UInt32
  }

  /// A part of the sort key: `value - minimum`, in so many bits.
  private struct Part {
    var values: UnsafeBufferPointer<Int64>
    var minimum: Int64
    var bits: Int

    init(_ values: UnsafeBufferPointer<Int64>, _ entries: UnsafeMutableBufferPointer<Entry>) {
      var low = values[Int(entries[0].row)]
      var high = low
      for entry in entries {
        low = min(low, values[Int(entry.row)])
        high = max(high, values[Int(entry.row)])
      }
      self.values = values
      minimum = low
      bits = 64 - UInt64(bitPattern: high &- low).leadingZeroBitCount
    }
  }

  private static let digitBits = 11
  private static let digitMask = (UInt64(1) << 11) - 1

  private let columns: Columns
  private var entries: UnsafeMutableBufferPointer<Entry>
  private var spare: UnsafeMutableBufferPointer<Entry>

  private init(_ rows: UnsafeMutableBufferPointer<UInt32>, _ columns: Columns) {
    self.columns = columns
    entries = .allocate(capacity: rows.count)
    spare = .allocate(capacity: rows.count)
    for place in rows.indices { entries[place] = Entry(key: 0, row: rows[place]) }
  }

  deinit {
    entries.deallocate()
    spare.deallocate()
  }

  private var count: Int { entries.count }

  private mutating func sort() {
    let parts = [columns.time, columns.user, columns.feature].map { Part($0, entries) }
    for word in Self.words(parts) { sort(by: word) }
    sortEqualRows()
  }

  /// Parts that fit 64 bits together, the least significant first.
  private static func words(_ parts: [Part]) -> [[Part]] {
    var words: [[Part]] = []
    var bits = 64
    for part in parts where part.bits > 0 {
      bits += part.bits
      if bits > 64 {
        words.append([])
        bits = part.bits
      }
      words[words.count - 1].append(part)
    }
    return words
  }

  private mutating func sort(by word: [Part]) {
    var shift: UInt64 = 0
    for (index, part) in word.enumerated() {
      let (values, minimum) = (part.values, part.minimum)
      for place in 0..<count {
        let value = UInt64(bitPattern: values[Int(entries[place].row)] &- minimum) &<< shift
        entries[place].key = index == 0 ? value : entries[place].key | value
      }
      shift += UInt64(part.bits)
    }
    var digit: UInt64 = 0
    while digit < shift {
      sort(byDigitAt: digit)
      digit += UInt64(Self.digitBits)
    }
  }

  private mutating func sort(byDigitAt shift: UInt64) {
    let (source, target, mask) = (entries, spare, Self.digitMask)
    let isSorted = withUnsafeTemporaryAllocation(of: Int.self, capacity: 1 << Self.digitBits) { starts in
      starts.update(repeating: 0)
      for entry in source { starts[Int(entry.key &>> shift & mask)] &+= 1 }
      if starts[Int(source[0].key &>> shift & mask)] == source.count { return true }
      var next = 0
      for digit in starts.indices {
        let size = starts[digit]
        starts[digit] = next
        next &+= size
      }
      for entry in source {
        let digit = Int(entry.key &>> shift & mask)
        target[starts[digit]] = entry
        starts[digit] &+= 1
      }
      return false
    }
    if !isSorted { swap(&entries, &spare) }
  }

  /// Events of a person with a feature in one millisecond go by their number.
  private mutating func sortEqualRows() {
    let (time, feature, user, sequence) = (columns.time, columns.feature, columns.user, columns.sequence)
    var start = 0
    for place in 1...count {
      if place < count {
        let (row, first) = (Int(entries[place].row), Int(entries[start].row))
        if time[row] == time[first] && user[row] == user[first] && feature[row] == feature[first] { continue }
      }
      if place - start > 1 {
        var equal = UnsafeMutableBufferPointer(rebasing: entries[start..<place])
        equal.sort { left, right in
          let (leftNumber, rightNumber) = (sequence[Int(left.row)], sequence[Int(right.row)])
          return leftNumber != rightNumber ? leftNumber < rightNumber : left.row < right.row
        }
      }
      start = place
    }
  }
}
