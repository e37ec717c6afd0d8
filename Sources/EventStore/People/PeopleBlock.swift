import CHash
import UsageModel

/// People's columns as bytes (`schemas/people-block.md`): little-endian, checked by a hash.
enum PeopleBlock {
  private static let magic: UInt32 = 0x3142_5057  // "WPB1"
  private static let headerBytes = 12

  static func encode(_ people: PeopleColumns) -> [UInt8] {
    var output: [UInt8] = []
    append(magic, to: &output)
    append(UInt64(0), to: &output)
    append(UInt32(people.rosterPersonCount), to: &output)
    append(people.names, to: &output)
    append(people.aliases, to: &output)
    append(people.personOfAlias, to: &output)
    append(people.personOfUser, to: &output)
    append(people.personOfRow, to: &output)
    append(people.activeFrom, to: &output)
    append(people.activeTo, to: &output)
    append(people.isService, to: &output)
    for attribute in people.attributes {
      append(attribute.values, to: &output)
      append(attribute.numberOfRow, to: &output)
    }
    let sum = output.withUnsafeBytes(checksum)
    withUnsafeBytes(of: sum.littleEndian) { bytes in
      for (index, byte) in bytes.enumerated() { output[4 + index] = byte }
    }
    return output
  }

  /// - Returns: nil unless the bytes are a sound block of this version.
  static func decode(_ bytes: UnsafeRawBufferPointer) -> PeopleColumns? {
    guard bytes.count >= headerBytes,
      UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == magic,
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt64.self)) == checksum(bytes)
    else { return nil }
    var reader = Reader(rest: UnsafeRawBufferPointer(rebasing: bytes[headerBytes...]))
    var people = PeopleColumns()
    guard let count: UInt32 = reader.number(), let names = reader.names(), let aliases = reader.names(),
      let personOfAlias: [Int32] = reader.array(), let personOfUser: [Int32] = reader.array(),
      let personOfRow: [Int32] = reader.array(), let activeFrom: [Int32] = reader.array(),
      let activeTo: [Int32] = reader.array(), let isService: [UInt8] = reader.array()
    else { return nil }
    people.rosterPersonCount = Int(count)
    people.names = names
    people.aliases = aliases
    people.personOfAlias = personOfAlias
    people.personOfUser = personOfUser
    people.personOfRow = personOfRow
    people.activeFrom = activeFrom
    people.activeTo = activeTo
    people.isService = isService
    for name in PeopleColumns.AttributeName.allCases {
      guard let values = reader.names(), let numbers: [UInt32] = reader.array() else { return nil }
      people.attributes[name.rawValue].values = values
      people.attributes[name.rawValue].numberOfRow = numbers
    }
    return reader.rest.isEmpty && people.isConsistent ? people : nil
  }

  /// XXH3 of everything behind the header.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    guard let start = bytes.baseAddress else { return 0 }
    return wl_hash64(start + headerBytes, UInt(bytes.count - headerBytes))
  }

  private static func append(_ value: some FixedWidthInteger, to output: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { output.append(contentsOf: $0) }
  }

  /// `count u32`, then the values.
  private static func append<Value: FixedWidthInteger>(_ values: [Value], to output: inout [UInt8]) {
    append(UInt32(values.count), to: &output)
    for value in values { append(value, to: &output) }
  }

  private static func append(_ names: NameList, to output: inout [UInt8]) {
    append(names.ends, to: &output)
    append(names.bytes, to: &output)
  }

  /// Bounds-checked reading.
  private struct Reader {
    private(set) var rest: UnsafeRawBufferPointer

    mutating func number<Value: FixedWidthInteger>() -> Value? {
      guard let bytes = slice(MemoryLayout<Value>.size) else { return nil }
      return Value(littleEndian: bytes.loadUnaligned(as: Value.self))
    }

    mutating func array<Value: FixedWidthInteger>() -> [Value]? {
      guard let count: UInt32 = number(), let bytes = slice(Int(count) * MemoryLayout<Value>.size) else {
        return nil
      }
      // All empty arrays share their count, which would be written here.
      if count == 0 { return [] }
      return [Value](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
        for index in 0..<Int(count) {
          let value = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Value>.size, as: Value.self)
          buffer.initializeElement(at: index, to: Value(littleEndian: value))
        }
        initialized = Int(count)
      }
    }

    mutating func names() -> NameList? {
      guard let ends: [UInt32] = array(), let bytes: [UInt8] = array() else { return nil }
      return NameList(bytes: bytes, ends: ends)
    }

    private mutating func slice(_ count: Int) -> UnsafeRawBufferPointer? {
      guard count <= rest.count else { return nil }
      defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
      return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }
  }
}
