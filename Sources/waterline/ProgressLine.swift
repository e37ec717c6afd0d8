import Control
import Foundation
import Glibc
import Ingest
import Report

/// A progress bar on standard error while something long runs; silent when that is no terminal.
final class ProgressLine: @unchecked Sendable {
  private static let intervalMilliseconds: Int64 = 100

  private let isShown: Bool
  private let lock = NSLock()
  private var title = ""
  private var started: Int64 = 0
  private var lastShown: Int64 = 0

  /// - Parameter isWanted: false for `--quiet`.
  init(isWanted: Bool = true) {
    isShown = isWanted && isatty(STDERR_FILENO) == 1
  }

  /// Shows how much is done; most calls print nothing.
  ///
  /// Another title begins another piece of work.
  ///
  /// - Parameter total: nil while it is not known.
  func show(_ title: String, _ unit: ProgressText.Unit, done: Int64, of total: Int64?) {
    guard isShown else { return }
    lock.withLock {
      let now = Clock.nowMilliseconds()
      if title != self.title {
        self.title = title
        started = now
        lastShown = 0
      }
      guard now - lastShown >= Self.intervalMilliseconds else { return }
      lastShown = now
      let text = ProgressText(
        title: title, unit: unit, done: done, total: total, elapsedMilliseconds: now - started)
      Output.writeRaw("\r\u{1B}[K" + text.line(columns: Output.errorColumns - 1))
    }
  }

  /// Removes the line.
  func finish() {
    lock.withLock {
      if isShown && lastShown > 0 { Output.writeRaw("\r\u{1B}[K") }
      title = ""
      lastShown = 0
    }
  }
}

/// The progress of a request to the writer: first of bytes, then of rows.
final class RequestProgress: @unchecked Sendable {
  private let line: ProgressLine
  private let reading: String
  private let rowTitle: String
  private let unit: ProgressText.Unit
  private let byteCount: Int64?
  private let lock = NSLock()
  private var bytes: Int64 = 0
  private var rows: Int64 = 0

  /// - Parameters:
  ///   - reading: what is done with the bytes, such as `importing`.
  ///   - rowTitle: what is done with the rows.
  ///   - unit: what the rows are.
  ///   - byteCount: how many there will be, when known.
  init(
    _ line: ProgressLine, reading: String = "", rowTitle: String,
    unit: ProgressText.Unit = .things("events"), byteCount: Int? = nil
  ) {
    self.line = line
    self.reading = reading
    self.rowTitle = rowTitle
    self.unit = unit
    self.byteCount = byteCount.map(Int64.init)
  }

  /// Shows a step.
  @Sendable func take(_ step: RequestStep) {
    lock.withLock {
      bytes = max(bytes, Int64(step.bytes))
      rows += Int64(step.rows)
      if rows > 0 {
        line.show(rowTitle, unit, done: rows, of: step.rowsLeft.map { rows + Int64($0) })
      } else {
        line.show(reading, .bytes, done: bytes, of: byteCount)
      }
    }
  }
}

extension Output {
  /// Columns of the terminal at standard error; 80 when it does not say.
  static var errorColumns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes text to standard error without a line feed.
  static func writeRaw(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
