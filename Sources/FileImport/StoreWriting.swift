import EventStore
import GRDB

/// The one writer, wherever it lives: in this process, or on the daemon's writer thread.
package protocol StoreWriting: Sendable {
  /// Stores batches durably, all or none; they may be reused when this returns.
  func commit(_ batches: [ReceivedBatch]) throws -> CommitSummary
  /// Runs `body` in one transaction.
  func write<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) throws -> Result
  /// Runs `body` with the writer itself, between two commits.
  func withWriter<Result: Sendable>(_ body: @escaping @Sendable (EventWriter) throws -> Result) throws
    -> Result
  /// Merges small chunks until none is left to merge.
  ///
  /// - Parameter progress: see `ChunkCompactor.run`.
  func mergeAll(progress: @Sendable (_ rowCount: Int, _ rowsLeft: Int) -> Void) throws
}
