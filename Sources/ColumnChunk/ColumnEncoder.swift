/// Turns one column of a chunk into its stored bytes.
package enum ColumnEncoder {
  /// How long to look for the smallest encoding.
  package enum Effort: Sendable {
    /// Quickly, for a chunk that will soon be merged: frame of reference only.
    case arrival
    /// All encodings, the smallest wins.
    case merged
  }

  /// Encodes integers.
  ///
  /// - Returns: nil when every row is 0, which readers take a missing column to mean.
  /// - Precondition: 1 ... ``ColumnHeader/rowsMax`` rows.
  package static func encode(
    _ column: ChunkColumn, _ values: UnsafeBufferPointer<Int64>, effort: Effort = .merged
  ) -> [UInt8]? {
    precondition((1...ColumnHeader.rowsMax).contains(values.count), "BUG: chunk of \(values.count) rows")
    var minimum = values[0]
    var maximum = values[0]
    for value in values {
      minimum = min(minimum, value)
      maximum = max(maximum, value)
    }
    if minimum == 0 && maximum == 0 { return nil }
    let (encoding, payload) = IntegerCodec.encode(values, minimum: minimum, maximum: maximum, effort)
    var output: [UInt8] = []
    ColumnHeader.append(
      column: column, encoding: encoding, rowCount: values.count, minimum: minimum, maximum: maximum,
      payload: payload, to: &output)
    return output
  }

  /// Encodes texts given as distinct strings and one code a row; code 0 is "absent".
  ///
  /// - Parameters:
  ///   - strings: distinct texts by code minus one, each at least one byte.
  ///   - codes: 0 ... strings.count.
  /// - Returns: nil when every row is absent.
  package static func encode(
    _ column: ChunkColumn, strings: [[UInt8]], codes: UnsafeBufferPointer<Int64>, effort: Effort = .merged
  ) -> [UInt8]? {
    precondition((1...ColumnHeader.rowsMax).contains(codes.count), "BUG: chunk of \(codes.count) rows")
    if strings.isEmpty { return nil }
    var payload: [UInt8] = []
    payload.appendLittleEndian(UInt32(strings.count))
    let lengths = strings.map { Int64($0.count) }.withUnsafeBufferPointer(IntegerCodec.packed)
    payload.appendLittleEndian(UInt32(lengths.count))
    payload.append(contentsOf: lengths)
    payload.appendLittleEndian(UInt32(strings.reduce(0) { $0 + $1.count }))
    for string in strings { payload.append(contentsOf: string) }
    var low = codes[0]
    var high = codes[0]
    for code in codes {
      low = min(low, code)
      high = max(high, code)
    }
    let inner = IntegerCodec.encode(codes, minimum: low, maximum: high, effort)
    payload.append(inner.encoding.rawValue)
    payload.appendLittleEndian(low)
    payload.appendLittleEndian(high)
    payload.append(contentsOf: inner.payload)
    var output: [UInt8] = []
    ColumnHeader.append(
      column: column, encoding: .texts, rowCount: codes.count, minimum: 0, maximum: 0, payload: payload,
      to: &output)
    return output
  }
}
