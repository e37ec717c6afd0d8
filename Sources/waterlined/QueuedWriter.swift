import EventStore
import FileImport
import Foundation
import GRDB
import Ingest

/// The writer thread, as commands see it: work is queued and waited for.
final class QueuedWriter: StoreWriting {
  private let queue: WriterQueue
  private let thread: StoreWriterThread

  init(queue: WriterQueue, thread: StoreWriterThread) {
    self.queue = queue
    self.thread = thread
  }

  func commit(_ batches: [ReceivedBatch]) throws -> CommitSummary {
    try onWriter { try $0.commit(batches) }
  }

  func write<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) throws -> Result {
    let thread = thread
    return try onWriter { _ in try thread.store.write(body) }
  }

  func withWriter<Result: Sendable>(
    _ body: @escaping @Sendable (EventWriter) throws -> Result
  ) throws -> Result {
    try onWriter(body)
  }

  func mergeAll(progress: @Sendable (_ rowCount: Int, _ rowsLeft: Int) -> Void) throws {
    try thread.compact(mergesAllArrivals: true, through: self, progress: progress)
  }

  /// Runs `body` on the writer thread and waits for it.
  private func onWriter<Result: Sendable>(
    _ body: @escaping @Sendable (EventWriter) throws -> Result
  ) throws -> Result {
    let done = DispatchSemaphore(value: 0)
    let outcome = Outcome<Result>()
    let thread = thread
    let isQueued = queue.post {
      outcome.result = Swift.Result { try body(thread.writer) }
      done.signal()
    }
    guard isQueued else { throw StoreError.invalid("waterlined is stopping: try again when it is back") }
    done.wait()
    guard let result = outcome.result else { throw StoreError.invalid("the writer gave no answer") }
    return try result.get()
  }

  /// Written by the writer before the semaphore, read by the waiter after it.
  private final class Outcome<Value: Sendable>: @unchecked Sendable {
    var result: Result<Value, any Error>?
  }
}
