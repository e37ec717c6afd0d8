import CAllocator
import Foundation
import Glibc
import Report

/// A page that is drawn anew every few seconds on the terminal's other screen, until interrupted.
///
/// The screen of before is back afterwards, whether it ends by Ctrl-C, a signal or an error.
enum LiveView {
  private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
  private static let leave = "\u{1B}[?25h\u{1B}[?1049l"
  /// To the upper left corner; each line then clears what stood behind it, the last one what stood below.
  private static let home = "\u{1B}[H"
  private static let clearLine = "\u{1B}[K"
  private static let clearBelow = "\u{1B}[J"

  /// Draws pages until SIGINT, SIGTERM or SIGHUP.
  ///
  /// - Parameters:
  ///   - command: for the error without a terminal, such as `top`.
  ///   - alternative: what to do then.
  ///   - page: the lines of now; asked again every `seconds` and when the window changes its size.
  static func run(
    _ command: String, alternative: String, seconds: Int, page: () throws -> String
  ) throws {
    guard isatty(STDOUT_FILENO) == 1 else {
      throw UsageError("\(command) needs a terminal: \(alternative)")
    }
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGWINCH] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    Output.write(enter)
    defer { Output.write(leave) }
    while true {
      Output.write(drawn(try page()))
      wl_give_back_memory()
      var limit = timespec(tv_sec: seconds, tv_nsec: 0)
      switch sigtimedwait(&signals, nil, &limit) {
      case SIGINT, SIGTERM, SIGHUP: return
      default: continue
      }
    }
  }

  /// As many lines as the screen has.
  private static func drawn(_ page: String) -> String {
    let lines = page.split(separator: "\n", omittingEmptySubsequences: false).prefix(Output.terminalRows)
    return home + lines.map { $0 + clearLine }.joined(separator: "\r\n") + clearBelow
  }
}

extension Output {
  /// Rows of the terminal; 24 when it does not say.
  static var terminalRows: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 24 }
    return Int(size.ws_row)
  }
}
