import Dispatch
import EventStore
import Foundation
import GRDB
import Synchronization

/// The writer in this process, for commands that run while no daemon does.
package final class LocalWriter: StoreWriting, @unchecked Sendable {
  /// Each counting thread has a connection, and up to 60 MB of cells, of its own.
  private static let countersMax = 8

  private let store: EventStore
  private let writer: EventWriter
  private let lock = NSLock()
  private let workerCount: Int
  private let rowsPerCounter: Int

  /// - Parameters:
  ///   - workerCount: how many threads work once an import is over: nothing else needs the processor then.
  ///   - rowsPerCounter: merged rows from which another counting thread is worth its connection.
  package init(
    store: EventStore, workerCount: Int = ProcessInfo.processInfo.activeProcessorCount,
    rowsPerCounter: Int = 65_536
  ) {
    self.store = store
    self.workerCount = workerCount
    self.rowsPerCounter = rowsPerCounter
    writer = EventWriter(store: store)
  }

  package func commit(_ batches: [ReceivedBatch]) throws -> CommitSummary {
    try lock.withLock { try writer.commit(batches) }
  }

  package func write<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) throws
    -> Result
  {
    try lock.withLock { try store.write(body) }
  }

  package func withWriter<Result: Sendable>(
    _ body: @escaping @Sendable (EventWriter) throws -> Result
  ) throws -> Result {
    try lock.withLock { try body(writer) }
  }

  package func mergeAll(progress: @Sendable (_ rowCount: Int, _ rowsLeft: Int) -> Void) throws {
    let compactor = ChunkCompactor(reader: store, workerCount: workerCount) { result in
      try self.lock.withLock { try self.writer.apply(result, nowMilliseconds: Self.now) }
    } setAside: {
      try self.setAside($0)
    }
    // Nothing else is arriving: every day is as settled as it will be.
    var mergedRowCount = 0
    try compactor.run(mergesAllArrivals: true, isSettled: { _ in true }) { rowCount, rowsLeft in
      mergedRowCount += rowCount
      progress(rowCount, rowsLeft)
    }
    let counterCount = min(workerCount, Self.countersMax, mergedRowCount / rowsPerCounter)
    if counterCount > 1 { try countTogether(counterCount) }
    // What the others came across that is damaged too: it can be mended only while nobody reads.
    let keeper = RollupKeeper(reader: store) { result in
      try self.lock.withLock { try self.writer.apply(result, nowMilliseconds: Self.now) }
    } setAside: {
      try self.setAside($0)
    }
    try keeper.run(isSettled: { _ in true })
  }

  /// Counts days on several threads, each of which takes every so many days, and leaves what is damaged.
  private func countTogether(_ counterCount: Int) throws {
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: counterCount) { counter in
      do {
        try count { Int($0.magnitude) % counterCount == counter }
      } catch is ChunkDamage {
        return
      } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
        return
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private func count(days isOwn: (Int32) -> Bool) throws {
    // Not the writing connection: the others' changes would wait until a day is counted.
    let reader = try EventStore(readingAt: store.path)
    defer { try? reader.close() }
    let keeper = RollupKeeper(reader: reader) { result in
      try self.lock.withLock { try self.store.write { try RollupBuilder.apply(result, in: $0) } }
    }
    try keeper.run(isSettled: { _ in true }, isOwn: isOwn)
  }

  private func setAside(_ damage: ChunkDamage) throws {
    let movedCount = try lock.withLock { try writer.setAside([damage.chunk], nowMilliseconds: Self.now) }
    guard movedCount > 0 else { throw damage }
  }

  private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}
