import Foundation
import Glibc
import Synchronization

/// Messages to standard error with the levels of the system journal.
///
/// Under systemd each line begins with its level as `<6>` (sd-daemon(3)), elsewhere with its name.
enum Log {
  /// Levels of syslog(3) that the daemon uses.
  enum Level: Int, CaseIterable {
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
    case debug = 7

    init?(name: String) {
      guard let level = Level.allCases.first(where: { $0.name == name }) else { return nil }
      self = level
    }

    var name: String {
      switch self {
      case .error: "error"
      case .warning: "warning"
      case .notice: "notice"
      case .info: "info"
      case .debug: "debug"
      }
    }
  }

  private static let threshold = Atomic<Int>(Level.info.rawValue)
  private static let isUnderJournal = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil

  /// Messages below this level are not written.
  static func setThreshold(_ level: Level) { threshold.store(level.rawValue, ordering: .relaxed) }

  static func error(_ text: @autoclosure () -> String) { write(.error, text) }
  static func warning(_ text: @autoclosure () -> String) { write(.warning, text) }
  static func notice(_ text: @autoclosure () -> String) { write(.notice, text) }
  static func info(_ text: @autoclosure () -> String) { write(.info, text) }
  static func debug(_ text: @autoclosure () -> String) { write(.debug, text) }

  private static func write(_ level: Level, _ text: () -> String) {
    guard level.rawValue <= threshold.load(ordering: .relaxed) else { return }
    let start = isUnderJournal ? "<\(level.rawValue)>" : "waterlined: \(level.name): "
    // One write a line, so that lines of several threads do not mix.
    let line = Array((start + text().replacingOccurrences(of: "\n", with: " ") + "\n").utf8)
    _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
