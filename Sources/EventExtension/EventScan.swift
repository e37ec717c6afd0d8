import CEventTable
import ColumnChunk
import UsageModel

/// Walks over the events of a time range, chunk after chunk, for the virtual table `event`.
///
/// Columns are decoded when a query first asks for one in a chunk; what no query names is never read.
final class EventScan {
  /// Columns of the virtual table, in the order of its declaration in `event_table.c`.
  enum Field: Int32 {
    case time, user, person, app, feature, kind, outcome, duration, host, session, version, cause, source
    case sequence, attributes, clockOffset
  }

  private struct Chunk {
    var id: Int64
    var rowCount: Int
  }

  private let database: OpaquePointer
  private let bounds: ClosedRange<Int64>
  private let names: NameTables
  private var chunks: [Chunk] = []
  private var chunkIndex = -1
  private var row = -1
  private var integers: [ChunkColumn: [Int64]] = [:]
  private var texts: [ChunkColumn: ColumnDecoder.Texts] = [:]
  /// Position over all chunks, as the table's rowid.
  private(set) var rowNumber: Int64 = 0
  private var failure: ScanError?

  init(database: OpaquePointer, bounds: ClosedRange<Int64>) throws(ScanError) {
    self.database = database
    self.bounds = bounds
    names = try NameTables(database)
    let sql = """
      SELECT id, row_count FROM chunk WHERE time_max_ms >= ?1 AND time_min_ms <= ?2
      ORDER BY day IS NULL, day, run, id
      """
    let select = try PreparedSelect(database, sql)
    select.bind(bounds.lowerBound, at: 1)
    select.bind(bounds.upperBound, at: 2)
    while try select.next() {
      chunks.append(Chunk(id: select.integer(0), rowCount: Int(select.integer(1))))
    }
  }

  /// Moves to the next event in the range; false at the end.
  func next() throws(ScanError) -> Bool {
    while true {
      if let failure { throw failure }
      row += 1
      if chunkIndex < 0 || row >= chunks[chunkIndex].rowCount {
        chunkIndex += 1
        guard chunkIndex < chunks.count else { return false }
        row = -1
        integers.removeAll(keepingCapacity: true)
        texts.removeAll(keepingCapacity: true)
        continue
      }
      rowNumber += 1
      if bounds.contains(try value(.time)) { return true }
    }
  }

  /// Hands one column of the current event to SQLite; damage shows as NULL here and as an error at the
  /// next step.
  func column(_ number: Int32, _ context: OpaquePointer) {
    do {
      try result(Field(rawValue: number) ?? .time, context)
    } catch {
      failure = error
      wl_result_null(context)
    }
  }

  private func result(_ field: Field, _ context: OpaquePointer) throws(ScanError) {
    switch field {
    case .time: wl_result_int64(context, try value(.time))
    case .user: text(names.shownUser(try value(.user)), context)
    case .person: text(names.shownPerson(try value(.user)), context)
    case .app: text(names.app(try value(.feature)), context)
    case .feature: text(names.feature(try value(.feature)), context)
    case .kind: text(EventKind(rawValue: UInt8(truncatingIfNeeded: try value(.kind)))?.name, context)
    case .outcome:
      text(EventOutcome(rawValue: UInt8(truncatingIfNeeded: try value(.outcome)))?.name, context)
    case .duration: integer(try value(.durationPlusOne), minus: 1, context)
    case .host: text(names.host(try value(.host)), context)
    case .session: text(try textValue(.session).map(names.shownSession), context)
    case .version: text(names.label(try value(.version)), context)
    case .cause: text(names.label(try value(.cause)), context)
    case .source: text(names.source(try value(.source)), context)
    case .sequence: integer(try value(.sequence), minus: 0, context)
    case .clockOffset: integer(try value(.clockOffset), minus: 0, context)
    case .attributes:
      // Senders may put anything there, names included.
      bytes(EventExtension.showsNames ? try textValue(.attributes) : nil, context)
    }
  }

  private func text(_ value: String?, _ context: OpaquePointer) {
    guard var value else { return wl_result_null(context) }
    value.withUTF8 { bytes(Array($0), context) }
  }

  private func bytes(_ value: [UInt8]?, _ context: OpaquePointer) {
    guard let value else { return wl_result_null(context) }
    value.withUnsafeBufferPointer { wl_result_text(context, $0.baseAddress, Int32($0.count)) }
  }

  /// A stored number whose 0 means "absent".
  private func integer(_ value: Int64, minus shift: Int64, _ context: OpaquePointer) {
    if value == 0 { return wl_result_null(context) }
    wl_result_int64(context, value - shift)
  }

  // MARK: Columns of the current chunk

  private func value(_ column: ChunkColumn) throws(ScanError) -> Int64 {
    if let values = integers[column] { return values[row] }
    let chunk = chunks[chunkIndex]
    var users: RowUsers?
    if try isByUser(column, chunk) {
      _ = try value(.user)
      users = integers[.user]?.withUnsafeBufferPointer { RowUsers($0) }
    }
    var values = [Int64](repeating: 0, count: chunk.rowCount)
    try withStored(column, chunk) { (stored) throws(ChunkError) in
      try values.withUnsafeMutableBufferPointer { (buffer) throws(ChunkError) in
        guard let start = buffer.baseAddress else { return }
        try ColumnDecoder.decode(stored, as: column, rowCount: chunk.rowCount, users: users, into: start)
      }
    }
    integers[column] = values
    return values[row]
  }

  private func isByUser(_ column: ChunkColumn, _ chunk: Chunk) throws(ScanError) -> Bool {
    guard column == .host || column == .source else { return false }
    var isByUser = false
    try withStored(column, chunk) { (stored) throws(ChunkError) in isByUser = ColumnDecoder.isByUser(stored) }
    return isByUser
  }

  private func textValue(_ column: ChunkColumn) throws(ScanError) -> [UInt8]? {
    if texts[column] == nil {
      let chunk = chunks[chunkIndex]
      var decoded = ColumnDecoder.Texts(strings: [], codes: [UInt32](repeating: 0, count: chunk.rowCount))
      try withStored(column, chunk) { (stored) throws(ChunkError) in
        decoded = try ColumnDecoder.decodeTexts(stored, as: column, rowCount: chunk.rowCount)
      }
      texts[column] = decoded
    }
    guard let column = texts[column], column.codes[row] > 0 else { return nil }
    return column.strings[Int(column.codes[row]) - 1]
  }

  /// Hands a column's stored bytes to `body`, unless the chunk has none (all absent).
  private func withStored(
    _ column: ChunkColumn, _ chunk: Chunk, _ body: (UnsafeRawBufferPointer) throws(ChunkError) -> Void
  ) throws(ScanError) {
    let select = try PreparedSelect(database, "SELECT data FROM chunk_column WHERE id = ?1")
    select.bind(chunk.id * 32 + Int64(column.rawValue), at: 1)
    guard try select.next() else { return }
    do {
      try body(select.bytes(0))
    } catch {
      throw ScanError("chunk \(chunk.id): \(error); run 'waterline doctor'")
    }
  }
}

/// Why a scan cannot go on; SQLite shows the text.
struct ScanError: Error {
  var text: String
  init(_ text: String) { self.text = text }
}

/// A SELECT through the extension's API table.
final class PreparedSelect {
  private let database: OpaquePointer
  private let statement: OpaquePointer

  init(_ database: OpaquePointer, _ sql: String) throws(ScanError) {
    ExtensionScope.enter()
    defer { ExtensionScope.leave() }
    guard let statement = wl_sql_prepare(database, sql) else {
      throw ScanError("not a Waterline database: \(String(cString: wl_sql_error(database)))")
    }
    self.database = database
    self.statement = statement
  }

  deinit { wl_sql_finalize(statement) }

  func bind(_ value: Int64, at index: Int32) { wl_sql_bind_int64(statement, index, value) }

  func next() throws(ScanError) -> Bool {
    switch wl_sql_step(statement) {
    case 1: return true
    case 0: return false
    default: throw ScanError(String(cString: wl_sql_error(database)))
    }
  }

  func integer(_ column: Int32) -> Int64 { wl_sql_int64(statement, column) }

  /// Valid until the next step.
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    var length: Int32 = 0
    let start = wl_sql_bytes(statement, column, &length)
    return UnsafeRawBufferPointer(start: start, count: Int(length))
  }

  /// Nil for NULL.
  func text(_ column: Int32) -> String? {
    wl_sql_is_null(statement, column) != 0 ? nil : String(decoding: bytes(column), as: UTF8.self)
  }
}
