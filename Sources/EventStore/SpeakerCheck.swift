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

  private var users: [Pair: Bool] = [:]
  private var sources: [Pair: Bool] = [:]
  /// Sources, by string number, that who may speak for anybody uses in this batch: the ledger learns of it later.
  private var sourcesOfAnybody: Set<UInt32> = []

  /// Forgets the batch before.
  mutating func start() {
    users.removeAll(keepingCapacity: true)
    sources.removeAll(keepingCapacity: true)
    sourcesOfAnybody.removeAll(keepingCapacity: true)
  }

  /// Whether an event may be stored.
  ///
  /// Numbers of a source belong to the first local sender who uses them, and to none where somebody who may speak
  /// for anybody was first: someone else could else use them up, and the owner's events would pass for redelivered
  /// ones.
  mutating func allows(
    row: Int, of batch: EventBatch, _ numbers: inout BatchNames, _ ledger: inout SequenceLedger,
    in database: Database
  ) throws -> Bool {
    let speaker = batch.speaker[row]
    if speaker == 0 {
      if batch.source[row] != 0 { sourcesOfAnybody.insert(batch.source[row]) }
      return true
    }
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
    return try owns(Pair(speaker: speaker, name: batch.source[row]), batch, &numbers, &ledger, database)
  }

  /// Whether an event that was refused may be booked under the source that it names.
  mutating func allows(
    _ reject: EventBatch.Reject, of batch: EventBatch, _ numbers: inout BatchNames,
    _ ledger: inout SequenceLedger, in database: Database
  ) throws -> Bool {
    if reject.speaker == 0 || reject.source == 0 { return true }
    return try owns(Pair(speaker: reject.speaker, name: reject.source), batch, &numbers, &ledger, database)
  }

  private mutating func owns(
    _ source: Pair, _ batch: EventBatch, _ numbers: inout BatchNames, _ ledger: inout SequenceLedger,
    _ database: Database
  ) throws -> Bool {
    if let known = sources[source] { return known }
    let isOwner = try ownsSource(
      Self.bytes(of: source.name, batch), Self.names(of: source.speaker, batch),
      isFree: !sourcesOfAnybody.contains(source.name), &numbers, &ledger, database)
    sources[source] = isOwner
    return isOwner
  }

  /// Whether a sender may say of numbers that they will not come: only of a source of its own.
  func allows(
    _ unsent: DeliveredBatch.Unsent, _ numbers: inout BatchNames, _ ledger: inout SequenceLedger,
    in database: Database
  ) throws -> Bool {
    if unsent.speaker.isEmpty { return true }
    let names = unsent.speaker.split(separator: 0).map(Array.init)
    return try ownsSource(Array(unsent.source.utf8), names, isFree: true, &numbers, &ledger, database)
  }

  /// Whether a sender may say of a source's events that they were refused; of events without a source anybody may.
  func allows(
    _ refused: DeliveredBatch.Refused, _ numbers: inout BatchNames, _ ledger: inout SequenceLedger,
    in database: Database
  ) throws -> Bool {
    guard let source = refused.source, !refused.speaker.isEmpty else { return true }
    let names = refused.speaker.split(separator: 0).map(Array.init)
    return try ownsSource(Array(source.utf8), names, isFree: true, &numbers, &ledger, database)
  }

  /// Whether a source belongs to who has these names; one that nobody used yet does from now on.
  ///
  /// - Parameter isFree: false where somebody else uses it in the same batch.
  private func ownsSource(
    _ source: [UInt8], _ names: [[UInt8]], isFree: Bool, _ numbers: inout BatchNames,
    _ ledger: inout SequenceLedger, _ database: Database
  ) throws -> Bool {
    // Whoever may speak for nobody has no sources either.
    if names.isEmpty { return false }
    // A sender that speaks for several is trusted with its numbers.
    guard names.count == 1, let name = names.first else { return true }
    // Where there is no room for another source, the event is refused later.
    guard let number = try numbers.number(ofSource: source, in: database) else { return true }
    try numbers.writeSources(in: database)
    let select = try RawStatement(database, "SELECT owner FROM source WHERE id = ?1")
    select.bind(number, at: 1)
    let owner = try select.next() && !select.isNull(0) ? Array(select.bytes(0)) : nil
    select.finish()
    guard let owner else {
      // Numbers without an owner are of somebody who may speak for anybody.
      guard try isFree && !ledger.knowsNumbers(of: number, in: database) else { return false }
      try claim(number, for: name, database)
      return true
    }
    return try Self.isSamePerson(name, owner, in: database)
  }

  /// Books a source to its first sender.
  private func claim(_ source: Int64, for name: [UInt8], _ database: Database) throws {
    let update = try RawStatement(database, "UPDATE source SET owner = ?2 WHERE id = ?1")
    update.bind(source, at: 1)
    name.withUnsafeBufferPointer { update.bind(text: $0, at: 2) }
    try update.run()
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
