import GRDB

/// A table of numbered names, as the resolver uses it.
struct NameTable {
  /// Names inserted by one statement: beginning and ending one costs twice what its row does.
  static let rowsPerStatement = 32

  private let name: String
  /// Keys are `app NUL feature`, or `app` alone.
  private let isFeatures: Bool
  private let insertOneSQL: String
  private let insertManySQL: String

  static let users = NameTable(name: "user_name")
  static let labels = NameTable(name: "label")
  static let sources = NameTable(name: "source")
  static let features = NameTable(name: "feature_name", isFeatures: true)

  private init(name: String, isFeatures: Bool = false) {
    self.name = name
    self.isFeatures = isFeatures
    // What goes wrong ends the transaction: no copy of each page for the statement's own way back.
    func insertSQL(rows: Int) -> String {
      """
      INSERT OR FAIL INTO \(name) (\(isFeatures ? "id, app, feature" : "id, name")) VALUES
      \(RawStatement.parameters(rows: rows, columns: isFeatures ? 3 : 2))
      """
    }
    insertOneSQL = insertSQL(rows: 1)
    insertManySQL = insertSQL(rows: Self.rowsPerStatement)
  }

  /// The largest number; 0 without any.
  func highest(in database: Database) throws -> Int64 {
    let select = try RawStatement(database, "SELECT max(id) FROM \(name)")
    defer { select.finish() }
    return try select.next() ? select.integer(0) : 0
  }

  // MARK: The index, where there is one

  /// Features always have theirs: they are few, and it keeps them apart.
  func hasIndex(in database: Database) throws -> Bool {
    if isFeatures { return true }
    let select = try RawStatement(
      database, "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = '\(name)_by_name'")
    defer { select.finish() }
    return try select.next()
  }

  /// - Complexity: sorts all names.
  func makeIndex(in database: Database) throws {
    try database.execute(sql: "CREATE UNIQUE INDEX \(name)_by_name ON \(name) (name)")
  }

  /// Looks a name up; reads the whole table where it has no index.
  func number(of bytes: UnsafeBufferPointer<UInt8>, in database: Database) throws -> Int64? {
    let select = try RawStatement(
      database,
      isFeatures
        ? "SELECT id FROM feature_name WHERE app = ?1 AND ifnull(feature, '') = ifnull(?2, '')"
        : "SELECT id FROM \(name) WHERE name = ?1")
    bind(bytes, to: select, at: 1)
    guard try select.next() else { return nil }
    defer { select.finish() }
    return select.integer(0)
  }

  // MARK: Rows

  /// Visits every name; the bytes are lent.
  ///
  /// Not for features.
  func forEach(
    in database: Database, _ body: (_ number: Int64, UnsafeBufferPointer<UInt8>) -> Void
  ) throws {
    let select = try RawStatement(database, "SELECT id, name FROM \(name) WHERE id > 0 ORDER BY id")
    while try select.next() { body(select.integer(0), select.textBytes(1)) }
  }

  /// A statement that inserts ``rowsPerStatement`` rows, or one.
  func insertion(ofMany: Bool, in database: Database) throws -> Insertion {
    Insertion(
      table: self, statement: try RawStatement(database, ofMany ? insertManySQL : insertOneSQL))
  }

  struct Insertion {
    fileprivate let table: NameTable
    fileprivate let statement: RawStatement

    /// Sets a row; the bytes must stay valid until ``run()`` returns.
    func bind(_ number: Int64, _ bytes: UnsafeBufferPointer<UInt8>, row: Int) {
      let index = Int32(row) * (table.isFeatures ? 3 : 2) + 1
      statement.bind(number, at: index)
      table.bind(bytes, to: statement, at: index + 1)
    }

    func run() throws { try statement.run() }
  }

  private func bind(_ bytes: UnsafeBufferPointer<UInt8>, to statement: RawStatement, at index: Int32) {
    guard isFeatures else { return statement.bind(lent: bytes, at: index) }
    if let separator = bytes.firstIndex(of: 0) {
      statement.bind(lent: UnsafeBufferPointer(rebasing: bytes[..<separator]), at: index)
      statement.bind(lent: UnsafeBufferPointer(rebasing: bytes[(separator + 1)...]), at: index + 1)
    } else {
      statement.bind(lent: bytes, at: index)
      statement.bindNull(at: index + 1)
    }
  }
}
