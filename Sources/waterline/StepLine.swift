import Glibc
import Ingest
import Report

/// How far a long piece of work is, as one line on a terminal's standard error; else silent.
final class StepLine {
  private static let intervalMilliseconds: Int64 = 100
  private let isShown = isatty(STDERR_FILENO) == 1
  private var lastShown: Int64 = 0

  /// Shows a share of the work; most calls print nothing.
  func show(_ title: String, done: Int64, of total: Int64) {
    let now = Clock.nowMilliseconds()
    guard isShown, total > 0, now - lastShown >= Self.intervalMilliseconds else { return }
    lastShown = now
    Output.writeRaw("\r\u{1B}[K\(title): \(HumanNumber.share(Double(done) / Double(total)))")
  }

  /// Removes the line.
  func finish() {
    if isShown && lastShown > 0 { Output.writeRaw("\r\u{1B}[K") }
    lastShown = 0
  }
}
