import CHash
import GRDB
import WireFormat

/// Numbers for names of one kind, backed by a table and held in bounded memory.
///
/// The table has no index of names: an insertion into one costs several times what the row itself does. All names are
/// read into memory when the first is asked for, and whatever is not among them is new. Only where they are more than
/// memory may hold the table gets its index, once, and memory holds those used last.
///
/// Not thread-safe: it belongs to the one writer. After a failed transaction call ``forget()``, as the
/// cache may hold numbers that were rolled back.
struct NameResolver: ~Copyable {
  /// Strings whose memory is asked for together: few enough to stay in the first cache.
  private static let prefetchedStrings = 64

  private let table: NameTable
  private let namesMax: Int64
  private let bytesMax: Int
  private var cache = StringTable()
  /// Table number of the cached string at the same index; 0 unknown.
  private var numbers: [Int64] = [0]
  /// Largest number given, and what it was when the transaction began.
  private var highest: Int64 = 0
  private var highestBefore: Int64 = 0
  /// Cached strings that got the next numbers and are not in the table yet; the last has the number `highest`.
  private var unwritten: [UInt32] = []
  private var memory = Memory.empty
  private var hashes: [UInt64] = []

  /// What the cache holds of the table.
  private enum Memory {
    /// Nothing yet.
    case empty
    /// Every name.
    case all
    /// Some; the table has an index for the others.
    case some
  }

  /// - Parameters:
  ///   - namesMax: largest number that is given.
  ///   - bytesMax: bytes of names beyond which the table gets an index.
  init(_ table: NameTable, namesMax: Int64, bytesMax: Int) {
    self.table = table
    self.namesMax = namesMax
    self.bytesMax = bytesMax
  }

  // MARK: Transactions

  /// Readies for a transaction.
  mutating func begin(in database: Database) throws {
    let highestNumber = try table.highest(in: database)
    // Someone else changed the table.
    if highestNumber != highest { forget() }
    highest = highestNumber
    highestBefore = highestNumber
    if memory == .empty { try load(database) }
  }

  /// The transaction was committed, with everything written; makes room if the cache has reached its bound.
  mutating func end() {
    guard cache.arenaCount > bytesMax else { return }
    let hasIndex = memory == .some
    forget()
    if hasIndex { memory = .some }
  }

  mutating func forget() {
    cache.removeAll()
    numbers = [0]
    unwritten.removeAll()
    memory = .empty
  }

  private mutating func load(_ database: Database) throws {
    if try table.hasIndex(in: database) {
      memory = .some
      return
    }
    try table.forEach(in: database) { number, bytes in
      guard let start = bytes.baseAddress, cache.arenaCount <= bytesMax else { return }
      remember(number, cache.intern(start, bytes.count))
    }
    memory = .all
    if cache.arenaCount > bytesMax { try indexTable(database) }
  }

  private mutating func indexTable(_ database: Database) throws {
    try write(in: database)
    try table.makeIndex(in: database)
    memory = .some
  }

  private mutating func remember(_ number: Int64, _ cached: UInt32) {
    let index = Int(cached)
    if index == numbers.count { return numbers.append(number) }
    if index > numbers.count {
      numbers.append(contentsOf: repeatElement(0, count: index + 1 - numbers.count))
    }
    numbers[index] = number
  }

  // MARK: Numbers

  /// Whether a number was given in this transaction.
  func isNew(_ number: Int64) -> Bool { number > highestBefore }

  /// The number of a name, a new one when it is unknown; nil when there is no room for it.
  mutating func number(
    of bytes: UnsafeBufferPointer<UInt8>, in database: Database
  ) throws -> Int64? {
    guard let start = bytes.baseAddress else { return 0 }
    return try number(of: bytes, hash: StringTable.hash(start, bytes.count), in: database)
  }

  /// The number of a name that has one already.
  mutating func known(_ bytes: UnsafeBufferPointer<UInt8>, in database: Database) throws -> Int64? {
    guard let start = bytes.baseAddress else { return nil }
    let cached = cache.intern(start, bytes.count)
    if Int(cached) < numbers.count, numbers[Int(cached)] != 0 { return numbers[Int(cached)] }
    guard memory == .some, let number = try table.number(of: bytes, in: database) else { return nil }
    remember(number, cached)
    return number
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
      prefetchNumbers()
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

  /// Asks for the numbers of the strings of `hashes`, which the cache has asked for.
  private func prefetchNumbers() {
    numbers.withUnsafeBufferPointer { numbers in
      guard let first = numbers.baseAddress else { return }
      for hash in hashes { wl_prefetch(first + min(Int(cache.firstNumber(hash)), numbers.count - 1)) }
    }
  }

  private mutating func number(
    of bytes: UnsafeBufferPointer<UInt8>, hash: UInt64, in database: Database
  ) throws -> Int64? {
    guard let start = bytes.baseAddress else { return 0 }
    let cached = cache.intern(start, bytes.count, hash: hash)
    if Int(cached) < numbers.count, numbers[Int(cached)] != 0 { return numbers[Int(cached)] }
    if memory == .some, let number = try table.number(of: bytes, in: database) {
      remember(number, cached)
      return number
    }
    guard highest < namesMax else { return nil }
    highest += 1
    remember(highest, cached)
    unwritten.append(cached)
    if memory == .some { try write(in: database) }
    if memory == .all, cache.arenaCount > bytesMax { try indexTable(database) }
    return highest
  }

  // MARK: Rows to be written

  /// Numbers that are given and not in the table yet; the next ones up to the highest.
  var unwrittenNumbers: Range<Int64> { highest + 1 - Int64(unwritten.count)..<highest + 1 }

  /// Lends the name of an unwritten number; valid until the next one is asked for.
  func withUnwrittenName<Result>(
    _ number: Int64, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    cache.withBytes(of: unwritten[Int(number - unwrittenNumbers.lowerBound)], body)
  }

  /// The unwritten names are in the table now.
  mutating func didWrite() { unwritten.removeAll(keepingCapacity: true) }

  /// Inserts the new names into the table; must come before the end of the transaction.
  mutating func write(in database: Database) throws {
    guard !unwritten.isEmpty else { return }
    let first = unwrittenNumbers.lowerBound
    var written = 0
    while written < unwritten.count {
      let isMany = unwritten.count - written >= NameTable.rowsPerStatement
      let insert = try table.insertion(ofMany: isMany, in: database)
      let rowCount = isMany ? NameTable.rowsPerStatement : 1
      for row in 0..<rowCount {
        // Lent until the statement has run: the cache does not change meanwhile.
        cache.withBytes(of: unwritten[written + row]) {
          insert.bind(first + Int64(written + row), $0, row: row)
        }
      }
      try insert.run()
      written += rowCount
    }
    didWrite()
  }
}
