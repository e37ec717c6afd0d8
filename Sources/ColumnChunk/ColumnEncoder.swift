import CIntegerBounds

/// Turns one column of a chunk into its stored bytes.
package enum ColumnEncoder {
  /// How long to look for the smallest encoding.
  package enum Effort: Sendable {
    /// Quickly, for a chunk that will soon be merged: frame of reference only.
    case arrival
    /// All encodings, the smallest wins.
    case merged
  }

  /// The smallest and the largest value; nil when there is none.
  package static func bounds(_ values: UnsafeBufferPointer<Int64>) -> ClosedRange<Int64>? {
    guard let first = values.baseAddress, !values.isEmpty else { return nil }
    var (low, high): (Int64, Int64) = (0, 0)
    wl_integer_bounds(first, values.count, &low, &high)
    return low...high
  }

  /// Encodes integers.
  ///
  /// - Parameter users: of the chunk's rows, where the column may be stored by user.
  /// - Returns: nil when every row is 0, which readers take a missing column to mean.
  /// - Precondition: 1 ... ``ColumnHeader/rowsMax`` rows.
  package static func encode(
    _ column: ChunkColumn, _ values: UnsafeBufferPointer<Int64>, users: RowUsers? = nil,
    effort: Effort = .merged
  ) -> [UInt8]? {
    precondition((1...ColumnHeader.rowsMax).contains(values.count), "BUG: chunk of \(values.count) rows")
    let encoded = IntegerEncoder.encode(values, users: users, effort)
    if encoded.bounds == 0...0 { return nil }
    var output: [UInt8] = []
    ColumnHeader.append(
      column: column, encoding: encoded.encoding, rowCount: values.count,
      minimum: encoded.bounds.lowerBound, maximum: encoded.bounds.upperBound, payload: encoded.payload,
      to: &output)
    return output
  }

  /// Encodes texts given as distinct strings and one code a row; code 0 is "absent".
  ///
  /// - Parameters:
  ///   - texts: distinct texts by code minus one, each at least one byte.
  ///   - codes: 0 ... texts.count.
  /// - Returns: nil when every row is absent.
  package static func encode(
    _ column: ChunkColumn, texts: TextList, codes: UnsafeBufferPointer<Int64>, effort: Effort = .merged
  ) -> [UInt8]? {
    precondition((1...ColumnHeader.rowsMax).contains(codes.count), "BUG: chunk of \(codes.count) rows")
    if texts.isEmpty { return nil }
    let lengths = texts.lengths.withUnsafeBufferPointer(IntegerEncoder.packed)
    let inner = IntegerEncoder.encode(codes, effort)
    var payload: [UInt8] = []
    payload.reserveCapacity(29 + lengths.count + texts.bytes.count + inner.payload.count)
    payload.appendLittleEndian(UInt32(texts.count))
    payload.appendLittleEndian(UInt32(lengths.count))
    payload.append(contentsOf: lengths)
    payload.appendLittleEndian(UInt32(texts.bytes.count))
    payload.append(contentsOf: texts.bytes)
    payload.append(inner.encoding.rawValue)
    payload.appendLittleEndian(inner.bounds.lowerBound)
    payload.appendLittleEndian(inner.bounds.upperBound)
    payload.append(contentsOf: inner.payload)
    var output: [UInt8] = []
    ColumnHeader.append(
      column: column, encoding: .texts, rowCount: codes.count, minimum: 0, maximum: 0, payload: payload,
      to: &output)
    return output
  }
}

/// Distinct texts of a column, side by side in the order of their codes.
package struct TextList: Sendable {
  package private(set) var bytes: [UInt8] = []
  package private(set) var lengths: [Int64] = []

  package init() {}

  package init(_ strings: [[UInt8]]) {
    for string in strings { string.withUnsafeBufferPointer { append($0) } }
  }

  package var count: Int { lengths.count }
  package var isEmpty: Bool { lengths.isEmpty }

  package mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
    bytes.append(contentsOf: text)
    lengths.append(Int64(text.count))
  }
}
