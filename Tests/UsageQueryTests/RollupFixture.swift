import Foundation
import GRDB
import UsageModel
import WireFormat

@testable import EventStore
@testable import UsageQuery

/// A database of its own for a test, with a writer that merges and counts when told to.
final class RollupFixture {
  let directory: String
  let store: EventStore
  let writer: EventWriter
  static let day: Int64 = 86_400_000
  static let start: Int64 = 20_500 * day

  init() throws {
    directory =
      FileManager.default.temporaryDirectory.appendingPathComponent("waterline-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    store = try EventStore(writingAt: directory + "/test.db", program: "test")
    writer = EventWriter(store: store)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func commit(_ events: [UsageEvent], isImported: Bool = false) throws {
    _ = try writer.commit([
      ReceivedBatch(
        batch: Self.batch(events), transport: isImported ? "import" : "udp", receivedMilliseconds: 5)
    ])
  }

  func merge(settledBefore day: Int32 = .max) throws {
    let store = store
    let compactor = ChunkCompactor(reader: store) { result in
      try store.write { try ChunkMerger.apply(result, in: $0) }
    }
    try compactor.run(mergesAllArrivals: true, isSettled: { $0 < day })
  }

  func count(settledBefore day: Int32 = .max, mustCover: (Int32) -> Bool = { _ in false }) throws {
    let store = store
    let keeper = RollupKeeper(reader: store) { result in
      try store.write { try RollupBuilder.apply(result, in: $0) }
    }
    try keeper.run(isSettled: { $0 < day }, mustCover: mustCover)
  }

  func rollups() throws -> [Rollup] { try store.read { try Rollup.all(.dayCells, in: $0) } }

  func integer(_ sql: String) throws -> Int64 { try store.read { try Int64.fetchOne($0, sql: sql) ?? -1 } }

  func execute(_ sql: String) throws {
    try store.queue.writeWithoutTransaction { try $0.execute(sql: sql) }
  }

  /// The report from daily cells (`always`) or from events alone (`never`).
  func report(
    _ use: StoreUsageData.RollupUse, _ body: (StoreUsageData) throws -> ReportDocument
  ) throws -> ReportDocument {
    try store.read { try body(StoreUsageData($0, rollupUse: use)) }
  }

  private static func batch(_ events: [UsageEvent]) -> EventBatch {
    let batch = EventBatch()
    func intern(_ text: String?) -> UInt32 {
      guard var text else { return 0 }
      return text.withUTF8 { bytes in bytes.baseAddress.map { batch.strings.intern($0, bytes.count) } ?? 0 }
    }
    for event in events {
      var row = EventBatch.Row()
      row.time = event.timeMilliseconds
      row.user = intern(event.user)
      row.app = intern(event.app)
      row.feature = intern(event.feature)
      row.kind = event.kind.rawValue
      row.outcome = event.outcome.rawValue
      row.durationPlusOne = event.durationMilliseconds.map { Int64($0) + 1 } ?? 0
      row.source = intern(event.source)
      row.sequence = Int64(clamping: event.sequence ?? 0)
      batch.append(row)
    }
    return batch
  }
}

/// SplitMix64: the same numbers on every machine for a seed.
struct FixtureRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
