import Dispatch
import EventStore
import Foundation
import WireFormat

/// Commits batches while the next ones are being decoded, so that both cores work.
///
/// One commit is under way at a time; all batches that are full when it ends go into the next. One thread hands
/// batches in.
final class CommitPipeline<Store: StoreWriting>: @unchecked Sendable {
  /// Batches in existence, the one being filled included: about 5 MB each when full.
  ///
  /// A commit of several writes the pages that all of them change once.
  private static var batchesMax: Int { 6 }

  private let store: Store
  private let queue = DispatchQueue(label: "waterline.import.commit")
  /// Guards everything below.
  private let condition = NSCondition()
  private var waiting: [ReceivedBatch] = []
  private var free: [EventBatch] = []
  /// The caller made the first.
  private var batchCount = 1
  private var isCommitting = false
  private var stored = CommitSummary()
  private var failure: (any Error)?

  init(store: Store) { self.store = store }

  /// Hands in a full batch; waits while all are under way.
  ///
  /// - Returns: an empty batch, and what became of batches since the last call.
  /// - Throws: what the commit of a batch before threw.
  func exchange(_ batch: ReceivedBatch) throws -> (empty: EventBatch, stored: CommitSummary) {
    try condition.withLock {
      waiting.append(batch)
      if !isCommitting && failure == nil {
        isCommitting = true
        queue.async { self.commitAll() }
      }
      while free.isEmpty && batchCount >= Self.batchesMax && failure == nil { condition.wait() }
      if let failure { throw failure }
      if free.isEmpty {
        batchCount += 1
        free.append(EventBatch())
      }
      return (free.removeLast(), takeStored())
    }
  }

  /// Waits until everything handed in is stored; what became of batches since the last call.
  func finish() throws -> CommitSummary {
    try condition.withLock {
      while isCommitting { condition.wait() }
      if let failure { throw failure }
      return takeStored()
    }
  }

  private func takeStored() -> CommitSummary {
    defer { stored = CommitSummary() }
    return stored
  }

  /// Commits until nothing waits.
  private func commitAll() {
    while let batches = nextBatches() {
      let result = Result { try store.commit(batches) }
      for batch in batches { batch.batch.removeAll() }
      condition.withLock {
        switch result {
        case .success(let summary):
          stored += summary
          free += batches.map(\.batch)
        case .failure(let error): failure = error
        }
        condition.broadcast()
      }
    }
  }

  /// What waits; nil, and no longer at work, when there is nothing, or nothing may be stored any more.
  private func nextBatches() -> [ReceivedBatch]? {
    condition.withLock {
      guard !waiting.isEmpty, failure == nil else {
        isCommitting = false
        condition.broadcast()
        return nil
      }
      defer { waiting.removeAll() }
      return waiting
    }
  }
}
