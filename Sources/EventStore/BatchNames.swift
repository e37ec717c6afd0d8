import GRDB
import UsageModel
import WireFormat

/// Numbers of all that events name, looked up once a batch for each distinct name.
///
/// Belongs to the one writer. Between ``begin(in:)`` and ``end()`` lies one transaction.
struct BatchNames: ~Copyable {
  enum Kind {
    case user
    case label
    case source
  }

  /// In place of a number: the table is full.
  static let unavailable: Int64 = -1

  private var users: NameResolver
  private var labels: NameResolver
  private var sources: NameResolver
  private var features: NameResolver

  // By string number of the batch; 0 not looked up yet.
  private var userNumbers: [Int64] = []
  private var labelNumbers: [Int64] = []
  private var sourceNumbers: [Int64] = []
  private var pairs = FeaturePairs()
  /// By row; room for a whole batch, which takes no memory until it is used.
  private let featureNumber = UnsafeMutablePointer<Int64>.allocate(capacity: EventBatch.eventsMax)
  /// Whether a name of the batch could not be given a number.
  private(set) var hasUnavailable = false
  private var key: [UInt8] = []

  init(_ limits: StoreLimits) {
    users = NameResolver(.users, namesMax: limits.usersMax, bytesMax: limits.nameBytesCachedMax)
    labels = NameResolver(.labels, namesMax: limits.labelsMax, bytesMax: limits.nameBytesCachedMax)
    sources = NameResolver(.sources, namesMax: limits.sourcesMax, bytesMax: limits.nameBytesCachedMax)
    features = NameResolver(.features, namesMax: limits.featuresMax, bytesMax: limits.nameBytesCachedMax)
  }

  deinit { featureNumber.deallocate() }

  // MARK: Transactions

  /// Reads what is known; to be called before anything else of a transaction.
  mutating func begin(in database: Database) throws {
    try users.begin(in: database)
    try labels.begin(in: database)
    try sources.begin(in: database)
    try features.begin(in: database)
  }

  /// Inserts the new names, but those of sources, which the ledger inserts with all it knows of them.
  mutating func write(in database: Database) throws {
    try users.write(in: database)
    try labels.write(in: database)
    try features.write(in: database)
  }

  /// Inserts new sources that nothing is booked for yet, for who must find their rows in the table.
  mutating func writeSources(in database: Database) throws { try sources.write(in: database) }

  /// Numbers of sources that are not in the table yet.
  var unwrittenSources: Range<Int64> { sources.unwrittenNumbers }

  func withUnwrittenSource<Result>(
    _ number: Int64, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    sources.withUnwrittenName(number, body)
  }

  mutating func didWriteSources() { sources.didWrite() }

  /// The transaction was committed.
  mutating func end() {
    users.end()
    labels.end()
    sources.end()
    features.end()
  }

  /// Drops every number: the transaction failed, or someone else changed the tables.
  mutating func forget() {
    users.forget()
    labels.forget()
    sources.forget()
    features.forget()
  }

  // MARK: One batch

  /// Forgets the batch before and makes room for this one.
  mutating func start(_ batch: EventBatch) {
    let count = batch.strings.count
    Self.clear(&userNumbers, count)
    Self.clear(&labelNumbers, count)
    Self.clear(&sourceNumbers, count)
    pairs.removeAll()
    hasUnavailable = false
  }

  private static func clear(_ array: inout [Int64], _ count: Int) {
    array.removeAll(keepingCapacity: true)
    array.append(contentsOf: repeatElement(0, count: count))
  }

  /// Looks up every name of the rows.
  mutating func resolve(_ batch: EventBatch, rows: ArraySlice<UInt32>, in database: Database) throws {
    var isFull = try Self.resolve(batch.user, rows, batch, &users, &userNumbers, database)
    for column in [batch.host, batch.version, batch.cause] {
      if try Self.resolve(column, rows, batch, &labels, &labelNumbers, database) { isFull = true }
    }
    if try Self.resolve(batch.source, rows, batch, &sources, &sourceNumbers, database) { isFull = true }
    if try resolveFeatures(batch, rows, database) { isFull = true }
    hasUnavailable = isFull
  }

  /// - Returns: whether there was no room for a name.
  private static func resolve(
    _ column: UnsafePointer<UInt32>, _ rows: ArraySlice<UInt32>, _ batch: EventBatch,
    _ resolver: inout NameResolver, _ numbers: inout [Int64], _ database: Database
  ) throws -> Bool {
    var strings: [UInt32] = []
    numbers.withUnsafeMutableBufferPointer { numbers in
      rows.withUnsafeBufferPointer { rows in
        for row in rows {
          let string = column[Int(row)]
          if string == 0 || numbers[Int(string)] != 0 { continue }
          // Once is enough; the number itself comes below.
          numbers[Int(string)] = unavailable
          strings.append(string)
        }
      }
    }
    return try resolver.resolve(strings, of: batch.strings, into: &numbers, in: database)
  }

  private static func look(
    up string: UInt32, _ batch: EventBatch, _ resolver: inout NameResolver, _ database: Database
  ) throws -> Int64 {
    // Through a result, as the closure that lends the bytes does not throw.
    try batch.strings.withBytes(of: string) { bytes in
      Result { try resolver.number(of: bytes, in: database) ?? unavailable }
    }.get()
  }

  private mutating func resolveFeatures(
    _ batch: EventBatch, _ rows: ArraySlice<UInt32>, _ database: Database
  ) throws -> Bool {
    var isFull = false
    let (apps, features, numbers) = (batch.app, batch.feature, featureNumber)
    for row in rows {
      let (app, feature) = (apps[Int(row)], features[Int(row)])
      var number = pairs.number(of: app, feature)
      if number == 0 {
        number = try lookUp(app, feature, batch, database)
        pairs.note(number, of: app, feature)
        if number == Self.unavailable { isFull = true }
      }
      numbers[Int(row)] = number
    }
    return isFull
  }

  private mutating func lookUp(
    _ app: UInt32, _ feature: UInt32, _ batch: EventBatch, _ database: Database
  ) throws -> Int64 {
    key.removeAll(keepingCapacity: true)
    batch.strings.withBytes(of: app) { key.append(contentsOf: $0) }
    if feature != 0 {
      key.append(0)
      batch.strings.withBytes(of: feature) { key.append(contentsOf: $0) }
    }
    return try key.withUnsafeBufferPointer { try features.number(of: $0, in: database) } ?? Self.unavailable
  }

  // MARK: Numbers

  /// A kind's numbers by string number; 0 for the absent string and for those not looked up.
  func numbers(_ kind: Kind) -> [Int64] {
    switch kind {
    case .user: userNumbers
    case .label: labelNumbers
    case .source: sourceNumbers
    }
  }

  /// Numbers of features by row, of the rows that were resolved.
  ///
  /// They are of the batch, and valid as long as this is.
  var featureColumn: UnsafePointer<Int64> { UnsafePointer(featureNumber) }

  /// Whether there is a number for every name of a row.
  func isAvailable(row: Int, of batch: EventBatch) -> Bool {
    userNumbers[Int(batch.user[row])] >= 0 && featureNumber[row] >= 0
      && sourceNumbers[Int(batch.source[row])] >= 0 && labelNumbers[Int(batch.host[row])] >= 0
      && labelNumbers[Int(batch.version[row])] >= 0 && labelNumbers[Int(batch.cause[row])] >= 0
  }

  /// The number of one string, looked up if need be; nil when there is no room for it.
  mutating func number(
    of string: UInt32, _ kind: Kind, _ batch: EventBatch, in database: Database
  ) throws -> Int64? {
    if string == 0 { return 0 }
    let known = numbers(kind)[Int(string)]
    if known != 0 { return known == Self.unavailable ? nil : known }
    let number: Int64
    switch kind {
    case .user:
      number = try Self.look(up: string, batch, &users, database)
      userNumbers[Int(string)] = number
    case .label:
      number = try Self.look(up: string, batch, &labels, database)
      labelNumbers[Int(string)] = number
    case .source:
      number = try Self.look(up: string, batch, &sources, database)
      sourceNumbers[Int(string)] = number
    }
    return number == Self.unavailable ? nil : number
  }

  /// The number of a source that no event names; nil when there is no room for it.
  mutating func number(ofSource name: some Sequence<UInt8>, in database: Database) throws -> Int64? {
    try Array(name).withUnsafeBufferPointer { try sources.number(of: $0, in: database) }
  }

  /// The number of a source that has one already.
  mutating func knownNumber(ofSource name: String, in database: Database) throws -> Int64? {
    try Array(name.utf8).withUnsafeBufferPointer { try sources.known($0, in: database) }
  }

  /// Whether a source is of this transaction, so that nothing is stored of it yet.
  func isNewSource(_ number: Int64) -> Bool { sources.isNew(number) }
}
