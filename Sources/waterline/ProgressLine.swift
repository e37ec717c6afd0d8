import Foundation
import Glibc
import Ingest
import Report

/// A progress bar on standard error while something long runs; silent when that is no terminal.
final class ProgressLine: @unchecked Sendable {
  private static let intervalMilliseconds: Int64 = 100
  private static let barColumns = 24

  private let title: String
  private let byteCount: Int?
  private let isShown = isatty(STDERR_FILENO) == 1
  private let started = Clock.nowMilliseconds()
  private let lock = NSLock()
  private var bytes = 0
  private var rows = 0
  private var lastShown: Int64 = 0

  /// - Parameter byteCount: how many bytes there will be, when known.
  init(title: String, byteCount: Int?) {
    self.title = title
    self.byteCount = byteCount
  }

  /// Takes the bytes read so far, or further rows merged.
  func update(bytes: Int, rows: Int) {
    lock.withLock {
      self.bytes = max(self.bytes, bytes)
      self.rows += rows
      let now = Clock.nowMilliseconds()
      guard isShown, now - lastShown >= Self.intervalMilliseconds else { return }
      lastShown = now
      Output.writeRaw("\r\u{1B}[K" + line(now))
    }
  }

  /// Removes the line.
  func finish() {
    if isShown { Output.writeRaw("\r\u{1B}[K") }
  }

  private func line(_ now: Int64) -> String {
    if rows > 0 { return "merging: \(HumanNumber.count(Int64(rows))) events sorted" }
    let seconds = max(0.001, Double(now - started) / 1_000)
    let rate = Double(bytes) / 1e6 / seconds
    let speed = "\(HumanNumber.fixed(rate, decimals: 1)) MB/s"
    guard let byteCount, byteCount > 0 else {
      return "\(title): \(HumanNumber.fixed(Double(bytes) / 1e6, decimals: 1)) MB, \(speed)"
    }
    let share = min(1, Double(bytes) / Double(byteCount))
    let filled = Int(share * Double(Self.barColumns))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.barColumns - filled)
    let remaining = share > 0 ? Int64((1 - share) / share * seconds * 1_000) : 0
    return "\(title): \(bar) \(HumanNumber.share(share)), \(speed), "
      + "\(HumanNumber.duration(milliseconds: remaining)) left"
  }
}

extension Output {
  /// Writes text to standard error without a line feed.
  static func writeRaw(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
