import CPowerLoss
import EventStore
import Foundation
import GRDB
import UsageModel
import WireFormat

/// What a check found wrong.
struct Finding: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// One database from its making on, through several power cuts.
final class StoreLife: Life {
  private let path: String
  private var random: SeededRandom
  private var store: EventStore?
  private var writer: EventWriter?
  private var model = StoreModel()
  /// What the store must hold, should what was under way at the cut have come through.
  private var candidate: StoreModel?
  private let isDiskFilling: Bool

  /// - Parameter isDiskFilling: the disk is full again and again, for a few writes each time.
  init(directory: String, seed: UInt64, isDiskFilling: Bool) {
    path = directory + "/store.db"
    random = SeededRandom(seed: seed)
    self.isDiskFilling = isDiskFilling
  }

  var sizeText: String { "\(model.eventCount) events" }

  /// Opens the store, and works until the power goes.
  func workUntilTheCut() throws {
    try open()
    while true { if isDiskFilling { try stepOnAFullDisk() } else { try step() } }
  }

  /// What finds no room must leave everything as it was, also when there is room again a moment later.
  private func stepOnAFullDisk() throws {
    let isFilled = Bool.random(using: &random)
    if isFilled {
      wl_power_fill(Int64.random(in: 0...6, using: &random), Int64.random(in: 1...2, using: &random))
    }
    defer { wl_power_fill(0, 0) }
    do {
      try step()
    } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL && isFilled {
      if wl_power_is_off() { throw error }
      candidate = nil
      guard let store, try store.read({ try StorePicture(in: $0) }) == model.picture else {
        throw Finding("what found no room changed something")
      }
      // Before anything else is written over what may have been left.
      if Bool.random(using: &random) { wl_power_cut() }
    }
  }

  /// Ends what the cut left behind, as the end of the process would.
  func letGo() {
    writer = nil
    store = nil
  }

  /// Opens the store anew and compares it with what it must hold.
  func check() throws {
    try open()
    guard let store else { throw Finding("no store") }
    let integrity = try store.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
    guard integrity == ["ok"] else { throw Finding("integrity_check: \(integrity.prefix(3))") }
    let cells = try store.read { try RollupCheck($0) }
    if let wrong = cells.wrong.first { throw Finding("daily cells: \(wrong)") }
    let picture = try store.read { try StorePicture(in: $0) }
    let arithmetic = try Self.arithmetic(picture)
    if let arithmetic { throw Finding(arithmetic) }
    if picture == model.picture {
      candidate = nil
    } else if let candidate, picture == candidate.picture {
      model = candidate
      self.candidate = nil
    } else {
      throw Finding(
        "the store is neither as before nor as after the last commit: "
          + "from before: \(picture.difference(from: model.picture)); "
          + "from after: \(candidate.map { picture.difference(from: $0.picture) } ?? "nothing was under way")"
      )
    }
    letGo()
  }

  /// What the ledger says of itself must agree with what is stored.
  private static func arithmetic(_ picture: StorePicture) throws -> String? {
    let stored = picture.ledgers.values.reduce(0) { $0 + $1.stored }
    if stored != picture.events.count {
      return "the ledger has \(stored) events stored, the chunks hold \(picture.events.count)"
    }
    for (name, ledger) in picture.ledgers where !name.isEmpty {
      let numbered = ledger.ranges.reduce(0) { $0 + $1.count }
      if numbered != ledger.stored { return "'\(name)' has \(ledger.stored) stored, ranges hold \(numbered)" }
    }
    return nil
  }

  private func open() throws {
    let store = try EventStore(writingAt: path, program: "power-loss")
    // Small, so that checkpoints are cut as often as commits.
    let pages = [1, 4, 20, 1_000].randomElement(using: &random) ?? 20
    try store.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_autocheckpoint = \(pages)") }
    self.store = store
    writer = EventWriter(store: store)
  }

  private func step() throws {
    let choice = Int.random(in: 0..<24, using: &random)
    if choice == 23 {
      wl_power_fill(0, 0)
      // An orderly end and a new start, with the checkpoint that goes with it.
      letGo()
      return try open()
    }
    guard let store, let writer else { throw Finding("no store") }
    switch choice {
    case 0...17: try commit(writer)
    case 18, 19: try merge(store)
    case 20:
      let mode = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"].randomElement(using: &random) ?? "PASSIVE"
      _ = try store.queue.writeWithoutTransaction {
        try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(\(mode))")
      }
    case 21:
      var next = model
      next.organisation = "organisation \(Int.random(in: 0..<1_000, using: &random))"
      candidate = next
      try store.write {
        try $0.execute(
          sql: "INSERT OR REPLACE INTO setting (name, value) VALUES ('organisation.name', ?)",
          arguments: [next.organisation])
      }
      model = next
      candidate = nil
    default:
      try store.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA incremental_vacuum(5)") }
    }
  }

  private func commit(_ writer: EventWriter) throws {
    var batches: [ReceivedBatch] = []
    var next = model
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let (lines, after) = next.next(using: &random)
      next = after
      batches.append(
        ReceivedBatch(
          batch: Self.batch(lines), transport: "udp", receivedMilliseconds: 1_767_400_000_000))
    }
    candidate = next
    _ = try writer.commit(batches)
    model = next
    candidate = nil
  }

  private static func batch(_ lines: String) -> EventBatch {
    let batch = EventBatch()
    var decoder = JSONEventDecoder()
    let bytes = Array(lines.utf8)
    _ = bytes.withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    return batch
  }

  private func merge(_ store: EventStore) throws {
    let isSettled = Bool.random(using: &random)
    let compactor = ChunkCompactor(reader: store) { result in
      try store.write { try ChunkMerger.apply(result, in: $0) }
    }
    try compactor.run(mergesAllArrivals: true, isSettled: { _ in isSettled })
    let keeper = RollupKeeper(reader: store) { result in
      try store.write { try RollupBuilder.apply(result, in: $0) }
    }
    try keeper.run(isSettled: { _ in isSettled })
  }
}
