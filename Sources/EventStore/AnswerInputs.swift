import CSodium
import GRDB

/// All that the store puts into an answer, as bytes that are others once any of it is.
///
/// Events are told by their chunks: a chunk never changes, and carries a random number besides its own, so that not
/// even a file put back from a backup can hold another one like it. Small tables share a revision, a random number
/// that triggers change, so no way of changing them can forget to. New names come with events, and need no mention.
package enum AnswerInputs {
  /// - Parameter hours: hours since 1970 whose kernel drops count.
  /// - Complexity: O(chunks + kernel drops of the hours).
  package static func bytes(hours: ClosedRange<Int64>, in database: Database) throws -> [UInt8] {
    var text = ""
    func add(_ sql: String, _ arguments: StatementArguments = []) throws {
      for row in try Row.fetchAll(database, sql: sql, arguments: arguments) {
        for value in row.databaseValues { text += "\(value)," }
        text += "\n"
      }
      text += ";"
    }
    try add("SELECT name, number FROM revision ORDER BY name")
    try add("SELECT id, nonce FROM chunk ORDER BY id")
    try add("SELECT id, found_ms FROM damaged_chunk ORDER BY id")
    try add("SELECT id, pruned_ms, event_count FROM rollup WHERE pruned_ms IS NOT NULL ORDER BY id")
    try add("SELECT max(id) FROM feature_name")
    try add(
      "SELECT hour, transport, count FROM kernel_drop WHERE hour BETWEEN ? AND ? ORDER BY hour, transport",
      [hours.lowerBound, hours.upperBound])
    return Array(text.utf8)
  }
}

/// BLAKE2b, 256 bits: tells contents apart.
package enum Digest {
  package static func bytes(of content: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: 32)
    crypto_generichash(&output, output.count, content, UInt64(content.count), nil, 0)
    return output
  }
}
