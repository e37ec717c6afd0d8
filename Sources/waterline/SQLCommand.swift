import ArgumentParser
import CAutoExtension
import EventExtension
import EventStore
import Foundation
import GRDB
import GRDBSQLite
import Report
import UsageModel

struct SQLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql", abstract: "Read-only SQL over documented views and the table of raw events.",
    discussion: """
      VIEWS:
        event  every event: time, user, person, app, feature, kind, outcome, duration_ms, host, session, \
      version, cause, source, seq, attributes, clock_offset_ms
      \(DocumentedViews.all.map { "  \($0.name)  \($0.purpose)" }.joined(separator: "\n"))

      People appear as pseudonyms that are stable within this database; names need --purpose.

      EXAMPLES:
        waterline sql "SELECT app, count(*) AS events FROM event GROUP BY app"
        waterline sql "SELECT * FROM people" --purpose "roster check"
      """)

  @Argument(help: "One SELECT.") var query: String
  @OptionGroup var database: DatabaseOption
  @OptionGroup var format: FormatOptions

  @Option(help: ArgumentHelp("Why you need names; 'audit' shows it.", valueName: "text"))
  var purpose: String?

  func run() throws {
    // Opening it as a store first gives the clear errors for a wrong or missing file.
    let store = try EventStore(readingAt: database.path)
    if let purpose, !purpose.trimmingCharacters(in: .whitespaces).isEmpty {
      try Purpose.log(purpose, databasePath: database.path)
      EventExtension.showsNames = true
    }
    _ = wl_register_for_all_connections()
    format.print(try ReadOnlySQL(path: store.path, query: query).table(query))
  }
}

/// A connection that can only read, and only what is documented.
///
/// The documented views that a query names are copied into temporary tables first, with pseudonyms in
/// place; then everything in the database itself is closed but the table `event`. Leaving the views open to
/// SQLite's authorizer instead would not do: it reports the name of any subquery as if it were a view's.
final class ReadOnlySQL {
  private var handle: OpaquePointer?

  /// Rows collected before a result is refused as too large for memory.
  private static let rowsMax = 5_000_000

  /// Opens the database and prepares the views that the query may use.
  init(path: String, query: String) throws {
    guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK else {
      throw UsageError("cannot open \(path): \(Self.message(handle))")
    }
    sqlite3_busy_timeout(handle, 10_000)
    // Connects the table once while declaring its columns is still allowed.
    try execute("SELECT 1 FROM event LIMIT 0")
    let lowercased = query.lowercased()
    for view in DocumentedViews.all where lowercased.contains(view.name) {
      try execute("DROP VIEW temp.\(view.name); CREATE TEMP TABLE \(view.name) AS \(view.sql)")
    }
    sqlite3_set_authorizer(handle, authorize, nil)
  }

  private func execute(_ sql: String) throws {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
      throw Self.error(handle)
    }
  }

  deinit { sqlite3_close(handle) }

  /// Runs one statement and collects its rows.
  func table(_ query: String) throws -> GenericTable {
    var statement: OpaquePointer?
    var code: Int32 = 0
    var hasMore = false
    query.withCString { text in
      var tail: UnsafePointer<CChar>?
      code = sqlite3_prepare_v2(handle, text, -1, &statement, &tail)
      if let tail { hasMore = String(cString: tail).contains { !$0.isWhitespace && $0 != ";" } }
    }
    defer { sqlite3_finalize(statement) }
    guard code == SQLITE_OK else { throw Self.error(handle) }
    guard let statement else { throw UsageError("SQL: there is no statement in the query") }
    guard !hasMore else { throw UsageError("SQL: one statement at a time") }
    let columnCount = sqlite3_column_count(statement)
    let columns = (0..<columnCount).map {
      sqlite3_column_name(statement, $0).map { String(cString: $0) } ?? "?"
    }
    var rows: [[ReportValue]] = []
    while true {
      code = sqlite3_step(statement)
      guard code == SQLITE_ROW else { break }
      guard rows.count < Self.rowsMax else {
        throw UsageError("SQL: more than \(Self.rowsMax) rows; add a LIMIT or aggregate")
      }
      rows.append((0..<columnCount).map { Self.value(statement, $0) })
    }
    guard code == SQLITE_DONE else { throw Self.error(handle) }
    return GenericTable(columns: columns, rows: rows)
  }

  private static func value(_ statement: OpaquePointer, _ column: Int32) -> ReportValue {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
    case SQLITE_FLOAT: return .number(sqlite3_column_double(statement, column))
    case SQLITE_NULL: return .null
    default:
      let count = Int(sqlite3_column_bytes(statement, column))
      guard let bytes = sqlite3_column_blob(statement, column) else { return .text("") }
      return .text(String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self))
    }
  }

  /// What SQLite says of the query, unless the file is at fault.
  private static func error(_ handle: OpaquePointer?) -> any Error {
    if let damage = PageChecksums.takeFailure() {
      return StoreError.invalid(
        "the database is damaged (\(damage)): 'waterline doctor' says what is affected and what to do")
    }
    return UsageError("SQL: \(message(handle))")
  }

  private static func message(_ handle: OpaquePointer?) -> String {
    sqlite3_errmsg(handle).map { String(cString: $0) } ?? "no memory"
  }
}

/// Lets a statement read temporary tables, the table `event`, and nothing else of the database; the
/// extension itself may, as it reads dictionaries and chunks for `event`.
private func authorize(
  _ context: UnsafeMutableRawPointer?, _ action: Int32, _ first: UnsafePointer<CChar>?,
  _ second: UnsafePointer<CChar>?, _ database: UnsafePointer<CChar>?, _ view: UnsafePointer<CChar>?
) -> Int32 {
  switch action {
  case SQLITE_SELECT, SQLITE_RECURSIVE: return SQLITE_OK
  case SQLITE_FUNCTION:
    // Asked for a name that one knows, it would tell whose pseudonym is whose.
    let isPerson = second.map { String(cString: $0) } == "waterline_person"
    return isPerson && !EventExtension.showsNames ? SQLITE_DENY : SQLITE_OK
  case SQLITE_READ:
    let isTemporary = database.map { String(cString: $0) } == "temp"
    let isEvent = first.map { String(cString: $0) } == "event"
    // Without a table there is nothing to read: `count(*)` asks so.
    let isNothing = first.map { String(cString: $0) }?.isEmpty ?? true
    return isTemporary || isEvent || isNothing || ExtensionScope.isInside ? SQLITE_OK : SQLITE_DENY
  default: return SQLITE_DENY
  }
}
