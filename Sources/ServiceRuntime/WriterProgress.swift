import Glibc
import Synchronization

/// Whether the writer gets on: the watchdog's only question.
///
/// Idle is fine. So is a commit that fails and is tried again, as on a full disk: restarting makes no room,
/// and would give up what is held in memory. A commit or command that neither ends nor fails is not.
package final class WriterProgress: Sendable {
  private static let idle: Int64 = 0
  /// Monotonic milliseconds when the work under way began; 0 while there is none.
  private let workStart = Atomic<Int64>(WriterProgress.idle)

  package init() {}

  /// The writer begins a commit, another attempt or a command.
  package func begin() { workStart.store(Self.nowMilliseconds(), ordering: .relaxed) }

  /// It ended, well or not.
  package func end() { workStart.store(Self.idle, ordering: .relaxed) }

  /// How long the work under way has taken so far; 0 when idle.
  package var busyMilliseconds: Int64 {
    let start = workStart.load(ordering: .relaxed)
    return start == Self.idle ? 0 : max(0, Self.nowMilliseconds() - start)
  }

  /// A clock that nobody sets.
  private static func nowMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
  }
}
