import ColumnChunk
import Dispatch
import Synchronization
import UsageModel
import WireFormat

/// Rows of several chunks side by side, to be sorted and encoded anew.
///
/// Columns that no chunk has take no memory and no time.
final class MergeRows: @unchecked Sendable {
  // Sendable: several threads encode from what does not change any more.
  private static let columnsMax = (ChunkColumn.allCases.map { Int($0.rawValue) }.max() ?? 0) + 1

  private let capacity: Int
  private var rowCount = 0
  /// By column number; nil while every row is 0.
  ///
  /// Text columns hold numbers of `texts`.
  private var columns = [UnsafeMutablePointer<Int64>?](repeating: nil, count: columnsMax)
  private var texts = StringTable()

  init(capacity: Int) { self.capacity = capacity }

  deinit { for column in columns { column?.deallocate() } }

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
        let target = memory(of: column) + rowCount
        if column.isText {
          let stored = try ColumnDecoder.decodeTexts(bytes, as: column, rowCount: chunk.rowCount)
          append(stored, to: target)
        } else {
          let users = ColumnDecoder.isByUser(bytes) ? self.users(inLast: chunk.rowCount) : nil
          try ColumnDecoder.decode(
            bytes, as: column, rowCount: chunk.rowCount, users: users, into: target)
        }
      }
    }
    rowCount += chunk.rowCount
  }

  private func append(_ stored: ColumnDecoder.Texts, to target: UnsafeMutablePointer<Int64>) {
    var numbers: [Int64] = [0]
    numbers.reserveCapacity(stored.strings.count + 1)
    for string in stored.strings {
      numbers.append(
        string.withUnsafeBufferPointer { bytes in
          bytes.baseAddress.map { Int64(texts.intern($0, bytes.count)) } ?? 0
        })
    }
    for (row, code) in stored.codes.enumerated() { target[row] = numbers[Int(code)] }
  }

  /// Users of the rows being added, whose column comes before those that are stored by it.
  private func users(inLast count: Int) -> RowUsers {
    RowUsers(UnsafeBufferPointer(start: memory(of: .user) + rowCount, count: count))
  }

  /// A column's memory; 0 in all rows so far.
  private func memory(of column: ChunkColumn) -> UnsafeMutablePointer<Int64> {
    if let known = columns[Int(column.rawValue)] { return known }
    let memory = UnsafeMutablePointer<Int64>.allocate(capacity: max(1, capacity))
    memory.update(repeating: 0, count: rowCount)
    columns[Int(column.rawValue)] = memory
    return memory
  }

  private func values(_ column: ChunkColumn) -> UnsafeBufferPointer<Int64> {
    UnsafeBufferPointer(start: memory(of: column), count: rowCount)
  }

  /// The rows in order, in chunks of one day each.
  ///
  /// - Parameters:
  ///   - workerCount: how many threads encode.
  ///   - shouldStop: asked before sorting and before each chunk.
  /// - Throws: `MergeInterrupted`.
  func encodedByDay(
    workerCount: Int, shouldStop: @Sendable () -> Bool
  ) throws(MergeInterrupted) -> [(day: Int32, writer: ChunkWriter)] {
    if shouldStop() { throw MergeInterrupted() }
    let time = values(.time)
    let order = MergeOrder.rows(
      MergeOrder.Columns(
        time: time, feature: values(.feature), user: values(.user), sequence: values(.sequence)))
    let pieces = Self.pieces(order, time)
    let done = Mutex<[(index: Int, writer: ChunkWriter)]>([])
    let step = max(1, min(workerCount, pieces.count))
    DispatchQueue.concurrentPerform(iterations: step) { worker in
      for index in stride(from: worker, to: pieces.count, by: step) where !shouldStop() {
        let writer = order.withUnsafeBufferPointer { order in
          encode(UnsafeBufferPointer(rebasing: order[pieces[index].places]))
        }
        done.withLock { $0.append((index, writer)) }
      }
    }
    let encoded = done.withLock { $0.sorted { $0.index < $1.index } }
    guard encoded.count == pieces.count else { throw MergeInterrupted() }
    return encoded.map { (pieces[$0.index].day, $0.writer) }
  }

  /// Places of the order that make one chunk each.
  private static func pieces(
    _ order: [UInt32], _ time: UnsafeBufferPointer<Int64>
  ) -> [(day: Int32, places: Range<Int>)] {
    func day(_ place: Int) -> Int32 { CivilDay(localMilliseconds: time[Int(order[place])]).number }
    var pieces: [(day: Int32, places: Range<Int>)] = []
    var start = 0
    while start < order.count {
      let first = day(start)
      var end = start
      while end < order.count, end - start < ColumnHeader.rowsMax, day(end) == first { end += 1 }
      pieces.append((first, start..<end))
      start = end
    }
    return pieces
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
