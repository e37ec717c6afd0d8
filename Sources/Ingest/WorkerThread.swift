import Foundation

/// A named thread that can be waited for.
package final class WorkerThread: @unchecked Sendable {
  private let finished = NSCondition()
  private var isFinished = false

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: at most 15 bytes show in `ps -L`.
  ///   - body: runs once.
  package init(name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread { [self] in
      body()
      finished.withLock {
        isFinished = true
        finished.broadcast()
      }
    }
    thread.name = name
    // Decoders keep only small frames; the default of 8 MiB a thread would be address space for nothing.
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// Whether the body has returned.
  package var isDone: Bool { finished.withLock { isFinished } }

  /// Waits until the body has returned.
  package func join() {
    finished.withLock {
      while !isFinished { finished.wait() }
    }
  }
}
