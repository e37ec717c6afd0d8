import Glibc
import Ingest
import ServiceManager

/// Sends the service manager's beats while the writer makes progress, so that a daemon that is stuck is
/// restarted and one that is idle, busy or out of disk is not.
package final class Watchdog: Sendable {
  private let intervalMilliseconds: Int64
  private let progress: WriterProgress
  private let stop: StopSignal
  private let status: @Sendable () -> String

  /// - Parameters:
  ///   - intervalMilliseconds: how long the service manager waits for a beat.
  ///   - status: one line for `systemctl status`, asked at each beat.
  package init(
    intervalMilliseconds: Int64, progress: WriterProgress, stop: StopSignal,
    status: @escaping @Sendable () -> String
  ) {
    self.intervalMilliseconds = intervalMilliseconds
    self.progress = progress
    self.stop = stop
    self.status = status
  }

  /// Beats until the stop signal: at half the interval, as sd_watchdog_enabled(3) advises.
  package func run() {
    var wasStuck = false
    repeat {
      let isStuck = progress.busyMilliseconds >= intervalMilliseconds
      if !isStuck {
        ServiceNotifier.beat()
        ServiceNotifier.status(status())
      } else if !wasStuck {
        Log.error(
          """
          the writer has been at one piece of work for \(progress.busyMilliseconds / 1_000) s: without \
          progress the service manager restarts this daemon
          """, .writerStuck)
      }
      wasStuck = isStuck
    } while !waitForStop(milliseconds: max(1, intervalMilliseconds / 2))
  }

  private func waitForStop(milliseconds: Int64) -> Bool {
    var descriptors = [pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0)]
    return poll(&descriptors, 1, Int32(clamping: milliseconds)) > 0
  }
}
