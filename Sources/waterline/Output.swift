import Foundation
import Glibc

/// Standard output and standard error.
enum Output {
  /// Columns of the terminal; nil when standard output is none.
  static var terminalColumns: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    if let text = ProcessInfo.processInfo.environment["COLUMNS"], let columns = Int(text), columns > 0 {
      return columns
    }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Colour only on a terminal that can, and unless NO_COLOR is set (no-color.org).
  static var usesColor: Bool {
    let environment = ProcessInfo.processInfo.environment
    let refuses = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    return isatty(STDOUT_FILENO) == 1 && !refuses && environment["TERM"] != "dumb"
  }

  /// Writes the result; a reader that has seen enough (`| head`) is no error.
  static func write(_ text: String) { write(Array(text.utf8)) }

  /// As above, for UTF-8.
  static func write(_ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO) {
    signal(SIGPIPE, SIG_IGN)
    let reason = writeAll(bytes, to: descriptor)
    if reason != 0 && reason != EPIPE {
      writeError("waterline: the result could not be written: \(String(cString: strerror(reason)))")
      exit(1)
    }
  }

  /// Writes a line for people to standard error.
  static func writeError(_ text: String) {
    _ = writeAll(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: STDERR_FILENO)
  }

  /// Writes all bytes; returns 0 or `errno`.
  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return errno }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
      return 0
    }
  }
}
