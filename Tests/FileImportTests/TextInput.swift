@testable import FileImport

extension ByteInput {
  /// An input that hands out a text in small pieces, as a socket might.
  init(text: String, pieceBytes: Int = 7) { self.init(bytes: Array(text.utf8), pieceBytes: pieceBytes) }

  /// An input that hands out bytes in small pieces.
  init(bytes: [UInt8], pieceBytes: Int = 7) {
    var taken = 0
    self.init { buffer in
      let count = min(buffer.count, bytes.count - taken, pieceBytes)
      bytes.withUnsafeBytes { all in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[taken..<taken + count]))
      }
      taken += count
      return count
    }
  }
}
