/// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
package enum UTF8Validation {
  /// Whether the bytes are well-formed (Unicode 15, table 3-7).
  ///
  /// - Complexity: O(count); eight ASCII bytes at a time.
  package static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let start = bytes.baseAddress else { return true }
    let count = bytes.count
    var index = 0
    while index < count {
      if index + 8 <= count,
        UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        index += 8
        continue
      }
      let length = sequenceLength(start + index, available: count - index)
      if length == 0 { return false }
      index += length
    }
    return true
  }

  /// Length of the well-formed sequence at `bytes`, or 0.
  private static func sequenceLength(_ bytes: UnsafePointer<UInt8>, available: Int) -> Int {
    let lead = bytes[0]
    switch lead {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: return available >= 2 && isTail(bytes[1]) ? 2 : 0
    case 0xE0...0xEF:
      guard available >= 3, isTail(bytes[1]), isTail(bytes[2]) else { return 0 }
      if lead == 0xE0 && bytes[1] < 0xA0 { return 0 }
      if lead == 0xED && bytes[1] > 0x9F { return 0 }
      return 3
    case 0xF0...0xF4:
      guard available >= 4, isTail(bytes[1]), isTail(bytes[2]), isTail(bytes[3]) else { return 0 }
      if lead == 0xF0 && bytes[1] < 0x90 { return 0 }
      if lead == 0xF4 && bytes[1] > 0x8F { return 0 }
      return 4
    default: return 0
    }
  }

  @inline(__always)
  private static func isTail(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
