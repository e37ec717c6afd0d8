import CPageChecksum
import Foundation
import GRDB

/// Takes damaged pages out of the tables of columns, so that everything else can be deleted, copied and vacuumed.
///
/// A page that fails its checksum cannot be read, and so what stands on it cannot be deleted: one would keep
/// `forget`, a backup and merges of its neighbours from working for ever. What it held is told by the pages around
/// it (``ColumnTree``). A connection of its own reads, in its place, a page with the right numbers of other pages:
///
/// - a stretch of a long column: the row is written anew with the bytes as they are, which its own checksum refuses;
/// - a leaf: its rows are deleted, and the page as it was goes to `damaged_page`.
///
/// Chunks that had rows there are set aside before, and rollups deleted, so nobody takes a missing column for zeros.
package struct PageMender {
  /// Pages mended at once: more is no accident but a disk that dies.
  static let pagesMax = 1_000
  /// Longest wait for readers that keep the log from being folded in.
  private static let waitSeconds: TimeInterval = 2

  private struct Leaf {
    var number: UInt32
    var bytes: [UInt8]
    var table: Table
    var rows: ClosedRange<Int64>
  }

  private enum Table: String, CaseIterable {
    case chunk = "chunk_column"
    case rollup = "rollup_column"
  }

  private let path: String
  private let now: Int64
  private let queue: DatabaseQueue
  private var known: Set<UInt32> = []
  private var leaves: [Leaf] = []
  private var rewritten: [(table: Table, row: Int64)] = []

  private init(path: String, nowMilliseconds: Int64) throws {
    self.path = path
    now = nowMilliseconds
    var configuration = Configuration()
    configuration.busyMode = .timeout(Self.waitSeconds)
    // Freed pages are written too: they would stay damaged otherwise.
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA secure_delete = ON") }
    queue = try DatabaseQueue(path: path, configuration: configuration)
  }

  /// Mends one page, if it is given, and all that columns of chunks set aside stand on.
  ///
  /// To be called by the one writer, outside of a transaction.
  /// - Returns: how many pages were mended.
  /// - Throws: `UnmendablePage`, `StoreError`, `DatabaseError`; each says what to do. Nothing changed then, but that
  ///   chunks with rows on a damaged leaf are set aside.
  @discardableResult
  package static func mend(_ path: String, page: UInt32? = nil, nowMilliseconds: Int64) throws -> Int {
    var mender = try PageMender(path: path, nowMilliseconds: nowMilliseconds)
    defer { try? mender.queue.close() }
    if let page { try mender.take(page) }
    while true {
      do {
        try mender.queue.inTransactionReturning { try mender.apply(in: $0) }
        break
      } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
        guard let page = PageChecksums.takeFailedPage(), !mender.known.contains(page) else { throw error }
        try mender.take(page)
      }
    }
    // Until then the file itself still has the damaged page; a reader in the way is no reason to fail.
    if !mender.known.isEmpty {
      _ = try? mender.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
    }
    return mender.known.count
  }

  // MARK: What a page held

  /// Finds out what a damaged page held, and has the connection read a substitute from now on.
  private mutating func take(_ page: UInt32) throws {
    guard known.count < Self.pagesMax else {
      throw UnmendablePage(page: page, reason: "more than \(Self.pagesMax) others are damaged too")
    }
    try foldLogIn()
    let map = try PageMap(path: path)
    guard try !map.page(page).isSound else { return }
    let (table, tree) = try self.tree(of: page, map)
    let substitute: [UInt8]
    switch try tree.place(of: page) {
    case .overflow(let bytes):
      substitute = bytes
      let owner = try tree.row(ofOverflow: page)
      if let row = owner.row {
        rewritten.append((table, row))
      } else if !known.contains(owner.leaf) {
        try take(owner.leaf)
      }
    case .leaf(let bytes, let rows):
      substitute = bytes
      try setAside(rows, table, page)
      leaves.append(Leaf(number: page, bytes: try map.page(page).bytes, table: table, rows: rows))
    }
    known.insert(page)
    try queue.writeWithoutTransaction { try PageChecksums.substitute(substitute, forPage: page, in: $0) }
  }

  /// The map reads the file: what the log holds must be in it.
  private func foldLogIn() throws {
    let isDone = try queue.writeWithoutTransaction { database in
      let row = try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(FULL)")
      return row.map { $0[0] == 0 && $0[1] as Int == $0[2] } ?? false
    }
    guard isDone else {
      throw StoreError.invalid(
        "a reader keeps the log of \(path) from being folded in, which mending its damaged pages needs"
          + "\(ReaderProcesses.text(databasePath: path)): end it, and run 'waterline doctor'")
    }
  }

  private func tree(of page: UInt32, _ map: PageMap) throws -> (Table, ColumnTree) {
    for table in Table.allCases {
      let root = try queue.read {
        try UInt32.fetchOne(
          $0, sql: "SELECT rootpage FROM sqlite_master WHERE name = ?", arguments: [table.rawValue])
      }
      guard let root else { continue }
      let tree = ColumnTree(map: map, root: root)
      if try tree.holds(page) { return (table, tree) }
    }
    throw UnmendablePage(page: page, reason: "it belongs to another table than those of events")
  }

  /// Sees to it that nobody reads rows that are about to go.
  ///
  /// Before the substitute is read: a row that is missing there would pass for a column of zeros.
  private func setAside(_ rows: ClosedRange<Int64>, _ table: Table, _ page: UInt32) throws {
    try queue.inTransactionReturning { database in
      switch table {
      case .chunk:
        for chunk in try Self.owners("SELECT id FROM chunk", rows, ChunkRow.columnsMax, database) {
          _ = try DamagedChunks.setAside(chunk, nowMilliseconds: now, in: database)
        }
      case .rollup:
        let affected = try Self.rollups(rows, database)
        for rollup in try Rollup.all(.dayCells, in: database)
        where rollup.isPruned && affected.contains(rollup.id) {
          do {
            _ = try RollupReader(database).cells(of: rollup)
          } catch is RollupDamage {
            throw UnmendablePage(page: page, reason: "it holds daily cells of pruned events")
          }
        }
      }
    }
  }

  private static func rollups(_ rows: ClosedRange<Int64>, _ database: Database) throws -> Set<Int64> {
    try Set(owners("SELECT id, rollup FROM rollup_part", rows, RollupPart.columnsMax, database))
  }

  /// The last column of rows whose `id` may have columns in a range.
  private static func owners(
    _ select: String, _ rows: ClosedRange<Int64>, _ columnsMax: Int64, _ database: Database
  ) throws -> [Int64] {
    let (first, last) = (rows.lowerBound / columnsMax, rows.upperBound / columnsMax)
    return try Row.fetchAll(database, sql: "\(select) WHERE id BETWEEN ? AND ?", arguments: [first, last])
      .map { $0[$0.count - 1] }
  }

  // MARK: What becomes of it

  private func apply(in database: Database) throws {
    for chunk in try DamagedChunks.all(in: database) { try readColumns(of: chunk.id, in: database) }
    for (table, row) in rewritten { try rewrite(table, row, in: database) }
    for leaf in leaves {
      try database.execute(
        sql: "INSERT INTO damaged_page (number, found_ms, bytes) VALUES (?, ?, ?)",
        arguments: [leaf.number, now, leaf.bytes.databaseBlob])
      if leaf.table == .rollup {
        let pruned = try Set(Rollup.all(.dayCells, in: database).filter(\.isPruned).map(\.id))
        for rollup in try Self.rollups(leaf.rows, database).subtracting(pruned) {
          try Rollup.delete(rollup, in: database)
        }
      }
      try database.execute(
        sql: "DELETE FROM \(leaf.table.rawValue) WHERE id BETWEEN ? AND ?",
        arguments: [leaf.rows.lowerBound, leaf.rows.upperBound])
    }
  }

  /// Fails where a column stands on a page that is not known yet.
  private func readColumns(of chunk: Int64, in database: Database) throws {
    let first = chunk * ChunkRow.columnsMax
    let select = try RawStatement(database, "SELECT data FROM chunk_column WHERE id >= ?1 AND id < ?2")
    select.bind(first, at: 1)
    select.bind(first + ChunkRow.columnsMax, at: 2)
    while try select.next() { _ = select.bytes(0) }
  }

  /// Writes a row anew, and so all its pages; SQLite leaves pages alone where a row is updated to what it is.
  private func rewrite(_ table: Table, _ row: Int64, in database: Database) throws {
    guard
      let data = try Data.fetchOne(
        database, sql: "SELECT data FROM \(table.rawValue) WHERE id = ?", arguments: [row])
    else { return }
    try database.execute(sql: "DELETE FROM \(table.rawValue) WHERE id = ?", arguments: [row])
    try database.execute(
      sql: "INSERT INTO \(table.rawValue) (id, data) VALUES (?, ?)", arguments: [row, data])
  }
}
