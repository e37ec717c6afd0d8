import ColumnChunk
import EventStore
import GRDB

/// All that a store says about its events: what must be the same before and after a cut.
struct StorePicture: Equatable {
  /// One source's side of the ledger.
  struct Ledger: Equatable {
    var stored = 0
    var duplicate = 0
    var conflict = 0
    var rejected = 0
    /// Stored numbers, as ranges.
    var ranges: [ClosedRange<Int64>] = []
  }

  /// One text an event, sorted.
  var events: [String] = []
  /// By name; "" for events without a source.
  var ledgers: [String: Ledger] = ["": Ledger()]
  var deadLetterCount = 0
  /// Counters of the transport "udp".
  var counters: [String: Int64] = [:]
  /// A setting that is written now and then.
  var organisation: String?
}

extension StorePicture {
  /// Reads everything by way of the tables; damaged chunks throw.
  init(in database: Database) throws {
    events = try Self.events(in: database)
    let sql = "SELECT id, name, stored, duplicate, conflict, rejected FROM source"
    for row in try Row.fetchAll(database, sql: sql) {
      var ledger = Ledger(stored: row[2], duplicate: row[3], conflict: row[4], rejected: row[5])
      ledger.ranges = try Row.fetchAll(
        database, sql: "SELECT first, last FROM sequence_range WHERE source = ? ORDER BY first",
        arguments: [row[0] as Int64]
      ).map { ($0[0] as Int64)...($0[1] as Int64) }
      ledgers[row[1]] = ledger
    }
    deadLetterCount = try Int.fetchOne(database, sql: "SELECT count(*) FROM dead_letter") ?? -1
    for row in try Row.fetchAll(
      database, sql: "SELECT name, value FROM counter WHERE name LIKE '%.udp' AND value <> 0")
    {
      counters[row[0]] = row[1]
    }
    organisation = try String.fetchOne(
      database, sql: "SELECT value FROM setting WHERE name = 'organisation.name'")
  }

  private static func events(in database: Database) throws -> [String] {
    let reader = ChunkReader(database)
    let users = try names("user_name", "name", database)
    let sources = try names("source", "name", database)
    let features = try names("feature_name", "app || '/' || ifnull(feature, '')", database)
    var events: [String] = []
    for chunk in try ChunkRow.all(in: database) {
      func column(_ column: ChunkColumn) throws -> [Int64] {
        var values = [Int64](repeating: -1, count: chunk.rowCount)
        try values.withUnsafeMutableBufferPointer { buffer in
          if let start = buffer.baseAddress { try reader.read(column, of: chunk, into: start) }
        }
        return values
      }
      let (times, userNumbers) = (try column(.time), try column(.user))
      let (featureNumbers, kinds) = (try column(.feature), try column(.kind))
      let (sourceNumbers, sequences) = (try column(.source), try column(.sequence))
      let sessions = try reader.readTexts(.session, of: chunk)
      for row in 0..<chunk.rowCount {
        let code = Int(sessions.codes[row])
        let session = code == 0 ? "" : String(decoding: sessions.strings[code - 1], as: UTF8.self)
        events.append(
          MadeUpEvent.text(
            time: times[row], user: users[userNumbers[row]] ?? "no such user",
            feature: features[featureNumbers[row]] ?? "no such feature", kind: kinds[row],
            source: sourceNumbers[row] == 0 ? "" : sources[sourceNumbers[row]] ?? "no such source",
            sequence: sequences[row], session: session))
      }
    }
    return events.sorted()
  }

  private static func names(_ table: String, _ column: String, _ database: Database) throws -> [Int64: String]
  {
    var names: [Int64: String] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT id, \(column) FROM \(table)") {
      names[row[0]] = row[1]
    }
    return names
  }

  /// Where two pictures differ, for people.
  func difference(from other: StorePicture) -> String {
    var parts: [String] = []
    if events != other.events {
      let here = Set(events)
      let there = Set(other.events)
      parts.append(
        "\(events.count) events instead of \(other.events.count): \(there.subtracting(here).count) missing, "
          + "\(here.subtracting(there).count) that should not be")
    }
    for name in Set(ledgers.keys).union(other.ledgers.keys).sorted()
    where ledgers[name] != other.ledgers[name] {
      parts.append(
        "ledger of '\(name)' is \(ledgers[name].map { "\($0)" } ?? "absent") instead of "
          + "\(other.ledgers[name].map { "\($0)" } ?? "absent")")
    }
    if deadLetterCount != other.deadLetterCount {
      parts.append("\(deadLetterCount) dead letters instead of \(other.deadLetterCount)")
    }
    if counters != other.counters { parts.append("counters \(counters) instead of \(other.counters)") }
    if organisation != other.organisation {
      parts.append("setting \(organisation ?? "absent") instead of \(other.organisation ?? "absent")")
    }
    return parts.joined(separator: "; ")
  }
}
