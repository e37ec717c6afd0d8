import UsageModel

/// Decodes protobuf batches (`schemas/usage.proto`) straight into columns, without a generic runtime.
///
/// A batch is taken whole or refused whole. Packed and unpacked columns are both read, fields may come in
/// any order and in several pieces, and fields that are not known are skipped, as protobuf asks.
package enum UsageBatchDecoder {
  /// Decodes the bytes of one batch, without its frame.
  ///
  /// - Parameter columns: what they held before is gone; when this throws, they hold no event.
  /// - Complexity: O(bytes), no allocation once `columns` has seen a batch of this size.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, into columns: inout UsageBatchColumns
  ) throws(BatchDecodeError) {
    columns.removeAll()
    guard bytes.count <= UsageBatchFrame.batchBytesMax else { throw .tooLarge(byteCount: bytes.count) }
    var pass = FieldPass(bytes)
    while let tag = try pass.nextTag() { try pass.read(tag, into: &columns) }
    try columns.complete(count: pass.count, baseTime: pass.baseTime)
  }
}

/// The first pass over a batch: every field's values, as they come.
private struct FieldPass {
  private let bytes: UnsafeRawBufferPointer
  private var reader: ProtobufReader
  private(set) var count = 0
  private(set) var baseTime: Int64 = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    reader = ProtobufReader(bytes)
  }

  mutating func nextTag() throws(BatchDecodeError) -> ProtobufReader.Tag? {
    do { return try reader.nextTag() } catch { throw .malformed(error) }
  }

  /// Reads the field after `tag`; field numbers are those of `schemas/usage.proto`.
  mutating func read(
    _ tag: ProtobufReader.Tag, into columns: inout UsageBatchColumns
  ) throws(BatchDecodeError) {
    switch tag.fieldNumber {
    case 1: try readCount(tag)
    case 2: baseTime = ZigZag.decode(try scalar(tag, "base_time_ms"))
    case 3: try readStrings(tag, into: &columns.strings)
    case 4: try read(tag, "time_delta_ms", into: &columns.time) { ZigZag.decode($0) }
    case 5: try readIndexes(tag, "user", into: &columns.user)
    case 6: try readIndexes(tag, "app", into: &columns.app)
    case 7: try readIndexes(tag, "feature", into: &columns.feature)
    case 8: try read(tag, "kind", into: &columns.kind) { WireNames.kind($0) }
    case 9: try read(tag, "outcome", into: &columns.outcome) { WireNames.outcome($0) }
    case 10: try read(tag, "duration_plus_one", into: &columns.durationPlusOne) { Int64(clamping: $0) }
    case 11: try readIndexes(tag, "host", into: &columns.host)
    case 12: try readIndexes(tag, "session", into: &columns.session)
    case 13: try readIndexes(tag, "version", into: &columns.version)
    case 14: try readIndexes(tag, "cause", into: &columns.cause)
    case 15: try readIndexes(tag, "source", into: &columns.source)
    case 16: try read(tag, "seq_delta", into: &columns.sequence) { ZigZag.decode($0) }
    case 17: try readIndexes(tag, "attribute_count", into: &columns.attributeCount)
    case 18: try readIndexes(tag, "attribute_key", into: &columns.attributeKey)
    case 19: try readIndexes(tag, "attribute_value", into: &columns.attributeValue)
    default: do { try reader.skip(tag.wireType) } catch { throw .malformed(error) }
    }
  }

  private mutating func readCount(_ tag: ProtobufReader.Tag) throws(BatchDecodeError) {
    let value = try scalar(tag, "count")
    guard value <= UInt64(UsageBatchColumns.eventsMax) else { throw .tooManyEvents(count: value) }
    count = Int(value)
  }

  /// One string and those right after it: the table is nearly always in one piece.
  private mutating func readStrings(
    _ tag: ProtobufReader.Tag, into strings: inout [UsageBatchColumns.TextRange]
  ) throws(BatchDecodeError) {
    guard tag.wireType == .lengthDelimited else { throw .wireType(column: "strings", found: tag.wireType) }
    let tagByte = UInt8(3 << 3 | ProtobufWireType.lengthDelimited.rawValue)
    repeat {
      guard strings.count < UsageBatchColumns.stringsMax else {
        throw .tooManyStrings(limit: UsageBatchColumns.stringsMax)
      }
      let range = try lengthDelimited()
      strings.append(
        UsageBatchColumns.TextRange(
          offset: UInt32(truncatingIfNeeded: range.lowerBound),
          length: UInt32(truncatingIfNeeded: range.count)))
    } while reader.skipByte(ifEqual: tagByte)
  }

  /// A number over 32 bits becomes the largest one, which no table of strings reaches.
  @inline(__always)
  private mutating func readIndexes(
    _ tag: ProtobufReader.Tag, _ name: StaticString, into column: inout UsageBatchColumns.Column<UInt32>
  ) throws(BatchDecodeError) {
    try read(tag, name, into: &column) { UInt32(clamping: $0) }
  }

  /// One piece of a column: packed, or one value of the unpacked form.
  @inline(__always)
  private mutating func read<Value: BitwiseCopyable>(
    _ tag: ProtobufReader.Tag, _ name: StaticString, into column: inout UsageBatchColumns.Column<Value>,
    _ convert: (UInt64) -> Value
  ) throws(BatchDecodeError) {
    switch tag.wireType {
    case .lengthDelimited:
      let range = try lengthDelimited()
      do throws(PackedVarints.Failure) {
        column.count += try PackedVarints.decode(
          bytes, range, into: column.values + column.count, capacity: column.capacity - column.count, convert)
      } catch {
        throw Self.failure(error, name, limit: column.capacity)
      }
    case .varint:
      guard column.count < column.capacity else {
        throw .tooManyValues(column: name.description, limit: column.capacity)
      }
      column.values[column.count] = convert(try varint())
      column.count += 1
    case .fixed32, .fixed64: throw .wireType(column: name.description, found: tag.wireType)
    }
  }

  @inline(never)
  private static func failure(
    _ failure: PackedVarints.Failure, _ name: StaticString, limit: Int
  ) -> BatchDecodeError {
    switch failure {
    case .full: .tooManyValues(column: name.description, limit: limit)
    case .malformed(let error): .malformed(error)
    }
  }

  private mutating func scalar(
    _ tag: ProtobufReader.Tag, _ name: StaticString
  ) throws(BatchDecodeError) -> UInt64 {
    guard tag.wireType == .varint else { throw .wireType(column: name.description, found: tag.wireType) }
    return try varint()
  }

  private mutating func varint() throws(BatchDecodeError) -> UInt64 {
    do { return try reader.varint() } catch { throw .malformed(error) }
  }

  private mutating func lengthDelimited() throws(BatchDecodeError) -> Range<Int> {
    do { return try reader.lengthDelimited() } catch { throw .malformed(error) }
  }
}

/// Kinds and outcomes by their numbers in `schemas/usage.proto`, where 0 is the default.
enum WireNames {
  // Raw values by number, a byte each, written out: as calls for each event they took a fiftieth of a receiver's time.
  private static let kindBytes: UInt64 = 0x02_01_00_03
  private static let outcomeBytes: UInt64 = 0x00_01_02

  @inline(__always)
  static func kind(_ number: UInt64) -> UInt8 {
    number < 4 ? UInt8(truncatingIfNeeded: kindBytes &>> (8 &* number)) : UsageBatchColumns.unknownName
  }

  @inline(__always)
  static func outcome(_ number: UInt64) -> UInt8 {
    number < 3 ? UInt8(truncatingIfNeeded: outcomeBytes &>> (8 &* number)) : UsageBatchColumns.unknownName
  }

  static func number(of kind: EventKind) -> UInt64 {
    switch kind {
    case .use: 0
    case .focus: 1
    case .help: 2
    case .interruption: 3
    }
  }

  static func number(of outcome: EventOutcome) -> UInt64 {
    switch outcome {
    case .ok: 0
    case .error: 1
    case .abandoned: 2
    }
  }
}
