import CLinux
import Glibc

/// Wakes threads that wait in poll(2) or epoll(7), once and for all.
package final class StopSignal: Sendable {
  /// Readable once ``signal()`` was called.
  package let descriptor: Int32

  package init() { descriptor = wl_eventfd() }

  deinit { close(descriptor) }

  package func signal() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }
}
