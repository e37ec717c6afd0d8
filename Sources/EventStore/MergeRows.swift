import ColumnChunk
import Dispatch
import Synchronization
import UsageModel
import WireFormat

/// Rows of several chunks side by side, to be sorted and encoded anew.
///
/// Columns that no chunk has take no memory and no time.
final class MergeRows: @unchecked Sendable {
  // Sendable: several threads sort and encode from what does not change any more.
  private static let columnsMax = (ChunkColumn.allCases.map { Int($0.rawValue) }.max() ?? 0) + 1

  private let capacity: Int
  private let memory: MergeMemory
  private var rowCount = 0
  /// By column number; nil while every row is 0.
  ///
  /// Text columns hold numbers of `texts`.
  private var columns = [UnsafeMutablePointer<Int64>?](repeating: nil, count: columnsMax)
  private var texts = StringTable()

  init(capacity: Int, memory: MergeMemory) {
    self.capacity = capacity
    self.memory = memory
  }

  deinit { for case let column? in columns { memory.giveBack(column, capacity) } }

  /// Adds the rows of a chunk.
  ///
  /// - Throws: `ChunkDamage`, `DatabaseError`; the rows are of no use then.
  func append(_ chunk: ChunkRow, _ reader: ChunkReader) throws {
    precondition(rowCount + chunk.rowCount <= capacity, "BUG: more rows to merge than announced")
    for column in ChunkColumn.allCases {
      try reader.withColumn(column, of: chunk) { bytes in
        guard let bytes else {
          if let known = columns[Int(column.rawValue)] {
            (known + rowCount).update(repeating: 0, count: chunk.rowCount)
          }
          return
        }
        let target = values(of: column) + rowCount
        if column.isText {
          try appendTexts(bytes, column, rowCount: chunk.rowCount, to: target)
        } else {
          let users = ColumnDecoder.isByUser(bytes) ? self.users(inLast: chunk.rowCount) : nil
          try ColumnDecoder.decode(
            bytes, as: column, rowCount: chunk.rowCount, users: users, into: target)
        }
      }
    }
    rowCount += chunk.rowCount
  }

  private func appendTexts(
    _ bytes: UnsafeRawBufferPointer, _ column: ChunkColumn, rowCount: Int,
    to target: UnsafeMutablePointer<Int64>
  ) throws {
    // By code in the chunk, which counts from 1.
    var numbers: [Int64] = [0]
    let codes = try ColumnDecoder.decodeTexts(bytes, as: column, rowCount: rowCount) { text in
      let start = text.assumingMemoryBound(to: UInt8.self).baseAddress
      numbers.append(start.map { Int64(texts.intern($0, text.count)) } ?? 0)
    }
    for (row, code) in codes.enumerated() { target[row] = numbers[Int(code)] }
  }

  /// Users of the rows being added, whose column comes before those that are stored by it; 0 where there is none.
  private func users(inLast count: Int) -> RowUsers {
    let isAbsent = columns[Int(ChunkColumn.user.rawValue)] == nil
    let users = values(of: .user) + rowCount
    if isAbsent { users.update(repeating: 0, count: count) }
    return RowUsers(UnsafeBufferPointer(start: users, count: count))
  }

  /// A column's memory; 0 in all rows so far.
  private func values(of column: ChunkColumn) -> UnsafeMutablePointer<Int64> {
    if let known = columns[Int(column.rawValue)] { return known }
    let values = memory.take(capacity)
    values.update(repeating: 0, count: rowCount)
    columns[Int(column.rawValue)] = values
    return values
  }

  private func values(_ column: ChunkColumn) -> UnsafeBufferPointer<Int64> {
    UnsafeBufferPointer(start: values(of: column), count: rowCount)
  }

  /// The rows in order, in chunks of one day each.
  ///
  /// - Parameters:
  ///   - workerCount: how many threads sort and encode.
  ///   - shouldStop: asked before each day that is sorted and before each chunk.
  /// - Throws: `MergeInterrupted`.
  func encodedByDay(
    workerCount: Int, shouldStop: @Sendable () -> Bool
  ) throws(MergeInterrupted) -> [(day: Int32, writer: ChunkWriter)] {
    if shouldStop() { throw MergeInterrupted() }
    let columns = MergeOrder.Columns(
      time: values(.time), feature: values(.feature), user: values(.user), sequence: values(.sequence))
    let grouped = MergeDays(columns.time)
    let sorted = SortedRows(rows: grouped.rows, columns: columns)
    _ = try Self.each(grouped.days, workerCount, shouldStop) { sorted.sort($0.places) }
    let pieces = Self.pieces(grouped.days)
    let writers = try Self.each(pieces, workerCount, shouldStop) { encode(sorted[$0.places]) }
    return zip(pieces, writers).map { ($0.day, $1) }
  }

  /// Row numbers that several threads put in order, each in places of its own.
  private struct SortedRows: @unchecked Sendable {
    let rows: UnsafeMutableBufferPointer<UInt32>
    let columns: MergeOrder.Columns

    func sort(_ places: Range<Int>) {
      MergeOrder.sort(UnsafeMutableBufferPointer(rebasing: rows[places]), of: columns)
    }

    subscript(places: Range<Int>) -> UnsafeBufferPointer<UInt32> {
      UnsafeBufferPointer(rebasing: rows[places])
    }
  }

  /// Runs `body` for each element, on several threads; its results in the elements' order.
  private static func each<Element: Sendable, Result: Sendable>(
    _ elements: [Element], _ workerCount: Int, _ shouldStop: @Sendable () -> Bool,
    _ body: @Sendable (Element) -> Result
  ) throws(MergeInterrupted) -> [Result] {
    let done = Mutex<[(index: Int, result: Result)]>([])
    let step = max(1, min(workerCount, elements.count))
    DispatchQueue.concurrentPerform(iterations: step) { worker in
      for index in stride(from: worker, to: elements.count, by: step) where !shouldStop() {
        let result = body(elements[index])
        done.withLock { $0.append((index, result)) }
      }
    }
    let results = done.withLock { $0.sorted { $0.index < $1.index } }
    guard results.count == elements.count else { throw MergeInterrupted() }
    return results.map(\.result)
  }

  /// Places that make one chunk each.
  private static func pieces(
    _ days: [(day: Int32, places: Range<Int>)]
  ) -> [(day: Int32, places: Range<Int>)] {
    days.flatMap { day, places in
      stride(from: places.lowerBound, to: places.upperBound, by: ColumnHeader.rowsMax).map {
        (day, $0..<min(places.upperBound, $0 + ColumnHeader.rowsMax))
      }
    }
  }

  private func encode(_ rows: UnsafeBufferPointer<UInt32>) -> ChunkWriter {
    var writer = ChunkWriter(rowCount: rows.count, effort: .merged)
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: rows.count) { sorted in
      var users: RowUsers?
      for column in ChunkColumn.allCases {
        guard let source = columns[Int(column.rawValue)] else { continue }
        for index in 0..<rows.count { sorted[index] = source[Int(rows[index])] }
        if column.isText {
          let texts = renumber(sorted)
          writer.add(column, texts: texts, UnsafeBufferPointer(sorted))
        } else {
          let isOfUser = column == .host || column == .source
          writer.add(column, UnsafeBufferPointer(sorted), users: isOfUser ? users : nil)
          if column == .user { users = RowUsers(UnsafeBufferPointer(sorted)) }
        }
      }
    }
    return writer
  }

  /// Numbers the texts that a chunk uses from 1, in order of first use.
  private func renumber(_ values: UnsafeMutableBufferPointer<Int64>) -> TextList {
    var list = TextList()
    var codes = [UInt32](repeating: 0, count: texts.count)
    for index in values.indices where values[index] != 0 {
      let text = Int(values[index])
      if codes[text] == 0 {
        texts.withBytes(of: UInt32(truncatingIfNeeded: text)) { list.append($0) }
        codes[text] = UInt32(list.count)
      }
      values[index] = Int64(codes[text])
    }
    return list
  }
}

/// A merge was given up because the program is to stop; what it read is unchanged.
package struct MergeInterrupted: Error {}
