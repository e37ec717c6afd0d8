/// What is wrong with bytes that should be a protobuf message; offsets count from the message's start.
package enum ProtobufError: Error, Equatable, CustomStringConvertible {
  /// The bytes end inside a value.
  case truncated(offset: Int)
  /// A varint of more than ten bytes or 64 bits.
  case badVarint(offset: Int)
  /// A field number of 0 or over 2^29 - 1.
  case badFieldNumber(offset: Int)
  /// A group (deprecated, never in proto3) or an undefined wire type.
  case unknownWireType(offset: Int)

  package var description: String {
    switch self {
    case .truncated(let offset): "bytes end inside the value at offset \(offset)"
    case .badVarint(let offset): "no varint at offset \(offset)"
    case .badFieldNumber(let offset): "no field number at offset \(offset)"
    case .unknownWireType(let offset): "unknown wire type at offset \(offset)"
    }
  }
}

/// How a field's value is written (protobuf encoding guide, "Message Structure").
package enum ProtobufWireType: UInt8, Sendable {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case fixed32 = 5
}

/// Walks over the fields of one protobuf message; every step is checked against the end of the bytes.
///
/// It copies nothing and allocates nothing; the bytes must outlive it.
package struct ProtobufReader {
  /// The head of a field.
  package struct Tag: Equatable, Sendable {
    package var fieldNumber: UInt32
    package var wireType: ProtobufWireType
  }

  private let bytes: UnsafeRawBufferPointer
  /// Where the next value begins.
  package private(set) var offset = 0

  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next field's tag; nil at the end of the message.
  package mutating func nextTag() throws(ProtobufError) -> Tag? {
    guard offset < bytes.count else { return nil }
    let start = offset
    let value = try varint()
    guard let wireType = ProtobufWireType(rawValue: UInt8(value & 7)) else {
      throw .unknownWireType(offset: start)
    }
    let fieldNumber = value >> 3
    guard fieldNumber >= 1, fieldNumber < 1 << 29 else { throw .badFieldNumber(offset: start) }
    return Tag(fieldNumber: UInt32(fieldNumber), wireType: wireType)
  }

  /// Steps over the next byte if it is the one given: a cheap look at whether a field repeats.
  @inline(__always)
  package mutating func skipByte(ifEqual byte: UInt8) -> Bool {
    guard offset < bytes.count, bytes[offset] == byte else { return false }
    offset &+= 1
    return true
  }

  /// A base-128 integer; longer forms than needed are allowed, as protobuf does.
  @inline(__always)
  package mutating func varint() throws(ProtobufError) -> UInt64 {
    guard offset < bytes.count else { throw .truncated(offset: offset) }
    let byte = bytes[offset]
    if byte < 0x80 {
      offset &+= 1
      return UInt64(byte)
    }
    return try longVarint()
  }

  @inline(never)
  private mutating func longVarint() throws(ProtobufError) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<10 {
      guard offset + index < bytes.count else { throw .truncated(offset: offset) }
      let byte = bytes[offset + index]
      if index == 9 && byte > 1 { break }
      value |= UInt64(byte & 0x7F) << UInt64(7 * index)
      if byte < 0x80 {
        offset += index + 1
        return value
      }
    }
    throw .badVarint(offset: offset)
  }

  /// The bytes of a length-delimited value: text, packed numbers, a nested message.
  @inline(__always)
  package mutating func lengthDelimited() throws(ProtobufError) -> Range<Int> {
    let start = offset
    let length = try varint()
    guard length <= UInt64(bytes.count - offset) else { throw .truncated(offset: start) }
    let range = offset..<offset + Int(length)
    offset = range.upperBound
    return range
  }

  /// Steps over a value of a field that is not known.
  package mutating func skip(_ wireType: ProtobufWireType) throws(ProtobufError) {
    switch wireType {
    case .varint: _ = try varint()
    case .lengthDelimited: _ = try lengthDelimited()
    case .fixed64: try skip(byteCount: 8)
    case .fixed32: try skip(byteCount: 4)
    }
  }

  private mutating func skip(byteCount: Int) throws(ProtobufError) {
    guard bytes.count - offset >= byteCount else { throw .truncated(offset: offset) }
    offset += byteCount
  }
}

/// Signed numbers as unsigned ones with small magnitudes kept small (`sint32`, `sint64`).
enum ZigZag {
  @inline(__always)
  static func decode(_ value: UInt64) -> Int64 {
    Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  @inline(__always)
  static func encode(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }
}
