import GRDB
import WireFormat

/// Numbers for names of one kind, backed by a table and cached in bounded memory.
///
/// Not thread-safe: it belongs to the one writer. After a failed transaction call ``forget()``, as the
/// cache may hold numbers that were rolled back.
struct NameResolver: ~Copyable {
  /// Cached bytes before the cache starts anew: about 300,000 names; senders cannot grow it further.
  static let cachedBytesMax = 8 << 20

  private let selectSQL: String
  private let insertSQL: String
  private let separatesFeature: Bool
  private var cache = StringTable()
  /// Table number of the cached string at the same index; 0 unknown.
  private var numbers: [Int64] = [0]

  /// For a table with the columns `id` and `name`.
  init(table: String) {
    selectSQL = "SELECT id FROM \(table) WHERE name = ?1"
    insertSQL = "INSERT INTO \(table) (name) VALUES (?1)"
    separatesFeature = false
  }

  /// For `feature_name`, whose keys are `app NUL feature`, or `app` alone.
  static func features() -> NameResolver { NameResolver() }

  private init() {
    selectSQL = "SELECT id FROM feature_name WHERE app = ?1 AND ifnull(feature, '') = ifnull(?2, '')"
    insertSQL = "INSERT INTO feature_name (app, feature) VALUES (?1, ?2)"
    separatesFeature = true
  }

  mutating func forget() {
    cache.removeAll()
    numbers = [0]
  }

  /// Makes room if the cache has reached its bound; call between transactions.
  mutating func trim() {
    if cache.arenaCount > Self.cachedBytesMax { forget() }
  }

  /// The number of a name; with `inserting`, a new one when it is unknown, else 0.
  mutating func number(
    of bytes: UnsafeBufferPointer<UInt8>, inserting: Bool = true, in database: Database
  ) throws -> Int64 {
    guard let start = bytes.baseAddress else { return 0 }
    let cached = Int(cache.intern(start, bytes.count))
    if cached < numbers.count {
      if numbers[cached] != 0 { return numbers[cached] }
    } else {
      numbers.append(contentsOf: repeatElement(0, count: cached + 1 - numbers.count))
    }
    let number = try look(up: bytes, in: database) ?? (inserting ? insert(bytes, in: database) : 0)
    numbers[cached] = number
    return number
  }

  private func look(up bytes: UnsafeBufferPointer<UInt8>, in database: Database) throws -> Int64? {
    let select = try RawStatement(database, selectSQL)
    bindName(bytes, to: select)
    guard try select.next() else { return nil }
    defer { select.finish() }
    return select.integer(0)
  }

  private func insert(_ bytes: UnsafeBufferPointer<UInt8>, in database: Database) throws -> Int64 {
    let insert = try RawStatement(database, insertSQL)
    bindName(bytes, to: insert)
    try insert.run()
    return database.lastInsertedRowID
  }

  private func bindName(_ bytes: UnsafeBufferPointer<UInt8>, to statement: RawStatement) {
    guard separatesFeature else { return statement.bind(text: bytes, at: 1) }
    if let separator = bytes.firstIndex(of: 0) {
      statement.bind(text: UnsafeBufferPointer(rebasing: bytes[..<separator]), at: 1)
      statement.bind(text: UnsafeBufferPointer(rebasing: bytes[(separator + 1)...]), at: 2)
    } else {
      statement.bind(text: bytes, at: 1)
      statement.bindNull(at: 2)
    }
  }
}
