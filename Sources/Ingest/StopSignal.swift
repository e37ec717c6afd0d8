import CLinux
import Glibc
import Synchronization

/// Wakes threads that wait in poll(2) or epoll(7), once and for all.
package final class StopSignal: Sendable {
  /// Readable once ``signal()`` was called.
  package let descriptor: Int32
  private let wasSignalled = Atomic(false)

  package init() { descriptor = wl_eventfd() }

  deinit { close(descriptor) }

  /// Whether ``signal()`` was called: for threads too busy to wait.
  package var isSet: Bool { wasSignalled.load(ordering: .acquiring) }

  package func signal() {
    wasSignalled.store(true, ordering: .releasing)
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }
}
