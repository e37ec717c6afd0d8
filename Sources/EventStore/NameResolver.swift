import GRDB
import WireFormat

/// A table of names, as the resolver uses it.
struct NameTable {
  var select: String
  var insert: String
  var highest: String
  /// Keys are `app NUL feature`, or `app` alone.
  var isFeatures = false

  static let users = NameTable("user_name")
  static let labels = NameTable("label")
  static let sources = NameTable("source")
  static let features = NameTable(
    select: "SELECT id FROM feature_name WHERE app = ?1 AND ifnull(feature, '') = ifnull(?2, '')",
    insert: "INSERT INTO feature_name (app, feature) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    highest: "SELECT max(id) FROM feature_name", isFeatures: true)

  private init(_ table: String) {
    self.init(
      select: "SELECT id FROM \(table) WHERE name = ?1",
      insert: "INSERT INTO \(table) (name) VALUES (?1) ON CONFLICT DO NOTHING",
      highest: "SELECT max(id) FROM \(table)")
  }

  private init(select: String, insert: String, highest: String, isFeatures: Bool = false) {
    self.select = select
    self.insert = insert
    self.highest = highest
    self.isFeatures = isFeatures
  }
}

/// Numbers for names of one kind, backed by a table and cached in bounded memory.
///
/// Not thread-safe: it belongs to the one writer. After a failed transaction call ``forget()``, as the
/// cache may hold numbers that were rolled back.
struct NameResolver: ~Copyable {
  /// Cached bytes before the cache starts anew: about 300,000 names; senders cannot grow it further.
  static let cachedBytesMax = 8 << 20

  /// Strings whose memory is asked for together: few enough to stay in the first cache.
  private static let prefetchedStrings = 64

  private let table: NameTable
  private let namesMax: Int64
  private var cache = StringTable()
  /// Table number of the cached string at the same index; 0 unknown.
  private var numbers: [Int64] = [0]
  /// Largest number in the table, and what it was when the transaction began.
  private var highest: Int64 = 0
  private var highestBefore: Int64 = 0
  /// Whether every name of the table is in the cache, so that any other is new.
  private var isComplete = false
  private var hashes: [UInt64] = []
  private var select: RawStatement?
  private var insert: RawStatement?

  /// - Parameter namesMax: largest number that is given.
  init(_ table: NameTable, namesMax: Int64) {
    self.table = table
    self.namesMax = namesMax
  }

  /// Readies for a transaction.
  mutating func begin(in database: Database) throws {
    let highestNumber = try RawStatement(database, table.highest)
    highest = try highestNumber.next() ? highestNumber.integer(0) : 0
    highestNumber.finish()
    // A table without names, but for the source 0 that stands for none.
    if highest == 0 { isComplete = true }
    highestBefore = highest
    select = try RawStatement(database, table.select)
    insert = try RawStatement(database, table.insert)
  }

  /// The transaction was committed; makes room if the cache has reached its bound.
  mutating func end() {
    select = nil
    insert = nil
    if cache.arenaCount > Self.cachedBytesMax { forget() }
  }

  mutating func forget() {
    select = nil
    insert = nil
    cache.removeAll()
    numbers = [0]
    isComplete = false
  }

  /// Whether a number was given in this transaction.
  func isNew(_ number: Int64) -> Bool { number > highestBefore }

  /// The number of a name, a new one when it is unknown; nil when there is no room for it.
  mutating func number(
    of bytes: UnsafeBufferPointer<UInt8>, in database: Database
  ) throws -> Int64? {
    guard let start = bytes.baseAddress else { return 0 }
    return try number(of: bytes, hash: StringTable.hash(start, bytes.count), in: database)
  }

  /// Numbers of strings of a batch.
  ///
  /// - Parameters:
  ///   - strings: numbers of the strings in `table`, none of them the absent one.
  ///   - numbers: by string number; gets the number in the store, or `unavailable` where there is no room.
  /// - Returns: whether there was no room for one.
  mutating func resolve(
    _ strings: [UInt32], of table: borrowing StringTable, into numbers: inout [Int64], in database: Database
  ) throws -> Bool {
    var isFull = false
    for start in stride(from: 0, to: strings.count, by: Self.prefetchedStrings) {
      let block = strings[start..<min(start + Self.prefetchedStrings, strings.count)]
      hashes.removeAll(keepingCapacity: true)
      for string in block {
        hashes.append(
          table.withBytes(of: string) { bytes in
            bytes.baseAddress.map { StringTable.hash($0, bytes.count) } ?? 0
          })
      }
      cache.prefetch(hashes)
      for (string, hash) in zip(block, hashes) {
        let found = try table.withBytes(of: string) { bytes in
          Result { try number(of: bytes, hash: hash, in: database) }
        }.get()
        numbers[Int(string)] = found ?? BatchNames.unavailable
        if found == nil { isFull = true }
      }
    }
    return isFull
  }

  private mutating func number(
    of bytes: UnsafeBufferPointer<UInt8>, hash: UInt64, in database: Database
  ) throws -> Int64? {
    guard let start = bytes.baseAddress else { return 0 }
    let cached = Int(cache.intern(start, bytes.count, hash: hash))
    if cached < numbers.count {
      if numbers[cached] != 0 { return numbers[cached] }
    } else {
      numbers.append(contentsOf: repeatElement(0, count: cached + 1 - numbers.count))
    }
    var number = isComplete ? nil : try look(up: bytes)
    if number == nil { number = try insert(bytes, in: database) }
    guard let number else { return nil }
    numbers[cached] = number
    return number
  }

  private func look(up bytes: UnsafeBufferPointer<UInt8>) throws -> Int64? {
    guard let select else { return nil }
    bindName(bytes, to: select)
    guard try select.next() else { return nil }
    defer { select.finish() }
    return select.integer(0)
  }

  private mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>, in database: Database) throws -> Int64? {
    guard highest < namesMax, let insert else { return nil }
    bindName(bytes, to: insert)
    try insert.run()
    // Someone else may have brought the name into the table.
    let number = database.changesCount > 0 ? database.lastInsertedRowID : try look(up: bytes)
    highest = max(highest, number ?? 0)
    return number
  }

  private func bindName(_ bytes: UnsafeBufferPointer<UInt8>, to statement: RawStatement) {
    guard table.isFeatures else { return statement.bind(text: bytes, at: 1) }
    if let separator = bytes.firstIndex(of: 0) {
      statement.bind(text: UnsafeBufferPointer(rebasing: bytes[..<separator]), at: 1)
      statement.bind(text: UnsafeBufferPointer(rebasing: bytes[(separator + 1)...]), at: 2)
    } else {
      statement.bind(text: bytes, at: 1)
      statement.bindNull(at: 2)
    }
  }
}
