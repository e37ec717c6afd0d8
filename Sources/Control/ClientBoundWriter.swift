import EventStore
import FileImport
import GRDB
import Synchronization

/// The writer, for one client's command: what had not begun when its client hung up is not done.
///
/// Whoever gave up waiting, as on a full disk, takes a command for undone. One that has begun is finished.
final class ClientBoundWriter<Store: StoreWriting>: StoreWriting {
  private let store: Store
  private let connection: ControlConnection
  private let hasBegun = Atomic(false)

  init(_ store: Store, client connection: ControlConnection) {
    self.store = store
    self.connection = connection
  }

  func commit(_ batches: [ReceivedBatch]) throws -> CommitSummary {
    try begin()
    return try store.commit(batches)
  }

  func write<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) throws -> Result {
    try store.write {
      try self.begin()
      return try body($0)
    }
  }

  func withWriter<Result: Sendable>(
    _ body: @escaping @Sendable (EventWriter) throws -> Result
  ) throws -> Result {
    try store.withWriter {
      try self.begin()
      return try body($0)
    }
  }

  func mergeAll(progress: @Sendable (_ rowCount: Int, _ rowsLeft: Int) -> Void) throws {
    try store.mergeAll(progress: progress)
  }

  /// On the writer's thread, when the command's turn has come.
  private func begin() throws {
    guard !hasBegun.load(ordering: .relaxed) else { return }
    guard !connection.isHungUp else {
      throw ControlError("whoever asked for this has gone; it was not begun")
    }
    hasBegun.store(true, ordering: .relaxed)
  }
}
