extension ByteInput {
  /// The first bytes of the input, and an input that still has them.
  ///
  /// - Parameter limit: how many bytes at most; fewer only at the end of the input.
  /// - Throws: whatever reading throws.
  static func peek(_ input: ByteInput, limit: Int) throws -> (head: [UInt8], input: ByteInput) {
    var input = input
    var head = [UInt8](repeating: 0, count: limit)
    var count = 0
    while count < limit {
      let read = try head.withUnsafeMutableBytes { buffer in
        try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      }
      if read == 0 { break }
      count += read
    }
    head.removeLast(limit - count)
    let first = head
    var rest = input
    var taken = 0
    let whole = ByteInput { buffer in
      guard taken < first.count else { return try rest.read(into: buffer) }
      let part = min(buffer.count, first.count - taken)
      first.withUnsafeBytes { bytes in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + part]))
      }
      taken += part
      return part
    }
    return (first, whole)
  }
}
