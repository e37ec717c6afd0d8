import ColumnChunk
import GRDB
import UsageModel
import WireFormat

/// Sorts the events of several chunks into day chunks by (day, feature, user, time).
///
/// Reading and encoding need only a read connection, so that the writer goes on committing meanwhile;
/// ``apply(_:in:)`` then swaps the chunks in one short transaction. Nothing is ever visible twice or not
/// at all.
package struct ChunkMerger {
  /// What a merge produced: chunks to delete and encoded chunks to insert.
  package struct Result {
    package var replaced: [ChunkRow]
    fileprivate var produced: [(day: Int32, writer: ChunkWriter)]

    /// Rows that were rewritten.
    package var rowCount: Int { replaced.reduce(0) { $0 + $1.rowCount } }
  }

  /// Reads, sorts and encodes.
  ///
  /// - Complexity: O(rows log rows); memory about 150 bytes a row.
  /// - Throws: `ChunkDamage` when a chunk cannot be read, `DatabaseError`.
  package static func merge(_ step: MergePlan.Step, in database: Database) throws -> Result {
    var rows = MergeRows(capacity: step.chunks.reduce(0) { $0 + $1.rowCount })
    let reader = ChunkReader(database)
    for chunk in step.chunks { try rows.append(chunk, reader) }
    return Result(replaced: step.chunks, produced: rows.encodedByDay())
  }

  /// Replaces the merged chunks by the result.
  ///
  /// A chunk never changes and its number is never used again: one that is still there is the one that was
  /// read, whatever was forgotten or set aside meanwhile.
  /// - Returns: false, and no change, when one of the chunks is no longer there.
  package static func apply(_ result: Result, in database: Database) throws -> Bool {
    for chunk in result.replaced {
      let isThere = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM chunk WHERE id = ?)", arguments: [chunk.id])
      guard isThere == true else { return false }
    }
    for chunk in result.replaced { try delete(chunk, in: database) }
    let run = try Int64.fetchOne(database, sql: "SELECT ifnull(max(run), 0) + 1 FROM chunk") ?? 1
    let isImported = result.replaced.allSatisfy(\.isImported)
    for (day, writer) in result.produced {
      _ = try writer.insert(day: day, run: run, isImported: isImported, in: database)
    }
    return true
  }

  static func delete(_ chunk: ChunkRow, in database: Database) throws {
    let first = chunk.id * ChunkRow.columnsMax
    try database.cachedStatement(sql: "DELETE FROM chunk_column WHERE id >= ? AND id < ?")
      .execute(arguments: [first, first + ChunkRow.columnsMax])
    try database.cachedStatement(sql: "DELETE FROM chunk WHERE id = ?").execute(arguments: [chunk.id])
  }
}

/// Rows of several chunks side by side, and their sorted order.
private struct MergeRows: ~Copyable {
  private static let integerColumns = ChunkColumn.allCases.filter { !$0.isText }
  private var columns: [ChunkColumn: [Int64]] = [:]
  private var texts = StringTable()

  init(capacity: Int) {
    for column in ChunkColumn.allCases { columns[column, default: []].reserveCapacity(capacity) }
  }

  mutating func append(_ chunk: ChunkRow, _ reader: ChunkReader) throws {
    var buffer = [Int64](repeating: 0, count: chunk.rowCount)
    for column in Self.integerColumns {
      try buffer.withUnsafeMutableBufferPointer { buffer in
        if let start = buffer.baseAddress { try reader.read(column, of: chunk, into: start) }
      }
      columns[column, default: []].append(contentsOf: buffer)
    }
    for column in ChunkColumn.allCases where column.isText {
      let stored = try reader.readTexts(column, of: chunk)
      var numbers: [Int64] = [0]
      for string in stored.strings {
        numbers.append(
          string.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { Int64(texts.intern($0, bytes.count)) } ?? 0
          })
      }
      columns[column, default: []].append(contentsOf: stored.codes.map { numbers[Int($0)] })
    }
  }

  private struct Key {
    var day: Int32
    var feature: UInt32
    var user: UInt32
    var row: UInt32
    var time: Int64
    var sequence: Int64

    static func precedes(_ left: Key, _ right: Key) -> Bool {
      if left.day != right.day { return left.day < right.day }
      if left.feature != right.feature { return left.feature < right.feature }
      if left.user != right.user { return left.user < right.user }
      if left.time != right.time { return left.time < right.time }
      if left.sequence != right.sequence { return left.sequence < right.sequence }
      return left.row < right.row
    }
  }

  private func sortedKeys() -> [Key] {
    let time = columns[.time] ?? []
    let feature = columns[.feature] ?? []
    let user = columns[.user] ?? []
    let sequence = columns[.sequence] ?? []
    var keys: [Key] = []
    keys.reserveCapacity(time.count)
    for row in time.indices {
      keys.append(
        Key(
          day: CivilDay(localMilliseconds: time[row]).number,
          feature: UInt32(truncatingIfNeeded: feature[row]),
          user: UInt32(truncatingIfNeeded: user[row]), row: UInt32(row), time: time[row],
          sequence: sequence[row]))
    }
    keys.sort(by: Key.precedes)
    return keys
  }

  func encodedByDay() -> [(day: Int32, writer: ChunkWriter)] {
    let keys = sortedKeys()
    var produced: [(day: Int32, writer: ChunkWriter)] = []
    var start = 0
    while start < keys.count {
      let day = keys[start].day
      var end = start
      while end < keys.count, keys[end].day == day, end - start < ColumnHeader.rowsMax { end += 1 }
      produced.append((day, encode(keys[start..<end])))
      start = end
    }
    return produced
  }

  private func encode(_ keys: ArraySlice<Key>) -> ChunkWriter {
    var writer = ChunkWriter(rowCount: keys.count, effort: .merged)
    for column in ChunkColumn.allCases {
      guard let source = columns[column] else { continue }
      let values = keys.map { source[Int($0.row)] }
      if column.isText {
        add(column, values, to: &writer)
      } else {
        values.withUnsafeBufferPointer { writer.add(column, $0) }
      }
    }
    return writer
  }

  /// Renumbers the texts that this chunk uses from 1, in order of first use.
  private func add(_ column: ChunkColumn, _ values: [Int64], to writer: inout ChunkWriter) {
    var codes: [Int64: Int64] = [:]
    var strings: [[UInt8]] = []
    let renumbered = values.map { value -> Int64 in
      if value == 0 { return 0 }
      if let known = codes[value] { return known }
      strings.append(texts.withBytes(of: UInt32(truncatingIfNeeded: value)) { Array($0) })
      codes[value] = Int64(strings.count)
      return Int64(strings.count)
    }
    renumbered.withUnsafeBufferPointer { writer.add(column, texts: strings, $0) }
  }
}
