import GRDB
import UsageModel
import WireFormat

/// Keeps refused events for an admin to look at, within named bounds; the oldest go first, counted.
struct DeadLetterWriter {
  /// Most letters kept.
  static let lettersMax: Int64 = 10_000
  /// Most bytes of letters kept.
  static let bytesMax: Int64 = 16 << 20
  /// Names kept of those whom a letter's key speaks for, which may be a whole department.
  static let speakersMax = 8

  private var letterCount: Int64?
  private var byteCount: Int64 = 0

  mutating func forget() { letterCount = nil }

  /// - Parameter speaker: a login, or several with NUL between.
  mutating func add(
    _ reject: EventBatch.Reject, _ bytes: [UInt8], source: String?, speaker: String?, transport: String,
    receivedMilliseconds: Int64,
    in database: Database
  ) throws {
    try load(database)
    let insert = try database.cachedStatement(
      sql: """
        INSERT INTO dead_letter (received_ms, transport, source, reason, byte_count, bytes, sequence, line,
          speaker)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try insert.execute(arguments: [
      receivedMilliseconds, transport, source, reject.reason.rawValue, reject.byteCount,
      bytes.databaseBlob, reject.sequence > 0 ? reject.sequence : nil,
      reject.line > 0 ? reject.line : nil, speaker.map(Self.readable),
    ])
    letterCount = (letterCount ?? 0) + 1
    byteCount += Int64(bytes.count)
  }

  /// Names of speakers as a text, which NUL would cut.
  private static func readable(_ speaker: String) -> String {
    let names = speaker.split(separator: "\0")
    let more = names.count > speakersMax ? ", and \(names.count - speakersMax) more" : ""
    return names.prefix(speakersMax).joined(separator: ", ") + more
  }

  /// Counts letters that are not kept: those over the bounds, or over what a batch keeps.
  func noteDropped(_ count: Int, in database: Database) throws {
    try Counters.add(["dead_letters_dropped": Int64(count)], in: database)
  }

  /// Drops the oldest letters over the bounds.
  mutating func trim(in database: Database) throws {
    try load(database)
    guard let count = letterCount, count > Self.lettersMax || byteCount > Self.bytesMax else { return }
    // Down to nine tenths, so that the next letter does not trim again.
    let dropped = try database.cachedStatement(
      sql: """
        DELETE FROM dead_letter WHERE id IN (
          SELECT id FROM (
            SELECT id, row_number() OVER newest AS place, sum(length(bytes)) OVER newest AS total
            FROM dead_letter WINDOW newest AS (ORDER BY id DESC))
          WHERE place > ? OR total > ?)
        """)
    try dropped.execute(arguments: [Self.lettersMax / 10 * 9, Self.bytesMax / 10 * 9])
    try noteDropped(database.changesCount, in: database)
    letterCount = nil
  }

  private mutating func load(_ database: Database) throws {
    guard letterCount == nil else { return }
    let row = try Row.fetchOne(
      database, sql: "SELECT count(*), ifnull(sum(length(bytes)), 0) FROM dead_letter")
    letterCount = row?[0] ?? 0
    byteCount = row?[1] ?? 0
  }
}
