import Foundation
import UsageModel
import WireFormat

/// A sealed batch with where it came from.
package struct SealedBatch: Sendable {
  package var batch: EventBatch
  package var transport: Transport
  /// Collector's clock when it was sealed, milliseconds since 1970 UTC.
  package var receivedMilliseconds: Int64
  /// Datagrams that the kernel dropped at this socket since the batch before.
  package var kernelDrops: Int64
  /// Batches in envelopes whose events are in here.
  package var deliveries: [(delivery: DeliveredBatch, ticket: AnswerTicket)]
  /// The events of the one delivery, where they do not fit `batch`; they come before those in it.
  package var large: LargePayload?

  package init(
    batch: EventBatch, transport: Transport, receivedMilliseconds: Int64, kernelDrops: Int64,
    deliveries: [(delivery: DeliveredBatch, ticket: AnswerTicket)] = [], large: LargePayload? = nil
  ) {
    self.large = large
    self.batch = batch
    self.transport = transport
    self.receivedMilliseconds = receivedMilliseconds
    self.kernelDrops = kernelDrops
    self.deliveries = deliveries
  }
}

/// The bounded way from receivers to the one writer.
///
/// Batches circulate: a receiver hands in a full one and gets an empty one back. When all are under way
/// the receiver waits, so memory is bounded by ``batchesMax`` and pressure reaches the sockets.
package final class WriterQueue: @unchecked Sendable {
  /// Batches in existence at once: about 5 MB each when full.
  package static let batchesMax = 16
  /// Payloads in existence at once that do not fit a batch: about 16 MiB each.
  private static let largeMax = 2

  /// What the writer takes out at a time.
  package struct Work {
    package var batches: [SealedBatch] = []
    package var jobs: [@Sendable () -> Void] = []
    package var isClosed = false
  }

  private let condition = NSCondition()
  private var pending: [SealedBatch] = []
  private var jobs: [@Sendable () -> Void] = []
  private var free: [EventBatch] = []
  private var batchCount = 0
  private var largeCount = 0
  private var isClosed = false

  package init() {}

  /// An empty batch; waits while all are under way.
  package func emptyBatch() -> EventBatch {
    condition.withLock { nextEmptyBatch() }
  }

  /// Hands in a sealed batch and returns an empty one; waits while all are under way.
  package func exchange(_ sealed: SealedBatch) -> EventBatch {
    condition.withLock {
      if sealed.large != nil {
        while largeCount >= Self.largeMax { condition.wait() }
        largeCount += 1
      }
      pending.append(sealed)
      condition.broadcast()
      return nextEmptyBatch()
    }
  }

  /// Hands in a last batch without asking for another.
  package func submit(_ sealed: SealedBatch) {
    condition.withLock {
      pending.append(sealed)
      condition.broadcast()
    }
  }

  /// Runs a job on the writer, between two commits.
  ///
  /// - Returns: false when the queue is closed and the job will never run.
  package func post(_ job: @escaping @Sendable () -> Void) -> Bool {
    condition.withLock {
      guard !isClosed else { return false }
      jobs.append(job)
      condition.broadcast()
      return true
    }
  }

  /// No more work will come; what is in the queue is still handed out.
  package func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }

  /// Writer: everything that waits; blocks until there is something, the queue is closed, or `timeout`.
  package func take(timeout: TimeInterval) -> Work {
    condition.withLock {
      let limit = Date(timeIntervalSinceNow: timeout)
      while pending.isEmpty && jobs.isEmpty && !isClosed {
        if !condition.wait(until: limit) { break }
      }
      defer {
        pending.removeAll(keepingCapacity: true)
        jobs.removeAll()
      }
      return Work(batches: pending, jobs: jobs, isClosed: isClosed)
    }
  }

  /// Writer: jobs alone, while batches cannot be stored; waits for one until `timeout`.
  package func takeJobs(timeout: TimeInterval) -> [@Sendable () -> Void] {
    condition.withLock {
      let limit = Date(timeIntervalSinceNow: timeout)
      while jobs.isEmpty && !isClosed {
        if !condition.wait(until: limit) { break }
      }
      defer { jobs.removeAll() }
      return jobs
    }
  }

  /// Writer: returns what is dealt with to the receivers.
  package func recycle(_ sealed: [SealedBatch]) {
    for sealed in sealed { sealed.batch.removeAll() }
    condition.withLock {
      free.append(contentsOf: sealed.map(\.batch))
      largeCount -= sealed.count { $0.large != nil }
      condition.broadcast()
    }
  }

  private func nextEmptyBatch() -> EventBatch {
    while free.isEmpty && batchCount >= Self.batchesMax { condition.wait() }
    if let batch = free.popLast() { return batch }
    batchCount += 1
    return EventBatch()
  }
}
