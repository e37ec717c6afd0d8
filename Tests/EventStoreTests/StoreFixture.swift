import ColumnChunk
import Foundation
import GRDB
import UsageModel
import WireFormat

@testable import EventStore

/// A directory of its own for each test, removed with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("waterline-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var database: String { path + "/test.db" }
}

/// A database with its writer.
final class StoreFixture {
  let directory: TemporaryDirectory
  private(set) var store: EventStore
  private(set) var writer: EventWriter
  private var batchCount: UInt64 = 0

  init() throws {
    directory = try TemporaryDirectory()
    store = try EventStore(writingAt: directory.database, program: "test")
    writer = EventWriter(store: store)
  }

  /// Ends the writing process, as it were, and starts another.
  func reopen() throws {
    let path = directory.database
    // The lock must go before it can be taken again.
    let stand = try EventStore(writingAt: directory.path + "/stand-in.db", program: "test")
    store = stand
    writer = EventWriter(store: stand)
    store = try EventStore(writingAt: path, program: "test")
    writer = EventWriter(store: store)
  }

  @discardableResult
  func commit(_ events: [UsageEvent], transport: String = "udp", receivedMilliseconds: Int64 = 5) throws
    -> CommitSummary
  {
    try writer.commit([
      ReceivedBatch(
        batch: StoreFixture.batch(events), transport: transport, receivedMilliseconds: receivedMilliseconds)
    ])
  }

  /// Commits what a sender says of numbers that its spool dropped, as a batch of its own.
  func drop(source: String, _ range: ClosedRange<Int64>) throws { try drop(source: source, ranges: [range]) }

  func drop(source: String, ranges: [ClosedRange<Int64>]) throws {
    batchCount += 1
    var delivery = DeliveredBatch(
      spool: SpoolName(sender: source, spool: 1), batch: batchCount, oldestBatch: 1, window: PacketWindow(),
      clockOffsetMilliseconds: 0)
    let numbers = ranges.map { UInt64($0.lowerBound)...UInt64($0.upperBound) }
    delivery.unsent = [.init(source: source, isWithheld: false, ranges: numbers)]
    _ = try writer.commit([
      ReceivedBatch(
        batch: Self.batch([]), transport: "udp", receivedMilliseconds: 5, deliveries: [delivery])
    ])
  }

  func events() throws -> [UsageEvent] { try store.read { try StoredEvents.all(in: $0) } }

  func execute(_ sql: String) throws {
    try store.queue.writeWithoutTransaction { try $0.execute(sql: sql) }
  }

  func integers(_ sql: String) throws -> [[Int64]] {
    try store.read { database in
      try Row.fetchAll(database, sql: sql).map { row in
        row.databaseValues.map { Int64.fromDatabaseValue($0) ?? -1 }
      }
    }
  }

  /// Merges until nothing is left, every day settled or none.
  @discardableResult
  func merge(allArrivals: Bool = true, isSettled: Bool = true) throws -> Int {
    var steps = 0
    let store = store
    let compactor = ChunkCompactor(reader: store) { result in
      steps += 1
      return try store.write { try ChunkMerger.apply(result, in: $0) }
    }
    try compactor.run(mergesAllArrivals: allArrivals, isSettled: { _ in isSettled })
    return steps
  }

  static func batch(_ events: [UsageEvent], speaker: String = "") -> EventBatch {
    let batch = EventBatch()
    batch.setSpeaker(Array(speaker.utf8))
    for event in events {
      var row = EventBatch.Row()
      row.time = event.timeMilliseconds
      row.user = intern(event.user, batch)
      row.app = intern(event.app, batch)
      row.feature = intern(event.feature, batch)
      row.kind = event.kind.rawValue
      row.outcome = event.outcome.rawValue
      row.durationPlusOne = event.durationMilliseconds.map { Int64($0) + 1 } ?? 0
      row.host = intern(event.host, batch)
      row.session = intern(event.session, batch)
      row.version = intern(event.version, batch)
      row.cause = intern(event.cause, batch)
      row.source = intern(event.source, batch)
      row.sequence = Int64(clamping: event.sequence ?? 0)
      if !event.attributes.isEmpty {
        let text = AttributesText.render(event.attributes.map { (Array($0.key.utf8), Array($0.value.utf8)) })
        row.attributes = intern(String(decoding: text, as: UTF8.self), batch)
      }
      batch.append(row)
    }
    return batch
  }

  static func intern(_ text: String?, _ batch: EventBatch) -> UInt32 {
    guard var text else { return 0 }
    return text.withUTF8 { bytes in bytes.baseAddress.map { batch.strings.intern($0, bytes.count) } ?? 0 }
  }
}

/// Everything that is stored, read by way of the tables alone.
enum StoredEvents {
  static func all(in database: Database) throws -> [UsageEvent] {
    try ChunkRow.all(in: database).sorted { $0.id < $1.id }.flatMap { try events(of: $0, in: database) }
  }

  static func events(of chunk: ChunkRow, in database: Database) throws -> [UsageEvent] {
    let users = try names("user_name", database)
    let labels = try names("label", database)
    let sources = try names("source", database)
    var features: [Int64: (app: String, feature: String?)] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT id, app, feature FROM feature_name") {
      features[row[0]] = (row[1], row[2])
    }
    let reader = ChunkReader(database)
    func column(_ column: ChunkColumn) throws -> [Int64] {
      var values = [Int64](repeating: -1, count: chunk.rowCount)
      try values.withUnsafeMutableBufferPointer { buffer in
        if let start = buffer.baseAddress { try reader.read(column, of: chunk, into: start) }
      }
      return values
    }
    let times = try column(.time)
    let (userNumbers, featureNumbers) = (try column(.user), try column(.feature))
    let (kinds, outcomes, durations) = (try column(.kind), try column(.outcome), try column(.durationPlusOne))
    let (hosts, versions, causes) = (try column(.host), try column(.version), try column(.cause))
    let (sourceNumbers, sequences) = (try column(.source), try column(.sequence))
    let sessions = try reader.readTexts(.session, of: chunk)
    let attributes = try reader.readTexts(.attributes, of: chunk)
    func text(_ texts: ColumnDecoder.Texts, _ row: Int) -> String? {
      let code = Int(texts.codes[row])
      return code == 0 ? nil : String(decoding: texts.strings[code - 1], as: UTF8.self)
    }
    return (0..<chunk.rowCount).map { row in
      UsageEvent(
        timeMilliseconds: times[row], user: users[userNumbers[row]] ?? "no such user",
        app: features[featureNumbers[row]]?.app ?? "no such feature",
        feature: features[featureNumbers[row]]?.feature,
        kind: EventKind(rawValue: UInt8(clamping: kinds[row])) ?? .use,
        outcome: EventOutcome(rawValue: UInt8(clamping: outcomes[row])) ?? .ok,
        durationMilliseconds: durations[row] == 0 ? nil : UInt32(clamping: durations[row] - 1),
        host: labels[hosts[row]], session: text(sessions, row), version: labels[versions[row]],
        cause: labels[causes[row]], source: sourceNumbers[row] == 0 ? nil : sources[sourceNumbers[row]],
        sequence: sequences[row] == 0 ? nil : UInt64(sequences[row]),
        attributes: text(attributes, row).map(AttributesText.parse) ?? [:])
    }
  }

  private static func names(_ table: String, _ database: Database) throws -> [Int64: String] {
    var names: [Int64: String] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT id, name FROM \(table)") { names[row[0]] = row[1] }
    return names
  }
}

/// SplitMix64: the same numbers on every machine for a seed.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Events of all shapes from small stocks of names, spellings of one letter among them.
enum SomeEvent {
  static let day: Int64 = 86_400_000
  static let start: Int64 = 20_454 * day

  static func make(_ random: inout SeededRandom, days: Int64 = 5) -> UsageEvent {
    let names = ["ann", "bob", "\u{E9}", "e\u{301}", "日本", "a b", "NULL", "x'y", "\"", "0", "ANN"]
    func name() -> String { names.randomElement(using: &random) ?? "ann" }
    func maybe() -> String? { Bool.random(using: &random) ? name() : nil }
    let kind = EventKind.allCases.randomElement(using: &random) ?? .use
    var event = UsageEvent(
      timeMilliseconds: start + Int64.random(in: 0..<days * day, using: &random), user: name(), app: name(),
      feature: kind == .use ? name() : maybe(), kind: kind,
      outcome: EventOutcome.allCases.randomElement(using: &random) ?? .ok,
      durationMilliseconds: Bool.random(using: &random)
        ? UInt32.random(in: 0...UInt32.max, using: &random) : nil,
      host: maybe(), session: maybe(), version: maybe(), cause: maybe())
    if Int.random(in: 0..<4, using: &random) == 0 { event.attributes = [name(): name(), "k": ""] }
    return event
  }
}

extension UsageEvent {
  /// A line that tells events apart by their bytes, for comparing collections of them.
  var fingerprint: [UInt8] {
    let texts = [user, app, feature, host, session, version, cause, source].map { text in
      text.map { "\($0.utf8.count):\($0)" } ?? "-"
    }
    let numbers =
      "\(timeMilliseconds) \(kind) \(outcome) \(durationMilliseconds.map { "\($0)" } ?? "-") \(sequence ?? 0)"
    let pairs = attributes.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "&")
    return Array("\(numbers) \(texts.joined(separator: " ")) \(pairs)".utf8)
  }
}

func fingerprints(_ events: [UsageEvent]) -> [[UInt8]] {
  events.map(\.fingerprint).sorted { $0.lexicographicallyPrecedes($1) }
}
