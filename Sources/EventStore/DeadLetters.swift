import Foundation
import GRDB
import UsageModel

/// A refused event as it was kept.
package struct DeadLetter: Equatable, Sendable {
  package var id: Int64
  package var receivedMilliseconds: Int64
  package var transport: String
  package var source: String?
  /// Login of the account that sent it, or those that its key speaks for; nil for who may speak for anybody.
  package var speaker: String?
  package var reason: String
  /// Its length when it came; more than ``bytes`` holds when it was cut.
  package var byteCount: Int
  /// Line of the imported file on which it began.
  package var line: Int?
  /// The number its sender gave it, when that could be read.
  package var sequence: Int64?
  /// What was kept of it; empty when only listed.
  package var bytes: [UInt8] = []

  /// Whether the end of it was not kept, so that it cannot be read again.
  package var isCut: Bool { byteCount > bytes.count }
}

/// Which letters a command is about; all conditions must hold, none means all letters.
package struct DeadLetterFilter: Codable, Equatable, Sendable {
  package var ids: [Int64] = []
  package var reason: String?
  package var source: String?
  /// Received in [from, to), milliseconds since 1970 UTC.
  package var fromMilliseconds: Int64?
  package var toMilliseconds: Int64?
  /// Leaves out letters refused because of who sent them, or whom they are about: reading those again is a
  /// decision of its own.
  package var leavesSpeakers = false

  /// Reasons that ``leavesSpeakers`` leaves out.
  static let reasonsOfSpeakers = ["not_yours", "forgotten"]

  package init() {}

  fileprivate var condition: (sql: String, arguments: StatementArguments) {
    var parts = ["1"]
    var arguments = StatementArguments()
    if !ids.isEmpty { parts.append("id IN (\(ids.map(String.init).joined(separator: ", ")))") }
    if let reason {
      parts.append("reason = ?")
      arguments += [reason]
    }
    if let source {
      parts.append("source = ?")
      arguments += [source]
    }
    if let fromMilliseconds {
      parts.append("received_ms >= ?")
      arguments += [fromMilliseconds]
    }
    if let toMilliseconds {
      parts.append("received_ms < ?")
      arguments += [toMilliseconds]
    }
    if leavesSpeakers {
      parts.append("reason NOT IN (\(Self.reasonsOfSpeakers.map { "'\($0)'" }.joined(separator: ", ")))")
    }
    return (parts.joined(separator: " AND "), arguments)
  }
}

/// Reads and drops dead letters.
package enum DeadLetterStore {
  /// Letters kept at most (`DeadLetterWriter.lettersMax`); a list of ids can name no more.
  package static let lettersMax = Int(DeadLetterWriter.lettersMax)

  /// The letters of a filter, oldest first.
  ///
  /// - Parameter withBytes: read what was kept of them too: at most 16 MiB in all.
  package static func all(
    _ filter: DeadLetterFilter, withBytes: Bool, limit: Int = lettersMax, in database: Database
  ) throws -> [DeadLetter] {
    let (condition, arguments) = filter.condition
    let sql = """
      SELECT id, received_ms, transport, source, reason, byte_count, line, sequence, speaker,
        \(withBytes ? "bytes" : "x''") FROM dead_letter WHERE \(condition) ORDER BY id LIMIT ?
      """
    return try Row.fetchAll(database, sql: sql, arguments: arguments + [limit]).map {
      DeadLetter(
        id: $0[0], receivedMilliseconds: $0[1], transport: $0[2], source: $0[3],
        speaker: $0[8], reason: $0[4],
        byteCount: $0[5], line: $0[6], sequence: $0[7], bytes: [UInt8]($0[9] as Data))
    }
  }

  /// The numbers of the letters of a filter, oldest first.
  package static func ids(_ filter: DeadLetterFilter, in database: Database) throws -> [Int64] {
    let (condition, arguments) = filter.condition
    return try Int64.fetchAll(
      database, sql: "SELECT id FROM dead_letter WHERE \(condition) ORDER BY id", arguments: arguments)
  }

  /// Deletes letters; what they counted as stays counted.
  ///
  /// - Returns: how many there were.
  package static func drop(_ filter: DeadLetterFilter, in database: Database) throws -> Int {
    let (condition, arguments) = filter.condition
    try database.execute(sql: "DELETE FROM dead_letter WHERE \(condition)", arguments: arguments)
    let count = database.changesCount
    try Counters.add(["dead_letters_dropped": Int64(count)], in: database)
    return count
  }
}
