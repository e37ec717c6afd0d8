import GRDB
import GRDBSQLite

/// A prepared statement with direct binding and reading, for the rows that come by the thousand.
///
/// Everything else uses GRDB's own interface. Statements come from the connection's cache, so preparing
/// one again costs a look-up.
struct RawStatement {
  /// Keeps the handle alive; itself to be used on the connection's own thread only.
  private let statement: Statement
  private let sql: String
  private let handle: OpaquePointer
  private let database: Database

  init(_ database: Database, _ sql: String) throws {
    statement = try database.cachedStatement(sql: sql)
    self.sql = sql
    handle = statement.sqliteStatement
    self.database = database
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
  }

  func bind(_ value: Int64, at index: Int32) { sqlite3_bind_int64(handle, index, value) }

  func bind(_ value: Int64?, orNullAt index: Int32) {
    if let value { bind(value, at: index) } else { bindNull(at: index) }
  }

  func bindNull(at index: Int32) { sqlite3_bind_null(handle, index) }

  /// Binds text; SQLite copies the bytes.
  func bind(text bytes: UnsafeBufferPointer<UInt8>, at index: Int32) {
    let start = bytes.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
    sqlite3_bind_text(handle, index, start, Int32(bytes.count), Self.transient)
  }

  /// Binds text without copying; `bytes` must stay valid until the next ``run()`` or ``next()`` returns.
  func bind(lent bytes: UnsafeBufferPointer<UInt8>, at index: Int32) {
    let start = bytes.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
    sqlite3_bind_text(handle, index, start, Int32(bytes.count), nil)
  }

  /// Binds a blob without copying; `bytes` must stay valid until the next ``run()`` returns.
  func bind(blob bytes: UnsafeRawBufferPointer, at index: Int32) {
    sqlite3_bind_blob(handle, index, bytes.baseAddress, Int32(bytes.count), nil)
  }

  /// Runs a statement that returns no row, and readies it for the next values.
  func run() throws {
    let code = sqlite3_step(handle)
    sqlite3_reset(handle)
    guard code == SQLITE_DONE || code == SQLITE_ROW else { throw error(code) }
  }

  /// Steps to the next row; false at the end, after which the statement is ready for new values.
  func next() throws -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    sqlite3_reset(handle)
    guard code == SQLITE_DONE else { throw error(code) }
    return false
  }

  /// Ends reading before the last row.
  func finish() { sqlite3_reset(handle) }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  /// A blob or text in place; valid until the next step.
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(handle, column)
    return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
  }

  /// A text's bytes in place; valid until the next step.
  func textBytes(_ column: Int32) -> UnsafeBufferPointer<UInt8> { bytes(column).bindMemory(to: UInt8.self) }

  func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

  /// `(?1, ?2), (?3, ?4), …`: parameters of a statement that inserts several rows.
  static func parameters(rows: Int, columns: Int) -> String {
    (0..<rows).map { row in
      "(" + (1...columns).map { "?\(row * columns + $0)" }.joined(separator: ", ") + ")"
    }.joined(separator: ", ")
  }

  private func error(_ code: Int32) -> DatabaseError {
    let message = sqlite3_errmsg(sqlite3_db_handle(handle)).map { String(cString: $0) }
    return DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: sql)
  }

  /// SQLITE_TRANSIENT: a macro that Swift cannot import.
  private static var transient: sqlite3_destructor_type {
    unsafeBitCast(-1, to: sqlite3_destructor_type.self)
  }
}
