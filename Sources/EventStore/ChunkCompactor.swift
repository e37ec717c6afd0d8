import GRDB
import Synchronization

/// Merges small chunks step by step until the plan has nothing left, or the program is to stop.
package struct ChunkCompactor {
  /// Remembers that the runs of now need no merging, so that whoever looks after each commit need not read the index
  /// of all chunks: that changes only with another run, or when a day is over.
  package final class RunsSeen: Sendable {
    private let newest = Mutex<Int64?>(nil)

    package init() {}

    fileprivate func contains(_ chunk: Int64) -> Bool { newest.withLock { $0 == chunk } }
    fileprivate func note(_ chunk: Int64?) { newest.withLock { $0 = chunk } }
  }

  private let reader: EventStore
  private let seen: RunsSeen?
  private let workerCount: Int
  private let memory: MergeMemory
  private let apply: (ChunkMerger.Result) throws -> Bool
  private let setAside: (ChunkDamage) throws -> Void
  private let shouldStop: @Sendable () -> Bool

  /// - Parameters:
  ///   - reader: where chunks are read from; need not be the connection that writes.
  ///   - seen: kept by who looks again and again, as long as the same days are settled.
  ///   - workerCount: how many threads sort and encode; more than one only where nothing else needs the processor.
  ///   - memory: kept by who merges again and again.
  ///   - apply: runs `ChunkMerger.apply` on the writer.
  ///   - setAside: has the writer move a damaged chunk out of the way, after which merging goes on.
  ///   - shouldStop: asked every few milliseconds; what is unmerged then stays as it is.
  package init(
    reader: EventStore, seen: RunsSeen? = nil, workerCount: Int = 1, memory: MergeMemory = MergeMemory(),
    apply: @escaping (ChunkMerger.Result) throws -> Bool,
    setAside: @escaping (ChunkDamage) throws -> Void = { throw $0 },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) {
    self.reader = reader
    self.seen = seen
    self.workerCount = workerCount
    self.memory = memory
    self.apply = apply
    self.setAside = setAside
    self.shouldStop = shouldStop
  }

  /// Runs merges until none is due.
  ///
  /// - Parameter progress: called with the rows rewritten by each step, and with how many there still are to sort
  ///   for the first time; runs of a day that are then merged into one are not foreseen.
  package func run(
    mergesAllArrivals: Bool, isSettled: (Int32) -> Bool,
    progress: (_ rowCount: Int, _ rowsLeft: Int) -> Void = { _, _ in }
  ) throws {
    while !shouldStop() {
      do {
        guard let next = try next(mergesAllArrivals: mergesAllArrivals, isSettled: isSettled) else {
          return
        }
        // Refused when a chunk went away meanwhile: the next plan knows what is there now.
        if try apply(next.result) { progress(next.result.rowCount, next.rowsLeft) }
      } catch let damage as ChunkDamage {
        try setAside(damage)
      } catch is MergeInterrupted {
        return
      }
    }
  }

  private func next(
    mergesAllArrivals: Bool, isSettled: (Int32) -> Bool
  ) throws -> (result: ChunkMerger.Result, rowsLeft: Int)? {
    let next = try reader.read { database -> (loaded: ChunkMerger.Loaded, arrivalRows: Int)? in
      let arrivals = try ChunkRow.arrivals(in: database)
      let ofArrivals = MergePlan.next(
        arrivals, mergesAllArrivals: mergesAllArrivals, isSettled: isSettled)
      guard let plan = try ofArrivals ?? nextOfRuns(isSettled, in: database) else { return nil }
      let loaded = try ChunkMerger.load(plan, memory: memory, in: database, shouldStop: shouldStop)
      return (loaded, arrivals.reduce(0) { $0 + $1.rowCount })
    }
    guard let next else { return nil }
    // No snapshot is held meanwhile: the log could not begin anew.
    let result = try next.loaded.sorted(workerCount: workerCount, shouldStop: shouldStop)
    return (result, max(0, next.arrivalRows - result.rowCount))
  }

  private func nextOfRuns(_ isSettled: (Int32) -> Bool, in database: Database) throws -> MergePlan.Step? {
    let newest = try ChunkRow.newestOfRuns(in: database)
    if seen?.contains(newest) == true { return nil }
    let chunks = try ChunkRow.all(in: database).filter { $0.day != nil }
    let plan = MergePlan.next(chunks, mergesAllArrivals: false, isSettled: isSettled)
    // Merged chunks give their numbers free: the next one may be called as one that was seen.
    seen?.note(plan == nil ? newest : nil)
    return plan
  }
}
