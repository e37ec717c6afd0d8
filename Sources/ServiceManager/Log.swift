import Foundation
import Glibc
import ProgramConfiguration
import Synchronization

/// Messages with the levels of the system journal: to the journal when standard error leads there, with
/// fields and message numbers, else as lines to standard error.
package enum Log {
  private static let threshold = Atomic<Int>(LogLevel.info.rawValue)
  private static let program = URL(fileURLWithPath: CommandLine.arguments.first ?? "").lastPathComponent
  /// Whether whoever reads standard error understands levels as `<6>` (sd-daemon(3)).
  private static let takesLevels = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil

  /// Messages below this level are not written.
  package static func setThreshold(_ level: LogLevel) { threshold.store(level.rawValue, ordering: .relaxed) }

  package static func error(_ text: @autoclosure () -> String, _ message: LogMessage? = nil) {
    write(.error, text, message)
  }

  package static func warning(_ text: @autoclosure () -> String, _ message: LogMessage? = nil) {
    write(.warning, text, message)
  }

  package static func notice(_ text: @autoclosure () -> String, _ message: LogMessage? = nil) {
    write(.notice, text, message)
  }

  package static func info(_ text: @autoclosure () -> String) { write(.info, text, nil) }
  package static func debug(_ text: @autoclosure () -> String) { write(.debug, text, nil) }

  private static func write(_ level: LogLevel, _ text: () -> String, _ message: LogMessage?) {
    guard level.rawValue <= threshold.load(ordering: .relaxed) else { return }
    let line = text().replacingOccurrences(of: "\n", with: " ")
    if Journal.isStandardError, Journal.send(fields(level, line, message)) { return }
    let start = takesLevels ? "<\(level.rawValue)>" : "\(program): \(level.name): "
    // One write a line, so that lines of several threads do not mix.
    let bytes = Array((start + line + "\n").utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  private static func fields(
    _ level: LogLevel, _ line: String, _ message: LogMessage?
  ) -> [(name: String, value: String)] {
    var fields = [
      ("MESSAGE", line), ("PRIORITY", String(level.rawValue)), ("SYSLOG_IDENTIFIER", program),
    ]
    if let message { fields.append(("MESSAGE_ID", message.rawValue)) }
    return fields
  }
}
