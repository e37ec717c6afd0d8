import CSystemd
import Foundation
import Glibc

/// The system journal's own protocol: fields beside the text.
enum Journal {
  /// Whether standard error leads to the journal, and is no file or pipe that somebody redirected it to.
  ///
  /// systemd names the stream by device and inode in `$JOURNAL_STREAM` (systemd.exec(5)).
  static let isStandardError: Bool = {
    guard let text = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] else { return false }
    var status = stat()
    guard fstat(STDERR_FILENO, &status) == 0 else { return false }
    return text == "\(status.st_dev):\(status.st_ino)"
  }()

  /// Sends a message; false when the journal does not take it.
  static func send(_ fields: [(name: String, value: String)]) -> Bool {
    var bytes = fields.map { Array("\($0.name)=\($0.value)".utf8) }
    var vectors: [iovec] = []
    // One allocation that outlives the call: pointers into arrays do not.
    let total = bytes.reduce(0) { $0 + $1.count }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, total), alignment: 1)
    defer { buffer.deallocate() }
    var offset = 0
    for index in bytes.indices {
      let count = bytes[index].count
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + count])
      part.copyBytes(from: bytes[index])
      vectors.append(iovec(iov_base: part.baseAddress, iov_len: count))
      offset += count
    }
    bytes.removeAll()
    return sd_journal_sendv(vectors, Int32(vectors.count)) == 0
  }
}
