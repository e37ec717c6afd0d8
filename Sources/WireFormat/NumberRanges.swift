/// A source's numbers in a frame: ranges in ascending order, each as its lowest and highest number, 8 bytes each.
enum NumberRanges {
  static let bytesPerRange = 16

  static func append(_ ranges: [ClosedRange<UInt64>], to bytes: inout [UInt8]) {
    for range in ranges {
      bytes.append(littleEndian: range.lowerBound)
      bytes.append(littleEndian: range.upperBound)
    }
  }

  /// Reads so many ranges from a place on, which the bytes must reach.
  ///
  /// - Returns: nil unless they ascend, apart from each other, from 1 to the largest number that can be stored.
  static func decode(_ bytes: UnsafeRawBufferPointer, at start: Int, count: Int) -> [ClosedRange<UInt64>]? {
    var ranges: [ClosedRange<UInt64>] = []
    ranges.reserveCapacity(count)
    for place in stride(from: start, to: start + bytesPerRange * count, by: bytesPerRange) {
      let low = bytes.littleEndian(at: place, as: UInt64.self)
      let high = bytes.littleEndian(at: place + 8, as: UInt64.self)
      guard low > ranges.last?.upperBound ?? 0, high >= low, high <= UInt64(Int64.max) else { return nil }
      ranges.append(low...high)
    }
    return ranges
  }
}
