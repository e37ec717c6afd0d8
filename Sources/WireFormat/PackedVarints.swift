/// Decodes the packed varints of a whole column at once.
enum PackedVarints {
  /// Why a column stopped.
  enum Failure: Error {
    /// More values than the destination holds.
    case full
    case malformed(ProtobufError)
  }

  /// Decodes every varint of a range.
  ///
  /// While 80 bytes remain (eight varints of the longest form) up to eight values are read without looking for the
  /// end in between: eight at once if each byte of a word is a value, four if each pair is, else one word a value. Then
  /// words are looked at one by one, as long as there are bytes to load, which may be those of the next field.
  ///
  /// - Parameters:
  ///   - destination: room for `capacity` values.
  ///   - convert: from the varint to the column's type.
  /// - Returns: how many values there were.
  @inline(__always)
  static func decode<Value: BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, into destination: UnsafeMutablePointer<Value>,
    capacity: Int, _ convert: (UInt64) -> Value
  ) throws(Failure) -> Int {
    guard let base = bytes.baseAddress, !range.isEmpty else { return 0 }
    var cursor = range.lowerBound
    var count = 0
    while range.upperBound &- cursor >= 80 && capacity &- count >= 8 {
      let word = base.loadUnaligned(fromByteOffset: cursor, as: UInt64.self).littleEndian
      let continues = word & 0x8080_8080_8080_8080
      if continues == 0 {
        for index in 0..<8 {
          destination[count &+ index] = convert((word >> UInt64(8 &* index)) & 0x7F)
        }
        cursor &+= 8
        count &+= 8
      } else if continues == 0x0080_0080_0080_0080 {
        let pairs = (word & 0x007F_007F_007F_007F) | ((word & 0x7F00_7F00_7F00_7F00) >> 1)
        for index in 0..<4 {
          destination[count &+ index] = convert((pairs >> UInt64(16 &* index)) & 0x3FFF)
        }
        cursor &+= 8
        count &+= 4
      } else {
        for index in 0..<4 {
          destination[count &+ index] = convert(try varint(base, &cursor))
        }
        count &+= 4
      }
    }
    while cursor < range.upperBound && bytes.count &- cursor >= 8 && count < capacity {
      let word = base.loadUnaligned(fromByteOffset: cursor, as: UInt64.self).littleEndian
      let stops = ~word & 0x8080_8080_8080_8080
      if stops == 0x8080_8080_8080_8080 && range.upperBound &- cursor >= 8 && capacity &- count >= 8 {
        for index in 0..<8 {
          destination[count &+ index] = convert((word >> UInt64(8 &* index)) & 0x7F)
        }
        cursor &+= 8
        count &+= 8
        continue
      }
      let end = cursor &+ (stops.trailingZeroBitCount &+ 1) >> 3
      guard stops != 0, end <= range.upperBound else { break }
      destination[count] = convert(value(of: word, stopBit: stops.trailingZeroBitCount))
      cursor = end
      count &+= 1
    }
    let rest = cursor
    var reader = ProtobufReader(
      UnsafeRawBufferPointer(start: base + rest, count: range.upperBound - rest))
    while cursor < range.upperBound {
      guard count < capacity else { throw .full }
      destination[count] = convert(try checkedVarint(&reader, from: rest))
      count &+= 1
      cursor = rest &+ reader.offset
    }
    return count
  }

  /// One varint where ten bytes are known to be there.
  @inline(__always)
  private static func varint(_ base: UnsafeRawPointer, _ cursor: inout Int) throws(Failure) -> UInt64 {
    let word = base.loadUnaligned(fromByteOffset: cursor, as: UInt64.self).littleEndian
    let stops = ~word & 0x8080_8080_8080_8080
    guard stops != 0 else { return try longVarint(base, &cursor) }
    cursor &+= (stops.trailingZeroBitCount &+ 1) >> 3
    return value(of: word, stopBit: stops.trailingZeroBitCount)
  }

  /// The varint at the beginning of a word; `stopBit` is the highest bit of its last byte.
  @inline(__always)
  private static func value(of word: UInt64, stopBit: Int) -> UInt64 {
    // Bytes up to the stop bit, then their 7-bit groups moved together: pairs, fours, eights.
    var value = word & ((2 << UInt64(stopBit)) &- 1)
    value = (value & 0x007F_007F_007F_007F) | ((value & 0x7F00_7F00_7F00_7F00) >> 1)
    value = (value & 0x0000_3FFF_0000_3FFF) | ((value & 0x3FFF_0000_3FFF_0000) >> 2)
    return (value & 0x0FFF_FFFF) | ((value & 0x0FFF_FFFF_0000_0000) >> 4)
  }

  /// A varint of nine or ten bytes.
  @inline(never)
  private static func longVarint(_ base: UnsafeRawPointer, _ cursor: inout Int) throws(Failure) -> UInt64 {
    var reader = ProtobufReader(UnsafeRawBufferPointer(start: base + cursor, count: 10))
    let value = try checkedVarint(&reader, from: cursor)
    cursor += reader.offset
    return value
  }

  /// A varint whose errors name offsets from the message's start.
  @inline(__always)
  private static func checkedVarint(
    _ reader: inout ProtobufReader, from start: Int
  ) throws(Failure) -> UInt64 {
    do {
      return try reader.varint()
    } catch .badVarint(let offset) {
      throw .malformed(.badVarint(offset: start + offset))
    } catch .truncated(let offset) {
      throw .malformed(.truncated(offset: start + offset))
    } catch {
      throw .malformed(error)
    }
  }
}
