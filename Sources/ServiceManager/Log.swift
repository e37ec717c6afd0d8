import Foundation
import Glibc
import ProgramConfiguration
import Synchronization

/// Messages to standard error with the levels of the system journal.
///
/// Under systemd each line begins with its level as `<6>` (sd-daemon(3)), elsewhere with its name.
package enum Log {
  private static let threshold = Atomic<Int>(LogLevel.info.rawValue)
  private static let isUnderJournal = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil
  private static let program = URL(fileURLWithPath: CommandLine.arguments.first ?? "").lastPathComponent

  /// Messages below this level are not written.
  package static func setThreshold(_ level: LogLevel) { threshold.store(level.rawValue, ordering: .relaxed) }

  package static func error(_ text: @autoclosure () -> String) { write(.error, text) }
  package static func warning(_ text: @autoclosure () -> String) { write(.warning, text) }
  package static func notice(_ text: @autoclosure () -> String) { write(.notice, text) }
  package static func info(_ text: @autoclosure () -> String) { write(.info, text) }
  package static func debug(_ text: @autoclosure () -> String) { write(.debug, text) }

  private static func write(_ level: LogLevel, _ text: () -> String) {
    guard level.rawValue <= threshold.load(ordering: .relaxed) else { return }
    let start = isUnderJournal ? "<\(level.rawValue)>" : "\(program): \(level.name): "
    // One write a line, so that lines of several threads do not mix.
    let line = Array((start + text().replacingOccurrences(of: "\n", with: " ") + "\n").utf8)
    _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
