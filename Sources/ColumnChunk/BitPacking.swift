/// Unsigned integers at a fixed number of bits, least significant bit first.
///
/// Readers load eight bytes at any bit position, so every packed stretch is followed somewhere by at
/// least eight more bytes: payloads end with ``paddingByteCount`` zeros.
enum BitPacking {
  static let paddingByteCount = 8
  /// Widths above this are stored as whole 64 bits: a shifted 8-byte load holds no more than 57.
  static let widthMax = 57

  /// Bits that hold every value up to `maximum`, as stored: 0...57 or 64.
  @inline(__always)
  static func width(forMaximum maximum: UInt64) -> Int {
    let bits = 64 - maximum.leadingZeroBitCount
    return bits > widthMax ? 64 : bits
  }

  /// Bytes that `count` values of `width` bits take.
  @inline(__always)
  static func byteCount(_ count: Int, width: Int) -> Int { (count * width + 7) / 8 }

  /// Appends packed values.
  static func append(_ values: UnsafeBufferPointer<UInt64>, width: Int, to output: inout [UInt8]) {
    guard width > 0 else { return }
    if width == 64 {
      for value in values { output.appendLittleEndian(value) }
      return
    }
    var pending: UInt64 = 0
    var pendingBits = 0
    for value in values {
      pending |= value << UInt64(pendingBits)
      let free = 64 - pendingBits
      if width >= free {
        output.appendLittleEndian(pending)
        pending = free == 64 ? 0 : value >> UInt64(free)
        pendingBits = width - free
      } else {
        pendingBits += width
      }
    }
    var left = pendingBits
    while left > 0 {
      output.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      left -= 8
    }
  }

  /// Unpacks `count` values and hands each to `body`.
  ///
  /// - Precondition: ``byteCount(_:width:)`` bytes and eight more are readable at `bytes`.
  @inline(__always)
  static func forEach(
    _ bytes: UnsafeRawPointer, count: Int, width: Int, _ body: (_ index: Int, _ value: UInt64) -> Void
  ) {
    if width == 0 {
      for index in 0..<count { body(index, 0) }
      return
    }
    if width == 64 {
      for index in 0..<count {
        body(index, UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self)))
      }
      return
    }
    let mask = (UInt64(1) << UInt64(width)) &- 1
    var bit = 0
    for index in 0..<count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self))
      body(index, (word &>> UInt64(bit & 7)) & mask)
      bit &+= width
    }
  }
}
