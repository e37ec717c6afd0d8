import GRDB
import UsageModel
import WireFormat

/// Whether local senders speak for themselves: asked when their events are stored, with the roster of then.
///
/// Speaker and user are the same person when both resolve to one name through the roster's aliases.
struct SpeakerCheck {
  private struct Pair: Hashable {
    var speaker: UInt32
    var name: UInt32
  }

  private let sourcesMax: Int64
  private var users: [Pair: Bool] = [:]
  private var sources: [Pair: Bool] = [:]

  init(sourcesMax: Int64) { self.sourcesMax = sourcesMax }

  /// Forgets the batch before.
  mutating func start() {
    users.removeAll(keepingCapacity: true)
    sources.removeAll(keepingCapacity: true)
  }

  /// Whether an event may be stored.
  ///
  /// Numbers of a source belong to the first local sender who uses them: someone else could else use them up
  /// first, and the owner's events would pass for redelivered ones.
  mutating func allows(row: Int, of batch: EventBatch, in database: Database) throws -> Bool {
    let speaker = batch.speaker[row]
    if speaker == 0 { return true }
    let user = Pair(speaker: speaker, name: batch.user[row])
    let maySay: Bool
    if let known = users[user] {
      maySay = known
    } else {
      maySay = try Self.names(of: speaker, batch).contains { name in
        try Self.isSamePerson(name, Self.bytes(of: user.name, batch), in: database)
      }
      users[user] = maySay
    }
    guard maySay, batch.source[row] != 0 else { return maySay }
    let source = Pair(speaker: speaker, name: batch.source[row])
    if let known = sources[source] { return known }
    let isOwner = try ownsSource(Self.bytes(of: source.name, batch), Self.names(of: speaker, batch), database)
    sources[source] = isOwner
    return isOwner
  }

  /// Whether a sender may say of numbers that they will not come: only of a source of its own.
  func allows(_ unsent: DeliveredBatch.Unsent, in database: Database) throws -> Bool {
    try unsent.speaker.isEmpty
      || ownsSource(Array(unsent.source.utf8), unsent.speaker.split(separator: 0).map(Array.init), database)
  }

  private func ownsSource(_ source: [UInt8], _ names: [[UInt8]], _ database: Database) throws -> Bool {
    // A sender that speaks for several is trusted with its numbers.
    guard names.count == 1, let name = names.first else { return true }
    let select = try RawStatement(database, "SELECT owner FROM source WHERE name = ?1")
    source.withUnsafeBufferPointer { select.bind(text: $0, at: 1) }
    guard try select.next() else { return try claim(source, for: name, database) }
    let owner = select.isNull(0) ? nil : Array(select.bytes(0))
    select.finish()
    guard let owner else { return try claim(source, for: name, database) }
    return try Self.isSamePerson(name, owner, in: database)
  }

  /// Books a source to its first sender; where there is no room for another, the event is refused later.
  private func claim(_ source: [UInt8], for name: [UInt8], _ database: Database) throws -> Bool {
    let insert = try RawStatement(
      database,
      """
      INSERT INTO source (name, owner) SELECT ?1, ?2
      WHERE (SELECT max(id) FROM source) < ?3 OR EXISTS (SELECT 1 FROM source WHERE name = ?1)
      ON CONFLICT (name) DO UPDATE SET owner = ?2
      """)
    source.withUnsafeBufferPointer { insert.bind(text: $0, at: 1) }
    name.withUnsafeBufferPointer { insert.bind(text: $0, at: 2) }
    insert.bind(sourcesMax, at: 3)
    try insert.run()
    return true
  }

  private static func bytes(of string: UInt32, _ batch: EventBatch) -> [UInt8] {
    batch.strings.withBytes(of: string) { Array($0) }
  }

  private static func names(of speaker: UInt32, _ batch: EventBatch) -> [[UInt8]] {
    bytes(of: speaker, batch).split(separator: 0).map(Array.init)
  }

  private static func isSamePerson(_ left: [UInt8], _ right: [UInt8], in database: Database) throws -> Bool {
    if left == right { return true }
    return try person(left, database) == person(right, database)
  }

  /// The roster's name of a person; a name that no alias knows stands for itself.
  private static func person(_ name: [UInt8], _ database: Database) throws -> [UInt8] {
    let select = try RawStatement(
      database,
      """
      SELECT user FROM roster_alias
      WHERE alias = ?1 AND NOT EXISTS (SELECT 1 FROM roster WHERE user = ?1)
      """)
    name.withUnsafeBufferPointer { select.bind(text: $0, at: 1) }
    guard try select.next() else { return name }
    defer { select.finish() }
    return Array(select.bytes(0))
  }
}
