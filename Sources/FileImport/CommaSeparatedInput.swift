import WireFormat

extension CommaSeparatedReader {
  /// How much is read from an input at a time.
  private static var readBytes: Int { 65_536 }

  /// Moves to the next record that can be read, reading on as needed; broken ones are counted.
  ///
  /// - Returns: false at the end of the input.
  mutating func advance(
    reading input: inout ByteInput, rejecting result: inout ImportResult
  ) throws -> Bool {
    while true {
      switch next() {
      case .record: return true
      case .malformed(let error): result.reject("csv", line: error.line, detail: "\(error)")
      case .end: return false
      case .needsBytes: try fill(from: &input)
      }
    }
  }

  private mutating func fill(from input: inout ByteInput) throws {
    try withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 8) { buffer in
      let count = try input.read(into: buffer)
      if count == 0 {
        finish()
      } else {
        append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    }
  }
}
