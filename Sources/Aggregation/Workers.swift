import Dispatch
import Foundation
import Synchronization

/// Runs the parts of one report at the same time.
package enum Workers {
  /// More would wait for each other: all read through one connection.
  package static let countMax = 8

  /// Workers that the machine and so many parts are worth; at least 1.
  package static func count(forParts partCount: Int) -> Int {
    max(1, min(ProcessInfo.processInfo.activeProcessorCount, countMax, partCount))
  }

  /// Calls the body once for each worker, all at the same time, and returns when all have returned.
  ///
  /// The body must keep workers apart: each writes only what is its own.
  package static func run(_ count: Int, _ body: (_ worker: Int) -> Void) {
    if count <= 1 { return body(0) }
    withoutActuallyEscaping(body) { body in
      // Workers are kept apart by the body; none outlives this call.
      nonisolated(unsafe) let body = body
      DispatchQueue.concurrentPerform(iterations: count) { body($0) }
    }
  }

  /// Calls the body once for each part, by so many workers, each of which has memory of its own.
  ///
  /// - Parameters:
  ///   - isFixed: whether a part must go to the same worker in every call with as many parts.
  ///   - memory: what a worker uses again from part to part.
  /// - Throws: the first error of any worker, after all have stopped.
  package static func run<Memory>(
    _ count: Int, parts partCount: Int, isFixed: Bool, memory: (_ worker: Int) -> Memory,
    _ body: (_ worker: Int, _ part: Int, _ memory: inout Memory) throws -> Void
  ) throws {
    let next = Atomic(0)
    let failure = Mutex<(any Error)?>(nil)
    run(count) { worker in
      var own = memory(worker)
      var turn = 0
      do {
        while true {
          let part = isFixed ? turn * count + worker : next.wrappingAdd(1, ordering: .relaxed).oldValue
          turn += 1
          guard part < partCount, failure.withLock({ $0 == nil }) else { return }
          try body(worker, part, &own)
        }
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
