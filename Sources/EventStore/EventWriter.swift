import ColumnChunk
import DeliveryLedger
import GRDB
import UsageModel
import WireFormat

/// Writes batches: names, chunk, ledger and dead letters in one transaction.
///
/// When ``commit(_:)`` returns, the events are on disk (WAL, synchronous=FULL): only then may anyone
/// acknowledge them. Belongs to one thread.
package final class EventWriter {
  let store: EventStore
  var names: BatchNames
  var ledger: SequenceLedger
  var deadLetters = DeadLetterWriter()
  /// Who was forgotten; nil until it is read.
  private var tombstones: Tombstones?
  private var speakers = SpeakerCheck()
  private var rows = BatchRows()
  private var chunk = ArrivalChunk()

  package init(store: EventStore, limits: StoreLimits = StoreLimits()) {
    self.store = store
    names = BatchNames(limits)
    ledger = SequenceLedger(rangesMax: limits.rangesMax)
  }

  /// Stores batches in one transaction and returns when they are durable.
  ///
  /// - Throws: `DatabaseError` (disk full, I/O); nothing of the batches is stored then, and they may be
  ///   committed again.
  package func commit(
    _ batches: [ReceivedBatch], refusedPackets: [PacketRefusal: Int64] = [:]
  ) throws -> CommitSummary {
    try transaction { database in
      var summary = CommitSummary()
      for batch in batches { summary += try storeWhole(batch, in: database) }
      try DeliveryLedger.add(refusals: refusedPackets, in: database)
      return summary
    }
  }

  /// Runs `body` in one transaction, in which ``store(_:in:)`` may be called.
  func transaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
    let result: Result
    do {
      result = try store.queue.inTransactionReturning { database in
        try names.begin(in: database)
        let result = try body(database)
        try names.write(in: database)
        try ledger.flush(&names, in: database)
        return result
      }
    } catch {
      forget()
      throw error
    }
    names.end()
    ledger.trim()
    return result
  }

  /// Runs `body` in one transaction that may change names, ledger or chunks behind the caches.
  package func maintain<Result>(_ body: (Database) throws -> Result) throws -> Result {
    defer { forget() }
    return try store.queue.inTransactionReturning(body)
  }

  /// Runs `body` outside of a transaction: for checkpoints and giving back free pages.
  package func withoutTransaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try store.queue.writeWithoutTransaction(body)
  }

  /// Drops every cached number, after someone else changed the tables or a transaction failed.
  package func forget() {
    names.forget()
    ledger.forget()
    deadLetters.forget()
    tombstones = nil
  }

  /// Notes numbers of a source that will never come, on purpose.
  package func withhold(source: String, _ range: ClosedRange<Int64>) throws {
    try transaction { database in
      guard let source = try names.number(ofSource: source.utf8, in: database) else { return }
      try ledger.withhold(source, range, in: database)
    }
  }

  // MARK: One batch

  /// Stores one batch with its pieces, if there are any.
  private func storeWhole(_ received: ReceivedBatch, in database: Database) throws -> CommitSummary {
    guard let pieces = received.pieces else { return try store(received, in: database) }
    var summary = CommitSummary()
    var rest = received
    let news = try pieces { piece in
      summary += try store(
        ReceivedBatch(
          batch: piece, transport: received.transport, receivedMilliseconds: received.receivedMilliseconds),
        in: database)
    }
    for index in rest.deliveries.indices {
      rest.deliveries[index].unsent += news.unsent
      rest.deliveries[index].refused += news.refused
    }
    summary += try store(rest, in: database)
    return summary
  }

  /// Stores one batch; the caller's transaction must be rolled back when this throws.
  func store(_ received: ReceivedBatch, in database: Database) throws -> CommitSummary {
    let batch = received.batch
    var summary = CommitSummary()
    names.start(batch)
    speakers.start()
    ledger.receivedMilliseconds = received.receivedMilliseconds
    var refused: [EventBatch.Reject] = []
    try admit(batch, &refused, &summary, database)
    try numberNames(batch, &refused, database)
    try ledger.separate(
      &rows, batch, lateBefore: received.lateBeforeMilliseconds, numbers: names.numbers(.source),
      isNewSource: { names.isNewSource($0) }, in: database)
    refused += rows.gapless.map { refusal(.tooManyGaps, Int($0), of: batch, refused.count) }
    summary.accepted = rows.kept.count
    summary.duplicate = rows.duplicates.count
    if !rows.kept.isEmpty {
      try chunk.insert(rows.kept, of: batch, names, isImported: received.isImported, in: database)
    }
    if !rows.duplicates.isEmpty { summary.conflict = try countConflicts(batch, database) }
    try storeRejects(batch.rejects + refused, received, &summary, database)
    for delivery in received.deliveries {
      try book(delivery, received.receivedMilliseconds, &summary, database)
    }
    try KernelDrops.add(
      received.kernelDrops, transport: received.transport,
      receivedMilliseconds: received.receivedMilliseconds, in: database)
    try Counters.add(
      [
        "stored.\(received.transport)": Int64(summary.accepted),
        "duplicate.\(received.transport)": Int64(summary.duplicate),
        "conflict.\(received.transport)": Int64(summary.conflict),
        "rejected.\(received.transport)": Int64(summary.rejectedCount),
        "kernel_drops.\(received.transport)": received.kernelDrops,
      ], in: database)
    return summary
  }

  /// Notes a batch as delivered, its sender's clock, the numbers that will not come, and what was refused before.
  private func book(
    _ delivery: DeliveredBatch, _ receivedMilliseconds: Int64, _ summary: inout CommitSummary,
    _ database: Database
  ) throws {
    let isNew = try DeliveryLedger.add(delivery, receivedMilliseconds: receivedMilliseconds, in: database)
    if let source = try number(ofSource: delivery.spool.claimedSender, database) {
      try names.writeSources(in: database)
      try ledger.noteClock(source, offsetMilliseconds: delivery.clockOffsetMilliseconds, in: database)
    }
    // Counts are no numbers that could be recognised: said again, they would be added again.
    guard isNew else { return }
    for unsent in delivery.unsent { try book(unsent, database) }
    for refused in delivery.refused { try book(refused, &summary, database) }
  }

  private func book(_ unsent: DeliveredBatch.Unsent, _ database: Database) throws {
    guard try !isForgotten(unsent.source, database),
      try speakers.allows(unsent, &names, &ledger, in: database),
      let source = try number(ofSource: unsent.source, database)
    else { return }
    for range in unsent.ranges {
      let numbers = Int64(clamping: range.lowerBound)...Int64(clamping: range.upperBound)
      if unsent.isWithheld {
        try ledger.withhold(source, numbers, in: database)
      } else {
        try ledger.drop(source, numbers, in: database)
      }
    }
  }

  /// Counts what an agent refused as if it had been refused here; its bytes stay unknown.
  private func book(
    _ refused: DeliveredBatch.Refused, _ summary: inout CommitSummary, _ database: Database
  ) throws {
    let name = try refused.source.flatMap { try isForgotten($0, database) ? nil : $0 }
    if name != nil, try !speakers.allows(refused, &names, &ledger, in: database) { return }
    let source = try name.flatMap { try number(ofSource: $0, database) } ?? 0
    try ledger.count(source, in: database) { $0.rejected += Int64(refused.count) }
    try Rejections.add(refused.reason, count: refused.count, source: source, in: database)
    summary.rejected[refused.reason, default: 0] += refused.count
    guard source != 0 else { return }
    for range in refused.ranges {
      try ledger.refuse(
        source, Int64(clamping: range.lowerBound)...Int64(clamping: range.upperBound), in: database)
    }
  }

  /// Nil where there is no room for another, or it is called after someone forgotten.
  private func number(ofSource name: String, _ database: Database) throws -> Int64? {
    try isForgotten(name, database) ? nil : names.number(ofSource: name.utf8, in: database)
  }

  private func isForgotten(_ name: String, _ database: Database) throws -> Bool {
    try loadTombstones(database).hold(name)
  }

  /// Applies the rules of who may speak, and of whom nothing is kept: fills `rows.admitted`.
  private func admit(
    _ batch: EventBatch, _ refused: inout [EventBatch.Reject], _ summary: inout CommitSummary,
    _ database: Database
  ) throws {
    let forgotten = try forgottenStrings(batch, database)
    guard !forgotten.isEmpty || batch.hasSpeakers else { return rows.admitAll(batch.count) }
    rows.admitNone()
    for row in 0..<batch.count {
      if !forgotten.isEmpty, forgotten[Int(batch.user[row])] {
        try refuseForgotten(row, of: batch, forgotten, &summary, database)
      } else if batch.hasSpeakers, try !speakers.allows(row: row, of: batch, &names, &ledger, in: database) {
        refused.append(refusal(.notYours, row, of: batch, refused.count))
      } else {
        rows.admit(row)
      }
    }
  }

  /// Finds the numbers of all names; an event with one for which there is no room is refused.
  private func numberNames(
    _ batch: EventBatch, _ refused: inout [EventBatch.Reject], _ database: Database
  ) throws {
    try names.resolve(batch, rows: rows.admitted, in: database)
    guard names.hasUnavailable else { return }
    let all = Array(rows.admitted)
    rows.admitNone()
    for row in all {
      if names.isAvailable(row: Int(row), of: batch) {
        rows.admit(Int(row))
      } else {
        refused.append(refusal(.tooManyNames, Int(row), of: batch, refused.count))
      }
    }
  }

  /// An event refused by the writer, as the JSON line that says the same.
  private func refusal(
    _ reason: RejectReason, _ row: Int, of batch: EventBatch, _ refusedCount: Int
  ) -> EventBatch.Reject {
    let isKept = batch.rejects.count + refusedCount < EventBatch.rejectsKeptMax
    return EventBatch.Reject(refusing: row, of: batch, reason, keepsBytes: isKept)
  }

  // MARK: Who was forgotten

  private func loadTombstones(_ database: Database) throws -> Tombstones {
    if let tombstones { return tombstones }
    let loaded = try Tombstones(in: database)
    tombstones = loaded
    return loaded
  }

  /// By string number, whether it is the name of someone forgotten; empty when nobody was.
  private func forgottenStrings(_ batch: EventBatch, _ database: Database) throws -> [Bool] {
    let tombstones = try loadTombstones(database)
    guard !tombstones.isEmpty else { return [] }
    var isForgotten = [Bool](repeating: false, count: batch.strings.count)
    var isLookedUp = isForgotten
    for row in 0..<batch.count {
      for string in [batch.user[row], batch.source[row]] where string != 0 && !isLookedUp[Int(string)] {
        isLookedUp[Int(string)] = true
        isForgotten[Int(string)] = tombstones.hold(batch.strings.withBytes(of: string) { Array($0) })
      }
    }
    return isForgotten
  }

  /// Counts an event as refused, without keeping its bytes, or the name of a source that tells who it was.
  private func refuseForgotten(
    _ row: Int, of batch: EventBatch, _ forgotten: [Bool], _ summary: inout CommitSummary,
    _ database: Database
  ) throws {
    var source: Int64 = 0
    let name = batch.source[row]
    if name != 0, !forgotten[Int(name)] {
      source = try names.number(of: name, .source, batch, in: database) ?? 0
    }
    try ledger.count(source, in: database) { $0.rejected += 1 }
    try Rejections.add(.forgotten, source: source, in: database)
    if source != 0 { try ledger.refuse(source, batch.sequence[row]...batch.sequence[row], in: database) }
    summary.rejected[.forgotten, default: 0] += 1
  }

  private func countConflicts(_ batch: EventBatch, _ database: Database) throws -> Int {
    let events = rows.duplicates.map { StoredEvent(row: $0, in: batch, names) }
    let conflicting = try ConflictCheck.conflicting(events, in: database)
    for event in conflicting { try ledger.count(event.source, in: database) { $0.conflict += 1 } }
    return conflicting.count
  }

  private func storeRejects(
    _ rejects: [EventBatch.Reject], _ received: ReceivedBatch, _ summary: inout CommitSummary,
    _ database: Database
  ) throws {
    let batch = received.batch
    let tombstones = try loadTombstones(database)
    for var reject in rejects {
      let named = batch.strings.text(of: reject.source)
      let speaker = batch.strings.text(of: reject.speaker)
      let isForgotten = named.map(tombstones.hold) ?? false
      // What an impostor says must not show in the ledger of whom they name.
      if !isForgotten, reject.reason != .notYours,
        try !speakers.allows(reject, of: batch, &names, &ledger, in: database)
      {
        reject.reason = .notYours
      }
      summary.rejected[reject.reason, default: 0] += 1
      var source: Int64 = 0
      if reject.source != 0 && reject.reason != .notYours && !isForgotten {
        source = try names.number(of: reject.source, .source, batch, in: database) ?? 0
      }
      try ledger.count(source, in: database) { $0.rejected += 1 }
      try Rejections.add(reject.reason, source: source, in: database)
      if source != 0 && reject.sequence > 0 {
        try ledger.refuse(source, reject.sequence...reject.sequence, in: database)
      }
      if let bytes = reject.bytes, !isForgotten, !tombstones.holdAny(of: speaker),
        !tombstones.areNamed(in: bytes)
      {
        try deadLetters.add(
          reject, bytes, source: named, speaker: speaker, transport: received.transport,
          receivedMilliseconds: received.receivedMilliseconds, in: database)
      }
    }
    guard !rejects.isEmpty else { return }
    try deadLetters.noteDropped(rejects.count { $0.bytes == nil }, in: database)
    try deadLetters.trim(in: database)
  }
}

extension EventBatch.Reject {
  /// An event that was decoded and then refused, as the JSON line that says the same.
  fileprivate init(refusing row: Int, of batch: EventBatch, _ reason: RejectReason, keepsBytes: Bool) {
    var line: [UInt8] = []
    if keepsBytes {
      JSONEventEncoder.append(batch.event(at: row), to: &line)
      if line.last == UInt8(ascii: "\n") { line.removeLast() }
    }
    self.init(
      reason: reason, source: batch.source[row], sequence: batch.sequence[row],
      speaker: batch.speaker[row], bytes: keepsBytes ? Array(line.prefix(EventBatch.rejectBytesMax)) : nil,
      byteCount: line.count)
  }
}
