import Foundation
import Glibc
import Report

/// Shows a result that is longer than the terminal in the reader's pager, as git and systemctl do.
///
/// `$WATERLINE_PAGER` names the pager, else `$PAGER`, else it is `less` if that is installed. Empty, or `cat`, is
/// none.
enum Pager {
  /// What `less` is told unless `$LESS` says otherwise: end at once if all fits a screen, keep colour, leave
  /// the text on the screen.
  private static let lessOptions = "FRX"

  /// Writes a result, as UTF-8, to standard output.
  ///
  /// - Parameter isWanted: false for `--no-pager`.
  static func write(_ result: [UInt8], isWanted: Bool) {
    guard isWanted, let columns = Output.terminalColumns,
      needsMoreRows(result, than: Output.terminalRows - 1, columns: columns),
      let command = command(ProcessInfo.processInfo.environment)
    else { return Output.write(result) }
    if !show(result, in: command) { Output.write(result) }
  }

  /// The shell's command that runs the pager; nil for none.
  static func command(_ environment: [String: String]) -> String? {
    guard environment["TERM"] != "dumb" else { return nil }
    if let chosen = environment["WATERLINE_PAGER"] ?? environment["PAGER"] {
      let command = chosen.trimmingCharacters(in: .whitespaces)
      return command.isEmpty || command == "cat" ? nil : command
    }
    let isInstalled = (environment["PATH"] ?? "").split(separator: ":")
      .contains { access("\($0)/less", X_OK) == 0 }
    return isInstalled ? "less" : nil
  }

  /// Whether text takes more rows of the screen than there are; lines that are too wide go on in the next row.
  private static func needsMoreRows(_ result: [UInt8], than rows: Int, columns: Int) -> Bool {
    var taken = 0
    for line in result.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
      let width = DisplayWidth.of(String(decoding: line, as: UTF8.self))
      taken += max(1, (width + columns - 1) / max(1, columns))
      if taken > rows { return true }
    }
    return false
  }

  /// Runs the pager until the reader leaves it.
  ///
  /// - Returns: false if it could not be started.
  private static func show(_ result: [UInt8], in command: String) -> Bool {
    setenv("LESS", lessOptions, 0)
    setenv("LV", "-c", 0)
    // Behind sudo a pager must not become a shell of the other account's.
    if getenv("SUDO_UID") != nil { setenv("LESSSECURE", "1", 0) }
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return false }
    // The pager must not hold the end that is written to: it would never see the end of the text.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    guard let child = try? ChildProcess(["/bin/sh", "-c", command], standardInput: ends[0]) else {
      ends.forEach { close($0) }
      return false
    }
    close(ends[0])
    Output.write(result, to: ends[1])
    close(ends[1])
    return child.wait() != ChildProcess.notFound
  }
}
