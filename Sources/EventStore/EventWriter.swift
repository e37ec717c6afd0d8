import ColumnChunk
import GRDB
import UsageModel
import WireFormat

/// A batch on its way into the store.
package struct ReceivedBatch: Sendable {
  package var batch: EventBatch
  /// Where it came from: `udp`, `unix-datagram`, `unix-stream`, `import`.
  package var transport: String
  /// Collector's clock, milliseconds since 1970 UTC.
  package var receivedMilliseconds: Int64
  /// Datagrams that the kernel dropped at the socket since the batch before.
  package var kernelDrops: Int64

  /// Batches in envelopes whose last event is in here, or in a batch before.
  package var deliveries: [DeliveredBatch]

  package init(
    batch: EventBatch, transport: String, receivedMilliseconds: Int64, kernelDrops: Int64 = 0,
    deliveries: [DeliveredBatch] = []
  ) {
    self.deliveries = deliveries
    self.batch = batch
    self.transport = transport
    self.receivedMilliseconds = receivedMilliseconds
    self.kernelDrops = kernelDrops
  }

  /// Retention leaves imported events alone.
  var isImported: Bool { transport == "import" }

  /// Events that end before are late; an import is never.
  var lateBeforeMilliseconds: Int64 {
    transport == "import" ? .min : receivedMilliseconds - SequenceLedger.lateMilliseconds
  }
}

/// What became of the events of a commit.
package struct CommitSummary: Equatable, Sendable {
  package var accepted = 0
  package var duplicate = 0
  /// Duplicates that differ from the event stored first; counted in `duplicate` too.
  package var conflict = 0
  /// Refused events by reason.
  package var rejected: [RejectReason: Int] = [:]

  package init() {}

  package var rejectedCount: Int { rejected.values.reduce(0, +) }

  package static func += (left: inout CommitSummary, right: CommitSummary) {
    left.accepted += right.accepted
    left.duplicate += right.duplicate
    left.conflict += right.conflict
    left.rejected.merge(right.rejected, uniquingKeysWith: +)
  }
}

/// Writes batches: names, chunk, ledger and dead letters in one transaction.
///
/// When ``commit(_:)`` returns, the events are on disk (WAL, synchronous=FULL): only then may anyone
/// acknowledge them. Belongs to one thread.
package final class EventWriter {
  let store: EventStore
  private var users = NameResolver(table: "user_name")
  private var labels = NameResolver(table: "label")
  private var sources = NameResolver(table: "source")
  private var features = NameResolver.features()
  var ledger = SequenceLedger()
  var deadLetters = DeadLetterWriter()
  private var numbering = BatchNumbering()
  /// Who was forgotten; nil until it is read.
  private var tombstones: Tombstones?
  private var speakers = SpeakerCheck()
  /// Rows of the current batch that are stored, in order of arrival.
  private var kept: [Int] = []
  private var column = [Int64](repeating: 0, count: EventBatch.eventsMax)

  package init(store: EventStore) { self.store = store }

  /// Stores batches in one transaction and returns when they are durable.
  ///
  /// - Throws: `DatabaseError` (disk full, I/O); nothing of the batches is stored then, and they may be
  ///   committed again.
  package func commit(
    _ batches: [ReceivedBatch], refusedPackets: [PacketRefusal: Int64] = [:]
  ) throws -> CommitSummary {
    try transaction { database in
      var summary = CommitSummary()
      for batch in batches { summary += try store(batch, in: database) }
      try DeliveryStore.add(refusals: refusedPackets, in: database)
      return summary
    }
  }

  /// Runs `body` in one transaction, in which ``store(_:in:)`` may be called.
  func transaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
    let result: Result
    do {
      result = try store.queue.inTransactionReturning(body)
    } catch {
      forget()
      throw error
    }
    users.trim()
    labels.trim()
    sources.trim()
    features.trim()
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
    users.forget()
    labels.forget()
    sources.forget()
    features.forget()
    ledger.forget()
    deadLetters.forget()
    tombstones = nil
  }

  /// Notes numbers of a source that will never come, on purpose.
  package func withhold(source: String, _ range: ClosedRange<Int64>) throws {
    do {
      try store.queue.inTransactionReturning { database in
        try ledger.withhold(try number(ofSource: source, database), range, in: database)
      }
    } catch {
      forget()
      throw error
    }
  }

  // MARK: One batch

  /// Stores one batch; the caller's transaction must be rolled back when this throws.
  func store(_ received: ReceivedBatch, in database: Database) throws -> CommitSummary {
    let batch = received.batch
    var summary = CommitSummary()
    numbering.start(batch)
    speakers.start()
    var refused: [EventBatch.Reject] = []
    let duplicates = try separateDuplicates(received, &refused, &summary, database)
    summary.accepted = kept.count
    summary.duplicate = duplicates.count
    if !kept.isEmpty { try insertChunk(batch, isImported: received.isImported, database) }
    if !duplicates.isEmpty {
      summary.conflict = try countConflicts(batch, duplicates, database)
    }
    try storeRejects(batch.rejects + refused, received, &summary, database)
    for delivery in received.deliveries { try book(delivery, received.receivedMilliseconds, database) }
    try KernelDrops.add(
      received.kernelDrops, transport: received.transport,
      receivedMilliseconds: received.receivedMilliseconds, in: database)
    try ledger.flush(receivedMilliseconds: received.receivedMilliseconds, in: database)
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

  /// Notes a batch as delivered, its sender's clock, and the numbers that will not come.
  private func book(
    _ delivery: DeliveredBatch, _ receivedMilliseconds: Int64, _ database: Database
  ) throws {
    try DeliveryStore.add(delivery, receivedMilliseconds: receivedMilliseconds, in: database)
    let sender = delivery.spool.sender
    let source = try number(ofSource: sender.hasPrefix("~") ? String(sender.dropFirst()) : sender, database)
    try ledger.noteClock(source, offsetMilliseconds: delivery.clockOffsetMilliseconds, in: database)
    for unsent in delivery.unsent {
      let source = try number(ofSource: unsent.source, database)
      for range in unsent.ranges {
        let numbers = Int64(clamping: range.lowerBound)...Int64(clamping: range.upperBound)
        if unsent.isWithheld {
          try ledger.withhold(source, numbers, in: database)
        } else {
          try ledger.count(source, in: database) { $0.addDropped(Int64(clamping: numbers.count)) }
        }
      }
    }
  }

  private func number(ofSource name: String, _ database: Database) throws -> Int64 {
    try Array(name.utf8).withUnsafeBufferPointer { try sources.number(of: $0, in: database) }
  }

  /// Applies the rules of who may speak and of (source, seq); fills `kept` and returns redelivered rows.
  private func separateDuplicates(
    _ received: ReceivedBatch, _ refused: inout [EventBatch.Reject], _ summary: inout CommitSummary,
    _ database: Database
  ) throws -> [DuplicateRow] {
    let batch = received.batch
    let lateBefore = received.lateBeforeMilliseconds
    var unnumberedLate: Int64 = 0
    kept.removeAll(keepingCapacity: true)
    let forgotten = try forgottenStrings(batch, database)
    var duplicates: [DuplicateRow] = []
    var unnumbered: Int64 = 0
    for row in 0..<batch.count {
      if !forgotten.isEmpty, forgotten[Int(batch.user[row])] {
        try refuseForgotten(row, of: batch, forgotten, &summary, database)
        continue
      }
      if batch.hasSpeakers, try !speakers.allows(row: row, of: batch, in: database) {
        let isKept = batch.rejects.count + refused.count < EventBatch.rejectsKeptMax
        refused.append(.notYours(row, of: batch, keepsBytes: isKept))
        continue
      }
      let time = batch.time[row]
      let isLate = time < lateBefore && time + max(0, batch.durationPlusOne[row] - 1) < lateBefore
      let name = batch.source[row]
      guard name != 0 else {
        kept.append(row)
        unnumbered += 1
        if isLate { unnumberedLate += 1 }
        continue
      }
      let source = try number(of: name, .source, batch, database)
      let sequence = batch.sequence[row]
      if try ledger.register(source, sequence, timeMilliseconds: batch.time[row], in: database) {
        kept.append(row)
        try ledger.count(source, in: database) {
          $0.stored += 1
          if isLate { $0.late += 1 }
        }
      } else {
        duplicates.append(DuplicateRow(row: row, source: source, sequence: sequence))
        try ledger.count(source, in: database) { $0.duplicate += 1 }
      }
    }
    if unnumbered > 0 {
      try ledger.count(0, in: database) {
        $0.stored += unnumbered
        $0.late += unnumberedLate
      }
    }
    return duplicates
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
    if name != 0, !forgotten[Int(name)] { source = try number(of: name, .source, batch, database) }
    try ledger.count(source, in: database) { $0.rejected += 1 }
    try Rejections.add(.forgotten, source: source, in: database)
    if source != 0 { try ledger.refuse(source, batch.sequence[row], in: database) }
    summary.rejected[.forgotten, default: 0] += 1
  }

  private func countConflicts(
    _ batch: EventBatch, _ duplicates: [DuplicateRow], _ database: Database
  ) throws -> Int {
    let rows = try duplicates.map { duplicate in
      try StoredEvent(row: duplicate, in: batch) {
        try self.number(of: $0, $1, batch, database)
      } feature: {
        try self.featureNumber(batch, row: duplicate.row, database)
      }
    }
    let conflicting = try ConflictCheck.conflicting(rows, in: database)
    for event in conflicting { try ledger.count(event.source, in: database) { $0.conflict += 1 } }
    return conflicting.count
  }

  private func storeRejects(
    _ rejects: [EventBatch.Reject], _ received: ReceivedBatch, _ summary: inout CommitSummary,
    _ database: Database
  ) throws {
    let batch = received.batch
    for reject in rejects {
      summary.rejected[reject.reason, default: 0] += 1
      var source: Int64 = 0
      // What an impostor says must not show in the ledger of whom they name.
      if reject.source != 0 && reject.reason != .notYours {
        source = try number(of: reject.source, .source, batch, database)
      }
      try ledger.count(source, in: database) { $0.rejected += 1 }
      try Rejections.add(reject.reason, source: source, in: database)
      if source != 0 && reject.sequence > 0 {
        try ledger.refuse(source, reject.sequence, in: database)
      }
      if let bytes = reject.bytes, try !loadTombstones(database).areNamed(in: bytes) {
        try deadLetters.add(
          reject, bytes, source: batch.strings.text(of: reject.source),
          speaker: batch.strings.text(of: reject.speaker), transport: received.transport,
          receivedMilliseconds: received.receivedMilliseconds, in: database)
      }
    }
    if !rejects.isEmpty { try deadLetters.trim(in: database) }
  }

  // MARK: Numbers of names

  private func number(
    of string: UInt32, _ kind: BatchNumbering.Kind, _ batch: EventBatch, _ database: Database
  ) throws -> Int64 {
    if string == 0 { return 0 }
    if let known = numbering[kind, string] { return known }
    let number = try batch.strings.withBytes(of: string) { bytes -> Result<Int64, any Error> in
      Result {
        switch kind {
        case .user: try users.number(of: bytes, in: database)
        case .label: try labels.number(of: bytes, in: database)
        case .source: try sources.number(of: bytes, in: database)
        }
      }
    }.get()
    numbering[kind, string] = number
    return number
  }

  private func featureNumber(_ batch: EventBatch, row: Int, _ database: Database) throws -> Int64 {
    let app = batch.app[row]
    let feature = batch.feature[row]
    if let known = numbering.feature(app, feature) { return known }
    var key: [UInt8] = []
    batch.strings.withBytes(of: app) { key.append(contentsOf: $0) }
    if feature != 0 {
      key.append(0)
      batch.strings.withBytes(of: feature) { key.append(contentsOf: $0) }
    }
    let number = try key.withUnsafeBufferPointer { try features.number(of: $0, in: database) }
    numbering.setFeature(app, feature, number)
    return number
  }

  // MARK: The chunk

  private func insertChunk(_ batch: EventBatch, isImported: Bool, _ database: Database) throws {
    var writer = ChunkWriter(rowCount: kept.count, effort: .arrival)
    gather(batch.time, .time, &writer)
    try gather(batch.user, .user, kind: .user, batch, &writer, database)
    try fill { row in try featureNumber(batch, row: row, database) }
    add(.feature, &writer)
    gather(batch.kind, .kind, &writer)
    gather(batch.outcome, .outcome, &writer)
    gather(batch.durationPlusOne, .durationPlusOne, &writer)
    try gather(batch.host, .host, kind: .label, batch, &writer, database)
    try gather(batch.version, .version, kind: .label, batch, &writer, database)
    try gather(batch.cause, .cause, kind: .label, batch, &writer, database)
    try gather(batch.source, .source, kind: .source, batch, &writer, database)
    gather(batch.sequence, .sequence, &writer)
    gather(batch.clockOffset, .clockOffset, &writer)
    for (column, strings) in [(ChunkColumn.session, batch.session), (.attributes, batch.attributes)] {
      var codes = TextCodes(stringCount: batch.strings.count)
      fill { row in codes.code(of: strings[row]) }
      let texts = codes.strings.map { string in batch.strings.withBytes(of: string) { Array($0) } }
      addTexts(column, texts, &writer)
    }
    _ = try writer.insert(day: nil, run: 0, isImported: isImported, in: database)
  }

  /// Puts a value for each kept row into the scratch column.
  @inline(__always)
  private func fill(_ value: (Int) throws -> Int64) rethrows {
    let count = kept.count
    try kept.withUnsafeBufferPointer { kept in
      try column.withUnsafeMutableBufferPointer { column in
        for index in 0..<count { column[index] = try value(kept[index]) }
      }
    }
  }

  private func add(_ column: ChunkColumn, _ writer: inout ChunkWriter) {
    self.column.withUnsafeBufferPointer {
      writer.add(column, UnsafeBufferPointer(rebasing: $0[..<kept.count]))
    }
  }

  private func addTexts(_ column: ChunkColumn, _ texts: [[UInt8]], _ writer: inout ChunkWriter) {
    self.column.withUnsafeBufferPointer {
      writer.add(column, texts: texts, UnsafeBufferPointer(rebasing: $0[..<kept.count]))
    }
  }

  /// Copies the kept rows of a plain column.
  private func gather(
    _ values: UnsafePointer<some BinaryInteger>, _ column: ChunkColumn, _ writer: inout ChunkWriter
  ) {
    fill { Int64(truncatingIfNeeded: values[$0]) }
    add(column, &writer)
  }

  /// Turns the kept rows' strings into table numbers; each distinct one is resolved once a batch.
  private func gather(
    _ strings: UnsafePointer<UInt32>, _ column: ChunkColumn, kind: BatchNumbering.Kind, _ batch: EventBatch,
    _ writer: inout ChunkWriter, _ database: Database
  ) throws {
    for row in kept where strings[row] != 0 { _ = try number(of: strings[row], kind, batch, database) }
    numbering.withNumbers(kind) { numbers in fill { numbers[Int(strings[$0])] } }
    add(column, &writer)
  }
}

/// Gives the texts of one chunk column small codes, from 1, in order of first use.
private struct TextCodes {
  /// By string number of the batch; 0 not used yet.
  private var codes: [UInt32]
  /// String numbers by code minus one.
  private(set) var strings: [UInt32] = []

  init(stringCount: Int) { codes = [UInt32](repeating: 0, count: stringCount) }

  mutating func code(of string: UInt32) -> Int64 {
    if string == 0 { return 0 }
    let known = codes[Int(string)]
    if known != 0 { return Int64(known) }
    strings.append(string)
    codes[Int(string)] = UInt32(strings.count)
    return Int64(strings.count)
  }
}

extension EventBatch.Reject {
  /// An event that its sender may not send, as the JSON line that says the same.
  fileprivate static func notYours(_ row: Int, of batch: EventBatch, keepsBytes: Bool) -> Self {
    var line: [UInt8] = []
    if keepsBytes {
      JSONEventEncoder.append(batch.event(at: row), to: &line)
      if line.last == UInt8(ascii: "\n") { line.removeLast() }
    }
    return Self(
      reason: .notYours, source: batch.source[row], sequence: batch.sequence[row],
      speaker: batch.speaker[row], bytes: keepsBytes ? Array(line.prefix(EventBatch.rejectBytesMax)) : nil,
      byteCount: line.count)
  }
}
