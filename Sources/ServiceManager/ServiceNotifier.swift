import CSystemd
import Glibc

/// Tells the service manager how the program is doing (sd_notify(3)); silent when nobody asked.
package enum ServiceNotifier {
  /// The program does its work now.
  package static func ready(_ status: String) { send("READY=1\nSTATUS=\(line(status))") }

  /// The start takes longer, and another such notice comes in `again` milliseconds.
  package static func starting(_ status: String, again: Int64) {
    send("EXTEND_TIMEOUT_USEC=\((again + startingToleranceMilliseconds) * 1_000)\nSTATUS=\(line(status))")
  }

  /// How late such a notice may be on a busy machine.
  private static let startingToleranceMilliseconds: Int64 = 30_000

  /// The configuration is being read again; ``ready(_:)`` must follow.
  package static func reloading() {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
    send("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
  }

  /// The program is on its way out.
  package static func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(line(status))") }

  /// One line that `systemctl status` shows.
  package static func status(_ text: String) { send("STATUS=\(line(text))") }

  /// The watchdog's beat: the program makes progress.
  package static func beat() { send("WATCHDOG=1") }

  /// How long the service manager waits for a beat before it restarts the program; nil if it does not.
  package static var watchdogMilliseconds: Int64? {
    var microseconds: UInt64 = 0
    guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
    return Int64(clamping: microseconds / 1_000)
  }

  private static func send(_ state: String) { _ = sd_notify(0, state) }

  /// A line feed would begin another assignment.
  private static func line(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
