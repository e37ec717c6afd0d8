import Dispatch
import EventStore
import WireFormat

/// Commits one batch while the next is being decoded, so that both cores work.
///
/// Belongs to one thread; at most one commit is under way, and two batches exist.
final class CommitPipeline<Store: StoreWriting> {
  /// Filled by the commit, read after waiting for it.
  private final class Outcome: @unchecked Sendable {
    var result: Result<CommitSummary, any Error>?
  }

  private let store: Store
  private let queue = DispatchQueue(label: "waterline.import.commit")
  private var underWay: (batch: EventBatch, outcome: Outcome, isDone: DispatchSemaphore)?
  private var spare: EventBatch? = EventBatch()

  init(store: Store) { self.store = store }

  /// Hands in a full batch.
  ///
  /// - Returns: an empty batch, and what became of the batch before this one.
  /// - Throws: what the commit of the batch before threw.
  func exchange(_ batch: ReceivedBatch) throws -> (empty: EventBatch, before: CommitSummary) {
    let before = try finish()
    let outcome = Outcome()
    let isDone = DispatchSemaphore(value: 0)
    let store = store
    queue.async {
      outcome.result = Result { try store.commit(batch) }
      isDone.signal()
    }
    underWay = (batch.batch, outcome, isDone)
    let empty = spare ?? EventBatch()
    spare = nil
    return (empty, before)
  }

  /// Waits for the commit under way; nothing when there is none.
  func finish() throws -> CommitSummary {
    guard let (batch, outcome, isDone) = underWay else { return CommitSummary() }
    underWay = nil
    isDone.wait()
    let summary = try outcome.result?.get() ?? CommitSummary()
    batch.removeAll()
    spare = batch
    return summary
  }
}
