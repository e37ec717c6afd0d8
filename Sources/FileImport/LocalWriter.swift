import Dispatch
import EventStore
import Foundation
import GRDB
import Synchronization

/// The writer in this process, for commands that run while no daemon does.
package final class LocalWriter: StoreWriting, @unchecked Sendable {
  private let store: EventStore
  private let writer: EventWriter
  private let lock = NSLock()

  package init(store: EventStore) {
    self.store = store
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
    // The import is over: nothing else needs the processor.
    let workerCount = ProcessInfo.processInfo.activeProcessorCount
    let compactor = ChunkCompactor(reader: store, workerCount: workerCount) { result in
      try self.lock.withLock { try self.store.write { try ChunkMerger.apply(result, in: $0) } }
    } setAside: {
      try self.setAside($0)
    }
    // Nothing else is arriving: every day is as settled as it will be.
    var mergedRowCount = 0
    try compactor.run(mergesAllArrivals: true, isSettled: { _ in true }) { rowCount, rowsLeft in
      mergedRowCount += rowCount
      progress(rowCount, rowsLeft)
    }
    try countDays(workerCount: max(1, min(workerCount, mergedRowCount / Self.rowsPerCounter)))
  }

  /// Rows from which another counting thread is worth its connection.
  private static let rowsPerCounter = 65_536

  /// Brings daily cells up to date: each worker takes every so many days, and has a connection of its own to read them.
  private func countDays(workerCount: Int) throws {
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: workerCount) { worker in
      do {
        let reader = try worker == 0 ? store : EventStore(readingAt: store.path)
        defer { if worker > 0 { try? reader.close() } }
        let keeper = RollupKeeper(reader: reader) { result in
          try self.lock.withLock { try self.store.write { try RollupBuilder.apply(result, in: $0) } }
        } setAside: {
          try self.setAside($0)
        }
        try keeper.run(isSettled: { Int($0) % workerCount == worker })
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private func setAside(_ damage: ChunkDamage) throws {
    let now = Int64(Date().timeIntervalSince1970 * 1_000)
    let movedCount = try lock.withLock { try writer.setAside([damage.chunk], nowMilliseconds: now) }
    guard movedCount > 0 else { throw damage }
  }
}
