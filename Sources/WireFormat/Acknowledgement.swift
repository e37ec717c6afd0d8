/// What an acknowledgement says: which batches of a spool are on disk, and how fast to go on.
package struct Acknowledgement: Equatable, Sendable {
  /// Every batch up to this number is stored; 0 for none.
  package var cumulative: UInt64
  /// Further stored batches, ascending and apart.
  package var ranges: [ClosedRange<UInt64>]
  /// Wait so long before the next batch.
  package var delayMilliseconds: UInt32
  /// Batches that may be under way at once, at least 1.
  package var window: UInt16

  /// Ranges in one acknowledgement: what lies behind comes with a later one.
  package static let rangesMax = 32

  package init(
    cumulative: UInt64, ranges: [ClosedRange<UInt64>], delayMilliseconds: UInt32, window: UInt16
  ) {
    self.cumulative = cumulative
    self.ranges = ranges
    self.delayMilliseconds = delayMilliseconds
    self.window = window
  }

  /// The payload of an `acknowledgement` envelope; ranges over ``rangesMax`` are left out.
  package var encoded: [UInt8] {
    let kept = ranges.prefix(Self.rangesMax)
    var bytes: [UInt8] = []
    bytes.append(littleEndian: cumulative)
    bytes.append(littleEndian: delayMilliseconds)
    bytes.append(littleEndian: window)
    bytes.append(littleEndian: UInt16(kept.count))
    for range in kept {
      bytes.append(littleEndian: range.lowerBound)
      bytes.append(littleEndian: range.upperBound)
    }
    return bytes
  }

  /// Reads a payload; nil unless it is exactly what ``encoded`` would write.
  package init?(_ payload: [UInt8]) {
    guard
      let value = payload.withUnsafeBytes({ bytes -> Acknowledgement? in
        guard bytes.count >= 16 else { return nil }
        let count = Int(bytes.littleEndian(at: 14, as: UInt16.self))
        guard count <= Self.rangesMax, bytes.count == 16 + 16 * count else { return nil }
        var value = Acknowledgement(
          cumulative: bytes.littleEndian(at: 0, as: UInt64.self), ranges: [],
          delayMilliseconds: bytes.littleEndian(at: 8, as: UInt32.self),
          window: bytes.littleEndian(at: 12, as: UInt16.self))
        guard value.window > 0 else { return nil }
        var last = value.cumulative
        for index in 0..<count {
          let low = bytes.littleEndian(at: 16 + 16 * index, as: UInt64.self)
          let high = bytes.littleEndian(at: 24 + 16 * index, as: UInt64.self)
          guard low > last, high >= low else { return nil }
          value.ranges.append(low...high)
          last = high
        }
        return value
      })
    else { return nil }
    self = value
  }

  /// Whether the batch is acknowledged here.
  package func contains(_ batch: UInt64) -> Bool {
    batch <= cumulative || ranges.contains { $0.contains(batch) }
  }
}

/// The payload of a `busy` envelope: try again after this time.
package struct BusyAnswer: Equatable, Sendable {
  package var delayMilliseconds: UInt32

  package init(delayMilliseconds: UInt32) { self.delayMilliseconds = delayMilliseconds }

  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: delayMilliseconds)
    return bytes
  }

  package init?(_ payload: [UInt8]) {
    guard payload.count == 4 else { return nil }
    delayMilliseconds = payload.withUnsafeBytes { $0.littleEndian(at: 0, as: UInt32.self) }
  }
}
