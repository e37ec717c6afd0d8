import ColumnChunk
import GRDB
import GRDBSQLite
import Synchronization

/// Stored bytes of columns, copied out of the database so that they can be decoded elsewhere.
package struct ColumnBytes {
  private var bytes: [UInt8] = []
  /// Whether the chunk has the column; one that is 0 throughout it has not.
  package private(set) var isStored = false

  package init() {}

  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBytes(body)
  }

  fileprivate mutating func set(_ stored: UnsafeRawBufferPointer?) {
    isStored = stored != nil
    // Keeps its memory: the next chunk's column is about as long.
    bytes.removeAll(keepingCapacity: true)
    if let stored { bytes.append(contentsOf: stored) }
  }
}

/// Reads stored columns for several workers of one report, all of the same snapshot.
///
/// One connection serves them in turn: copying bytes out of it takes a fraction of the time of decoding them.
/// The transaction that it was made in must outlive it, and nothing else may use the connection meanwhile.
private final class SharedColumnReader: Sendable {
  /// A statement of the connection; only ever used by the one who holds the lock.
  private struct Access: @unchecked Sendable {
    let select: RawStatement
  }

  private let access: Mutex<Access>

  /// - Parameter select: of one value, by the number of a column's row.
  init(_ database: Database, _ select: String) throws {
    access = Mutex(Access(select: try RawStatement(database, select)))
  }

  /// Copies columns into buffers, in the order of their rows' numbers.
  ///
  /// - Parameter damage: makes the error of pages that SQLite cannot read, from the reason.
  func read(
    _ rows: [Int64], into buffers: inout [ColumnBytes], damage: (_ reason: String) -> any Error
  ) throws {
    while buffers.count < rows.count { buffers.append(ColumnBytes()) }
    try access.withLock { access in
      for (place, row) in rows.enumerated() {
        access.select.bind(row, at: 1)
        do {
          let isThere = try access.select.next()
          buffers[place].set(isThere ? access.select.bytes(0) : nil)
          if isThere { access.select.finish() }
        } catch let error as DatabaseError where error.resultCode.primaryResultCode == .SQLITE_CORRUPT {
          throw damage(PageChecksums.takeFailure() ?? "SQLite cannot read its pages")
        }
      }
    }
  }
}

/// Reads columns of chunks for several workers; see ``SharedColumnReader``.
package struct SharedChunkReader: Sendable {
  private let reader: SharedColumnReader

  package init(_ database: Database) throws {
    reader = try SharedColumnReader(database, "SELECT data FROM chunk_column WHERE id = ?1")
  }

  /// Copies columns of a chunk into buffers, one a column.
  ///
  /// - Throws: `ChunkDamage` when SQLite cannot read their pages.
  package func read(_ columns: [ChunkColumn], of chunk: ChunkRow, into buffers: inout [ColumnBytes]) throws {
    try reader.read(columns.map { ChunkRow.columnID(chunk: chunk.id, $0) }, into: &buffers) {
      ChunkDamage(chunk: chunk.id, reason: $0)
    }
  }
}

/// Reads columns of rollups for several workers; see ``SharedColumnReader``.
package struct SharedRollupReader: Sendable {
  private let reader: SharedColumnReader

  package init(_ database: Database) throws {
    reader = try SharedColumnReader(database, "SELECT data FROM rollup_column WHERE id = ?1")
  }

  /// Copies columns of a part into buffers, one a column.
  ///
  /// - Throws: `RollupDamage` when SQLite cannot read their pages.
  package func read(_ columns: [ChunkColumn], of part: RollupPart, into buffers: inout [ColumnBytes]) throws {
    try reader.read(columns.map { RollupPart.columnID(part: part.id, $0) }, into: &buffers) {
      RollupDamage(rollup: part.rollup, reason: $0)
    }
  }
}
