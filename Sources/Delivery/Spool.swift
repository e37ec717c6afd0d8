import CSodium
import DeliveryLedger
import Foundation
import GRDB
import Synchronization
import UsageModel
import WireFormat

/// Batches on disk until the collector has them.
///
/// A SQLite file, WAL and synchronous=FULL: what ``append(_:nowMilliseconds:)`` returned from is
/// there after kill -9 and power loss. Bounded in bytes and age; the oldest batches go first, and their
/// numbers are told to the collector. One process at a time.
package final class Spool: Sendable {
  /// What an append did.
  package struct Outcome: Equatable, Sendable {
    /// Batches made.
    package var batchCount = 0
    /// Events that were dropped for being too many or too old.
    package var droppedEvents: UInt64 = 0
    /// Events that no batch can carry.
    package var refusedEvents = 0
  }

  /// What waits.
  package struct Summary: Equatable, Sendable {
    package var batchCount: Int
    package var bytes: Int64
    package var oldestMilliseconds: Int64?
  }

  package let path: String
  /// Random, made with the file.
  package let id: UInt64
  /// The source of events without one: the sender and the spool, as a new spool begins at 1 again.
  package let source: String
  /// Batches up to here may have been sent.
  private let highestSent: Mutex<UInt64>
  private let limits: SpoolLimits
  private let queue: DatabaseQueue

  /// Opens or creates a spool; its directory must exist.
  ///
  /// - Parameter sender: at most ``senderBytesMax`` bytes.
  /// - Throws: `SpoolError`.
  package init(path: String, sender: String, limits: SpoolLimits = SpoolLimits()) throws {
    guard (1...Self.senderBytesMax).contains(sender.utf8.count), !sender.utf8.contains(0) else {
      throw SpoolError("a sender's name needs 1 to \(Self.senderBytesMax) bytes")
    }
    self.path = path
    self.limits = limits
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.busyMode = .immediateError
    configuration.foreignKeysEnabled = true
    configuration.prepareDatabase { database in
      // Held by one process; and no shared memory file beside it.
      try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL")
    }
    do {
      queue = try DatabaseQueue(path: path, configuration: configuration)
      // Not in `prepareDatabase`: GRDB sets NORMAL afterwards, together with WAL.
      try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      try Self.checkIsSpool(queue, path)
      try Self.claimIfEmpty(queue)
      try SpoolSchema.migrator.migrate(queue)
      let highest: UInt64
      (id, highest) = try queue.write { database in
        if try Self.counter("spool_id", in: database) == nil {
          var fresh: UInt64 = 0
          randombytes_buf(&fresh, 8)
          try Self.set("spool_id", to: fresh, in: database)
        }
        return (
          try Self.counter("spool_id", in: database) ?? 0,
          (try Self.counter("next_batch", in: database) ?? 1) - 1
        )
      }
      highestSent = Mutex(highest)
    } catch {
      throw SpoolError.opening(path, error)
    }
    let digits = String(id, radix: 16)
    source = sender + ":" + String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Gives the file free; nothing can be done with the spool afterwards.
  package func close() throws { try queue.close() }

  /// Longest sender: its source has 17 bytes more, and 255 fit.
  package static let senderBytesMax = 200

  private static func checkIsSpool(_ queue: DatabaseQueue, _ path: String) throws {
    try queue.read { database in
      let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
      let application = try Int32.fetchOne(database, sql: "PRAGMA application_id")
      guard isEmpty || application == SpoolSchema.applicationID else {
        throw SpoolError("\(path) is no spool: name another file with --spool")
      }
      guard try !SpoolSchema.migrator.hasBeenSuperseded(database) else {
        throw SpoolError("\(path) was written by a newer version: update, or name another file with --spool")
      }
    }
  }

  /// Marks an empty file as ours before anything is in it: a power cut between the first two tables must not leave
  /// what passes for another program's.
  private static func claimIfEmpty(_ queue: DatabaseQueue) throws {
    try queue.writeWithoutTransaction { database in
      guard try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0 else { return }
      try database.execute(sql: "PRAGMA application_id = \(SpoolSchema.applicationID)")
    }
  }

  // MARK: Adding

  /// Puts all of it on disk; it is there when this returns.
  ///
  /// - Throws: `DatabaseError`, as with a full disk; then nothing was added.
  package func append(_ addition: SpoolAddition, nowMilliseconds: Int64) throws -> Outcome {
    try append(nowMilliseconds: nowMilliseconds) { add in try add(addition) }
  }

  /// Puts what `pieces` hands over one after another on disk, all of it or nothing.
  ///
  /// - Throws: as above, and whatever `pieces` throws.
  package func append(
    nowMilliseconds: Int64, _ pieces: (_ add: (SpoolAddition) throws -> Void) throws -> Void
  ) throws -> Outcome {
    try queue.write { database in
      var outcome = Outcome()
      try pieces { try add($0, to: &outcome, nowMilliseconds, in: database) }
      outcome.droppedEvents = try dropExcess(nowMilliseconds, in: database)
      return outcome
    }
  }

  private func add(
    _ addition: SpoolAddition, to outcome: inout Outcome, _ nowMilliseconds: Int64, in database: Database
  ) throws {
    var builder = PayloadBuilder(bytesMax: limits.payloadBytesMax)
    var refused = addition.refused
    var sequence = try Self.counter("next_sequence", in: database) ?? 1
    for event in addition.events {
      var numbered = event
      let isOwn = event.source != nil
      if !isOwn { (numbered.source, numbered.sequence) = (source, sequence) }
      do {
        try builder.add(numbered)
        if !isOwn { sequence += 1 }
      } catch {
        outcome.refusedEvents += 1
        refused.append(
          DeliveredBatch.Refused(
            reason: .tooLong, source: event.source, count: 1, ranges: event.sequence.map { [$0...$0] } ?? []))
      }
    }
    try Self.set("next_sequence", to: sequence, in: database)
    builder.add(unsent: Self.joined(addition.unsent.flatMap(NumberRange.ranges(of:))))
    builder.add(refused: refused)
    for payload in builder.payloads { try insert(payload, nowMilliseconds, in: database) }
    outcome.batchCount += builder.payloads.count
    try remember(addition, nowMilliseconds, in: database)
  }

  private func remember(
    _ addition: SpoolAddition, _ nowMilliseconds: Int64, in database: Database
  ) throws {
    for delivery in addition.deliveries {
      try DeliveryLedger.add(delivery, receivedMilliseconds: nowMilliseconds, in: database)
    }
    for owner in addition.owners {
      try database.execute(
        sql: "INSERT OR REPLACE INTO source_owner (source, login) VALUES (?, ?)",
        arguments: [owner.source, owner.login])
    }
    guard let open = addition.openFocus else { return }
    try database.execute(sql: "DELETE FROM open_focus")
    for focus in open {
      try database.execute(
        sql: "INSERT INTO open_focus (line, extended_ms) VALUES (?, ?)",
        arguments: [focus.line, focus.extendedMilliseconds])
    }
  }

  /// What was remembered with earlier additions.
  package func memory() throws -> SpoolMemory {
    try queue.read { database in
      var memory = SpoolMemory()
      memory.senders = try DeliveryLedger.spools(limit: SpoolState.plainMax, in: database)
      memory.owners = try Row.fetchAll(database, sql: "SELECT source, login FROM source_owner").map {
        SourceOwner(source: $0[0], login: $0[1])
      }
      memory.openFocus = try Row.fetchAll(database, sql: "SELECT line, extended_ms FROM open_focus")
        .compactMap { OpenFocus(line: $0[0], extendedMilliseconds: $0[1]) }
      return memory
    }
  }

  private func insert(_ payload: BuiltPayload, _ nowMilliseconds: Int64, in database: Database) throws {
    let number = try Self.counter("next_batch", in: database) ?? 1
    try database.cachedStatement(
      sql: "INSERT INTO batch (number, created_ms, byte_count, payload) VALUES (?, ?, ?, ?)"
    ).execute(arguments: [Int64(number), nowMilliseconds, payload.bytes.count, Data(payload.bytes)])
    for range in payload.ranges {
      try database.cachedStatement(
        sql: "INSERT INTO batch_range (batch, kind, source, first, last) VALUES (?, ?, ?, ?, ?)"
      ).execute(arguments: [
        Int64(number), range.kind.rawValue, range.source, Int64(bitPattern: range.first),
        Int64(bitPattern: range.last),
      ])
    }
    try Self.set("next_batch", to: number + 1, in: database)
  }

  /// The ranges of each source and kind, ascending and apart: the same number may have come twice.
  private static func joined(_ ranges: [NumberRange]) -> [NumberRange] {
    var result: [NumberRange] = []
    let sorted = ranges.sorted {
      ($0.kind.rawValue, $0.source, $0.first) < ($1.kind.rawValue, $1.source, $1.first)
    }
    for range in sorted {
      if let last = result.last, last.kind == range.kind, last.source == range.source,
        range.first <= last.last || range.first - last.last == 1
      {
        result[result.count - 1].last = max(last.last, range.last)
      } else {
        result.append(range)
      }
    }
    return result
  }

  // MARK: Dropping

  private static func range(_ row: Row) -> NumberRange? {
    guard let kind = NumberRange.Kind(rawValue: row["kind"]) else { return nil }
    return NumberRange(
      kind: kind, source: row["source"], first: UInt64(bitPattern: row["first"]),
      last: UInt64(bitPattern: row["last"]))
  }

  /// Drops batches that are too old, though nothing is added.
  ///
  /// - Returns: how many events that were.
  /// - Throws: `DatabaseError`; then nothing was dropped.
  /// - Complexity: O(log batches) where none is.
  package func dropExpired(nowMilliseconds: Int64) throws -> UInt64 {
    let oldest = try queue.read { try Int64.fetchOne($0, sql: "SELECT min(created_ms) FROM batch") }
    guard let oldest, isTooOld(oldest, nowMilliseconds) else { return 0 }
    return try queue.write { try dropExcess(nowMilliseconds, in: $0) }
  }

  private func isTooOld(_ createdMilliseconds: Int64, _ nowMilliseconds: Int64) -> Bool {
    createdMilliseconds < nowMilliseconds - limits.ageMillisecondsMax
  }

  /// Drops the oldest batches over the limits, but the newest one for its age only, and adds batches that tell
  /// their numbers; returns how many events that were.
  private func dropExcess(_ nowMilliseconds: Int64, in database: Database) throws -> UInt64 {
    var bytes = try Int64.fetchOne(database, sql: "SELECT total(byte_count) FROM batch") ?? 0
    let newest = try Int64.fetchOne(database, sql: "SELECT max(number) FROM batch") ?? 0
    // Joined as they come, which is enough for the size: sorting is for the end.
    var told = BuiltPayload()
    var toldBytes: Int64 = 0
    var events: UInt64 = 0
    while let row = try Row.fetchOne(
      database,
      sql: "SELECT number, created_ms, byte_count FROM batch ORDER BY number LIMIT 1")
    {
      let number: Int64 = row["number"]
      let isTooMuch = bytes + toldBytes > limits.bytesMax && number < newest
      guard isTooMuch || isTooOld(row["created_ms"], nowMilliseconds) else { break }
      let ranges = try Row.fetchAll(
        database, sql: "SELECT kind, source, first, last FROM batch_range WHERE batch = ?",
        arguments: [number])
      for var range in ranges.compactMap(Self.range) {
        if range.kind == .event {
          events += range.last - range.first + 1
          range.kind = .dropped
        }
        let count = told.ranges.count
        told.note(range)
        if told.ranges.count > count { toldBytes += Int64(PayloadBuilder.byteCountMax(of: range)) }
      }
      try database.execute(sql: "DELETE FROM batch WHERE number = ?", arguments: [number])
      bytes -= row["byte_count"] as Int64
    }
    var builder = PayloadBuilder(bytesMax: limits.payloadBytesMax)
    builder.add(unsent: Self.joined(told.ranges))
    for payload in builder.payloads { try insert(payload, nowMilliseconds, in: database) }
    return events
  }

  // MARK: Sending

  /// Numbers of the next batches behind one, oldest first.
  package func batchNumbers(after number: UInt64, limit: Int) throws -> [UInt64] {
    try queue.read {
      try Int64.fetchAll(
        $0, sql: "SELECT number FROM batch WHERE number > ? ORDER BY number LIMIT ?",
        arguments: [Int64(number), limit]
      ).map { UInt64($0) }
    }
  }

  /// Notes that batches up to this one go out.
  func noteSending(upTo number: UInt64) { highestSent.withLock { $0 = max($0, number) } }

  /// Whether a batch may have been sent, by this process or one before.
  func mayHaveSent(_ number: UInt64) -> Bool { highestSent.withLock { number <= $0 } }

  /// A batch's payload and the oldest batch there is; nil when it was acknowledged or dropped.
  package func payload(of number: UInt64) throws -> (payload: [UInt8], oldestBatch: UInt64)? {
    try queue.read { database in
      let row = try Row.fetchOne(
        database,
        sql: "SELECT payload, (SELECT min(number) FROM batch) AS oldest FROM batch WHERE number = ?",
        arguments: [Int64(number)])
      return row.map { row in
        let bytes: Data = row["payload"]
        let oldest: Int64 = row["oldest"]
        return (Array(bytes), UInt64(oldest))
      }
    }
  }

  /// Sets packet numbers aside; no later call, also after a crash, gives them again.
  package func reservePacketNumbers(_ count: UInt64) throws -> Range<UInt64> {
    try queue.write { database in
      let first = try Self.counter("next_packet", in: database) ?? 1
      try Self.set("next_packet", to: first + count, in: database)
      return first..<first + count
    }
  }

  /// Forgets what the collector has on disk.
  package func acknowledge(_ acknowledgements: [Acknowledgement]) throws {
    try queue.write { database in
      for acknowledgement in acknowledgements {
        let ranges = [0...acknowledgement.cumulative] + acknowledgement.ranges
        for range in ranges {
          try database.cachedStatement(sql: "DELETE FROM batch WHERE number BETWEEN ? AND ?").execute(
            arguments: [Int64(clamping: range.lowerBound), Int64(clamping: range.upperBound)])
        }
      }
    }
    try queue.writeWithoutTransaction { database in
      // Gives pages back once a good part of the file is free.
      let free = try Int.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
      if free > Self.freePagesMax { try database.execute(sql: "PRAGMA incremental_vacuum") }
    }
  }

  /// Free pages that are kept for the next batches: 4 MiB.
  private static let freePagesMax = 1_024

  package func summary() throws -> Summary {
    try queue.read { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT count(*) AS n, total(byte_count) AS b, min(created_ms) AS t FROM batch")
      return Summary(batchCount: row?["n"] ?? 0, bytes: row?["b"] ?? 0, oldestMilliseconds: row?["t"])
    }
  }

  // MARK: Counters

  private static func counter(_ name: String, in database: Database) throws -> UInt64? {
    try Int64.fetchOne(database, sql: "SELECT value FROM counter WHERE name = ?", arguments: [name])
      .map { UInt64(bitPattern: $0) }
  }

  private static func set(_ name: String, to value: UInt64, in database: Database) throws {
    try database.cachedStatement(sql: "INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?)")
      .execute(arguments: [name, Int64(bitPattern: value)])
  }
}

/// Why a spool cannot be used; one line, with what to do.
package struct SpoolError: Error, CustomStringConvertible, Sendable {
  package var description: String

  package init(_ description: String) { self.description = description }

  static func opening(_ path: String, _ error: any Error) -> SpoolError {
    if let error = error as? SpoolError { return error }
    guard let error = error as? DatabaseError else {
      return SpoolError("cannot open the spool \(path): \(error)")
    }
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return SpoolError("another process uses the spool \(path): stop it, or name another with --spool")
    case .SQLITE_NOTADB:
      return SpoolError("\(path) is no spool: name another file with --spool")
    default:
      return SpoolError(
        "cannot open the spool \(path): \(error.message ?? "SQLite error \(error.resultCode.rawValue)")")
    }
  }
}
