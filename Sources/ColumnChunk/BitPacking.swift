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

  /// Packs `count` values and returns where the next byte goes.
  ///
  /// - Parameter value: the value at an index; fits `width` bits.
  /// - Precondition: ``byteCount(_:width:)`` bytes and eight more are writable at `output`; the eight are
  ///   overwritten.
  @inline(__always)
  static func pack(
    count: Int, width: Int, to output: UnsafeMutableRawPointer, _ value: (_ index: Int) -> UInt64
  ) -> UnsafeMutableRawPointer {
    if width == 64 {
      for index in 0..<count {
        output.storeBytes(of: value(index).littleEndian, toByteOffset: index &* 8, as: UInt64.self)
      }
    } else if width > 0 {
      var bits = BitWriter(output)
      var index = 0
      let shift = UInt64(width)
      // Narrow values in one piece: what takes time is that each waits for the one before.
      if width * 4 <= widthMax {
        while index &+ 4 <= count {
          let low = value(index) | value(index &+ 1) &<< shift
          let high = value(index &+ 2) | value(index &+ 3) &<< shift
          bits.put(low | high &<< (2 &* shift), width: width &* 4)
          index &+= 4
        }
      } else if width * 2 <= widthMax {
        while index &+ 2 <= count {
          bits.put(value(index) | value(index &+ 1) &<< shift, width: width &* 2)
          index &+= 2
        }
      }
      while index < count {
        bits.put(value(index), width: width)
        index &+= 1
      }
    }
    return output + byteCount(count, width: width)
  }

  /// Puts bits one after the other.
  private struct BitWriter {
    private var cursor: UnsafeMutableRawPointer
    private var pending: UInt64 = 0
    private var pendingBits = 0

    init(_ output: UnsafeMutableRawPointer) { cursor = output }

    /// Without a branch: all that is pending is stored each time, and whole bytes are left behind.
    ///
    /// - Parameter width: at most ``widthMax``.
    @inline(__always)
    mutating func put(_ value: UInt64, width: Int) {
      pending |= value &<< UInt64(pendingBits)
      pendingBits &+= width
      cursor.storeBytes(of: pending.littleEndian, as: UInt64.self)
      cursor += pendingBits &>> 3
      // Not `&>>`: 64 bits may be whole bytes.
      pending = pending >> UInt64(pendingBits & ~7)
      pendingBits &= 7
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
