import UsageModel

/// A cursor over one JSON text in untrusted bytes: every read is bounded by `end`, nothing recurses.
///
/// Grammar of RFC 8259, strictly: no comments, no trailing commas, no bare words, UTF-8 only.
struct JSONScanner {
  /// What went wrong with a value; `notJSON` and `tooDeep` end the event, `notUTF8` concerns one string.
  enum Failure: Error {
    case notJSON
    case tooDeep
    case notUTF8
  }

  /// A string's content: bytes in the input, or in the scratch buffer when it held escapes.
  struct Text {
    var start: UnsafePointer<UInt8>
    var length: Int
    var isUTF8 = true
    /// Only a string with escapes can hold a NUL or other control characters.
    var hasEscapes = false
  }

  private(set) var cursor: UnsafePointer<UInt8>
  let end: UnsafePointer<UInt8>
  /// Holds unescaped strings; at least as long as the input, as unescaping never lengthens.
  private let scratch: UnsafeMutablePointer<UInt8>
  private var scratchCount = 0

  init(
    _ start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>, scratch: UnsafeMutablePointer<UInt8>
  ) {
    cursor = start
    self.end = end
    self.scratch = scratch
  }

  var isAtEnd: Bool { cursor == end }

  /// The next byte after white space, not consumed; 0 at the end (a raw NUL is never valid JSON).
  @inline(__always)
  mutating func peek() -> UInt8 {
    while cursor < end {
      let byte = cursor.pointee
      if byte > 0x20 || !(byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D) { return byte }
      cursor += 1
    }
    return 0
  }

  /// Consumes `byte` after white space, or fails.
  @inline(__always)
  mutating func expect(_ byte: UInt8) throws(Failure) {
    guard peek() == byte, cursor < end else { throw .notJSON }
    cursor += 1
  }

  /// Consumes the byte that ``peek()`` just showed.
  @inline(__always)
  mutating func advance() { cursor += 1 }

  // MARK: Strings

  /// Reads a string whose opening quote is next.
  ///
  /// Content that is not UTF-8 is flagged, not thrown, so
  /// that the rest of the event can still name its source.
  @inline(__always)
  mutating func string() throws(Failure) -> Text {
    try expect(0x22)
    let start = cursor
    // Eight bytes at a time while they are printable ASCII without quote or backslash.
    while end - cursor >= 8 {
      let word = UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self)
      let special = Self.specialBytes(word)
      if special != 0 {
        cursor += special.trailingZeroBitCount >> 3
        break
      }
      cursor += 8
    }
    while cursor < end {
      let byte = cursor.pointee
      if byte == 0x22 {
        let text = Text(start: start, length: cursor - start)
        cursor += 1
        return text
      }
      if byte == 0x5C || byte < 0x20 || byte >= 0x80 { return try stringSlow(from: start) }
      cursor += 1
    }
    throw .notJSON
  }

  /// High bit set in each byte that is a quote, a backslash, a control character or not ASCII.
  ///
  /// Exact up to and including the lowest marked byte, which is all that is used (borrows only travel
  /// upwards); source: "Bit Twiddling Hacks", S. E. Anderson, "Determine if a word has a zero byte".
  @inline(__always)
  private static func specialBytes(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let high: UInt64 = 0x8080_8080_8080_8080
    let quote = word ^ 0x2222_2222_2222_2222
    let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
    let isQuote = (quote &- ones) & ~quote
    let isBackslash = (backslash &- ones) & ~backslash
    let isControl = (word &- 0x2020_2020_2020_2020) & ~word
    return (isQuote | isBackslash | isControl | word) & high
  }

  /// The rest of a string with escapes or bytes beyond ASCII.
  @inline(never)
  private mutating func stringSlow(from start: UnsafePointer<UInt8>) throws(Failure) -> Text {
    var hasEscapes = false
    var scan = cursor
    while true {
      guard scan < end else { throw .notJSON }
      let byte = scan.pointee
      if byte == 0x22 { break }
      if byte < 0x20 { throw .notJSON }
      if byte == 0x5C {
        hasEscapes = true
        scan += 1
        guard scan < end else { throw .notJSON }
      }
      scan += 1
    }
    defer { cursor = scan + 1 }
    if !hasEscapes {
      let isUTF8 = UTF8Validation.isValid(UnsafeBufferPointer(start: start, count: scan - start))
      return Text(start: start, length: scan - start, isUTF8: isUTF8)
    }
    return try unescaped(start, scan)
  }

  private mutating func unescaped(
    _ start: UnsafePointer<UInt8>, _ stop: UnsafePointer<UInt8>
  ) throws(Failure) -> Text {
    let output = scratch + scratchCount
    var written = 0
    var isUTF8 = true
    var read = start
    while read < stop {
      let byte = read.pointee
      read += 1
      guard byte == 0x5C else {
        output[written] = byte
        written += 1
        continue
      }
      let escape = read.pointee
      read += 1
      switch escape {
      case 0x22, 0x5C, 0x2F: output[written] = escape
      case 0x62: output[written] = 0x08
      case 0x66: output[written] = 0x0C
      case 0x6E: output[written] = 0x0A
      case 0x72: output[written] = 0x0D
      case 0x74: output[written] = 0x09
      case 0x75:
        guard let scalar = try Self.escapedScalar(&read, stop) else {
          isUTF8 = false
          continue
        }
        written += Self.writeUTF8(scalar, to: output + written)
        continue
      default: throw .notJSON
      }
      written += 1
    }
    scratchCount += written
    if isUTF8 { isUTF8 = UTF8Validation.isValid(UnsafeBufferPointer(start: output, count: written)) }
    return Text(start: UnsafePointer(output), length: written, isUTF8: isUTF8, hasEscapes: true)
  }

  /// The scalar of a `\u` escape (and its low surrogate); nil for a surrogate without partner.
  private static func escapedScalar(
    _ read: inout UnsafePointer<UInt8>, _ stop: UnsafePointer<UInt8>
  ) throws(Failure) -> UInt32? {
    let first = try hexadecimal(&read, stop)
    if first < 0xD800 || first > 0xDFFF { return first }
    guard first <= 0xDBFF, stop - read >= 6, read[0] == 0x5C, read[1] == 0x75 else { return nil }
    var lookAhead = read + 2
    let second = try hexadecimal(&lookAhead, stop)
    guard (0xDC00...0xDFFF).contains(second) else { return nil }
    read = lookAhead
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
  }

  private static func hexadecimal(
    _ read: inout UnsafePointer<UInt8>, _ stop: UnsafePointer<UInt8>
  ) throws(Failure) -> UInt32 {
    guard stop - read >= 4 else { throw .notJSON }
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = read.pointee
      read += 1
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
      case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
      default: throw .notJSON
      }
    }
    return value
  }

  /// Writes a scalar as UTF-8; six input bytes make at most four output bytes.
  private static func writeUTF8(_ scalar: UInt32, to output: UnsafeMutablePointer<UInt8>) -> Int {
    switch scalar {
    case 0..<0x80:
      output[0] = UInt8(scalar)
      return 1
    case 0x80..<0x800:
      output[0] = UInt8(0xC0 | scalar >> 6)
      output[1] = UInt8(0x80 | scalar & 0x3F)
      return 2
    case 0x800..<0x10000:
      output[0] = UInt8(0xE0 | scalar >> 12)
      output[1] = UInt8(0x80 | scalar >> 6 & 0x3F)
      output[2] = UInt8(0x80 | scalar & 0x3F)
      return 3
    default:
      output[0] = UInt8(0xF0 | scalar >> 18)
      output[1] = UInt8(0x80 | scalar >> 12 & 0x3F)
      output[2] = UInt8(0x80 | scalar >> 6 & 0x3F)
      output[3] = UInt8(0x80 | scalar & 0x3F)
      return 4
    }
  }

  // MARK: Numbers and other values

  /// A number's text, and its value when it is an integer that fits 64 bits.
  struct Number {
    var start: UnsafePointer<UInt8>
    var length: Int
    var integer: Int64?
  }

  /// Reads a number whose first byte is next.
  @inline(__always)
  mutating func number() throws(Failure) -> Number {
    let start = cursor
    var isNegative = false
    if cursor < end, cursor.pointee == 0x2D {
      isNegative = true
      cursor += 1
    }
    var magnitude: UInt64 = 0
    let digits = cursor
    while cursor < end, cursor.pointee &- 0x30 <= 9 {
      magnitude = magnitude &* 10 &+ UInt64(cursor.pointee &- 0x30)
      cursor += 1
    }
    let digitCount = cursor - digits
    guard digitCount > 0, digitCount == 1 || digits.pointee != 0x30 else { throw .notJSON }
    var isInteger = digitCount <= 18
    if cursor < end, cursor.pointee == 0x2E || cursor.pointee | 0x20 == 0x65 {
      isInteger = false
      try skipFractionAndExponent()
    }
    // Wrapping: beyond 18 digits the value means nothing and is not used.
    let value = isNegative ? 0 &- Int64(truncatingIfNeeded: magnitude) : Int64(truncatingIfNeeded: magnitude)
    let integer = isInteger ? value : digitCount == 19 ? wideInteger(start) : nil
    return Number(start: start, length: cursor - start, integer: integer)
  }

  /// Nineteen digits may or may not fit 64 bits: let the standard library decide.
  @inline(never)
  private func wideInteger(_ start: UnsafePointer<UInt8>) -> Int64? {
    Int64(String(decoding: UnsafeBufferPointer(start: start, count: cursor - start), as: UTF8.self))
  }

  private mutating func skipFractionAndExponent() throws(Failure) {
    if cursor.pointee == 0x2E {
      cursor += 1
      try skipDigits()
    }
    if cursor < end, cursor.pointee | 0x20 == 0x65 {
      cursor += 1
      if cursor < end, cursor.pointee == 0x2B || cursor.pointee == 0x2D { cursor += 1 }
      try skipDigits()
    }
  }

  private mutating func skipDigits() throws(Failure) {
    let start = cursor
    while cursor < end, cursor.pointee &- 0x30 <= 9 { cursor += 1 }
    guard cursor > start else { throw .notJSON }
  }

  /// Consumes `true`, `false` or `null`.
  mutating func literal(_ text: StaticString) throws(Failure) {
    let length = text.utf8CodeUnitCount
    guard end - cursor >= length, memoryIsEqual(cursor, text.utf8Start, length) else { throw .notJSON }
    cursor += length
  }

  /// Consumes any value, however it nests, up to ``JSONLimits/depthMax``.
  @inline(never)
  mutating func skipValue() throws(Failure) {
    // One bit a level: 1 for an object, 0 for an array; no recursion, so no stack to exhaust.
    var isObject: UInt64 = 0
    var depth = 0
    var isUTF8 = true
    repeat {
      switch peek() {
      case 0x7B, 0x5B:
        guard depth < JSONLimits.depthMax else { throw .tooDeep }
        let opensObject = cursor.pointee == 0x7B
        cursor += 1
        if peek() == (opensObject ? 0x7D : 0x5D) {
          cursor += 1
        } else {
          depth += 1
          isObject = isObject << 1 | (opensObject ? 1 : 0)
          if opensObject { isUTF8 = try skipKey() && isUTF8 }
          continue
        }
      case 0x22: isUTF8 = try string().isUTF8 && isUTF8
      case 0x74: try literal("true")
      case 0x66: try literal("false")
      case 0x6E: try literal("null")
      case 0x2D, 0x30...0x39: _ = try number()
      default: throw .notJSON
      }
      // After a value: close as many levels as end here, or go on to the next member.
      while depth > 0 {
        let inObject = isObject & 1 == 1
        let next = peek()
        if next == 0x2C {
          cursor += 1
          if inObject { isUTF8 = try skipKey() && isUTF8 }
          break
        }
        guard next == (inObject ? 0x7D : 0x5D) else { throw .notJSON }
        cursor += 1
        depth -= 1
        isObject >>= 1
      }
    } while depth > 0
    guard isUTF8 else { throw .notUTF8 }
  }

  private mutating func skipKey() throws(Failure) -> Bool {
    let key = try string()
    try expect(0x3A)
    return key.isUTF8
  }
}
