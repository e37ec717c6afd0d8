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

/// Reads columns of chunks for several workers of one report, all of the same snapshot.
///
/// One connection serves them in turn: copying bytes out of it takes a fraction of the time of decoding them.
/// The transaction that it was made in must outlive it.
package final class SharedChunkReader: Sendable {
  /// A statement of the connection; only ever used by the one who holds the lock.
  private struct Access: @unchecked Sendable {
    let select: RawStatement
  }

  private let access: Mutex<Access>

  package init(_ database: Database) throws {
    access = Mutex(Access(select: try RawStatement(database, "SELECT data FROM chunk_column WHERE id = ?1")))
  }

  /// Copies columns of a chunk into buffers, one a column.
  ///
  /// - Throws: `ChunkDamage` when SQLite cannot read their pages.
  package func read(_ columns: [ChunkColumn], of chunk: ChunkRow, into buffers: inout [ColumnBytes]) throws {
    try access.withLock { access in
      for (place, column) in columns.enumerated() {
        access.select.bind(ChunkRow.columnID(chunk: chunk.id, column), at: 1)
        do {
          let isThere = try access.select.next()
          buffers[place].set(isThere ? access.select.bytes(0) : nil)
          if isThere { access.select.finish() }
        } catch let error as DatabaseError where error.resultCode.primaryResultCode == .SQLITE_CORRUPT {
          throw ChunkDamage(
            chunk: chunk.id, reason: PageChecksums.takeFailure() ?? "SQLite cannot read its pages")
        }
      }
    }
  }
}
