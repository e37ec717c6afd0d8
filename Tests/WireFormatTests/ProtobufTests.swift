import Testing
import UsageModel

@testable import WireFormat

/// Bytes that the official Python protobuf library wrote (`schemas/usage-batch.md`, "Worked example").
enum GoldenBatch {
  static let events = [
    UsageEvent(
      timeMilliseconds: 1_767_225_600_000, user: "ann", app: "erp", feature: "post",
      durationMilliseconds: 1_500, source: "pc", sequence: 7, attributes: ["k": "v"]),
    UsageEvent(
      timeMilliseconds: 1_767_225_600_250, user: "bob", app: "erp", kind: .help, source: "pc", sequence: 8),
  ]
  static let frame = bytes(
    """
    57 4c 42 31 5a 00 00 00 08 02 10 80 a0 d5 ed ee 66 1a 00 1a 03 61 6e 6e 1a 03 65 72 70 1a 04 70
    6f 73 74 1a 02 70 63 1a 01 6b 1a 01 76 1a 03 62 6f 62 22 03 00 f4 03 2a 02 01 07 32 02 02 02 3a
    02 03 00 42 02 00 02 52 03 dd 0b 00 7a 02 04 04 82 01 02 0e 02 8a 01 02 01 00 92 01 01 05 9a 01
    01 06
    """)
  static let batch = Array(frame.dropFirst(UsageBatchFrame.headerBytes))
  /// The same batch with one field a value.
  static let unpacked = bytes(
    """
    08 02 10 80 a0 d5 ed ee 66 1a 00 1a 03 61 6e 6e 1a 03 65 72 70 1a 04 70 6f 73 74 1a 02 70 63 1a
    01 6b 1a 01 76 1a 03 62 6f 62 20 00 20 f4 03 28 01 28 07 30 02 30 02 38 03 38 00 40 00 40 02 50
    dd 0b 50 00 78 04 78 04 80 01 0e 80 01 02 88 01 01 88 01 00 90 01 05 98 01 06
    """)
  /// The same batch as two messages after one another: columns in two pieces, `count` and strings last.
  static let pieces = bytes(
    """
    22 01 00 2a 01 01 32 01 02 3a 01 03 42 01 00 52 02 dd 0b 7a 01 04 82 01 01 0e 8a 01 01 01 08 02
    10 80 a0 d5 ed ee 66 1a 00 1a 03 61 6e 6e 1a 03 65 72 70 1a 04 70 6f 73 74 1a 02 70 63 1a 01 6b
    1a 01 76 1a 03 62 6f 62 22 02 f4 03 2a 01 07 32 01 02 3a 01 00 42 01 02 52 01 00 7a 01 04 82 01
    01 02 8a 01 01 00 92 01 01 05 9a 01 01 06
    """)
  /// Fields of a later schema: text, fixed64, fixed32 and a negative varint.
  static let unknownFields = bytes(
    """
    a2 01 07 69 67 6e 6f 72 65 64 a2 01 03 74 6f 6f aa 01 10 01 00 00 00 00 00 00 00 ff ff ff ff ff
    ff ff ff c2 3e 04 07 00 00 00 fa ff ff ff 0f 0a ff ff ff ff ff ff ff ff ff 01
    """)

  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    hexadecimal.split { $0 == " " || $0 == "\n" }.compactMap { UInt8($0, radix: 16) }
  }
}

/// Decoding for tests: to plain events, with every range checked on the way.
enum BatchReading {
  static func events(_ batch: [UInt8]) throws -> [UsageEvent] {
    var columns = UsageBatchColumns()
    return try events(batch, &columns)
  }

  static func events(_ batch: [UInt8], _ columns: inout UsageBatchColumns) throws -> [UsageEvent] {
    try batch.withUnsafeBytes { bytes in
      try UsageBatchDecoder.decode(bytes, into: &columns)
      func text(_ index: UInt32) -> String? {
        if index == 0 { return nil }
        let range = columns.strings[Int(index)]
        let end = Int(range.offset) + Int(range.length)
        return String(decoding: bytes[Int(range.offset)..<end], as: UTF8.self)
      }
      var attribute = 0
      var events: [UsageEvent] = []
      for row in 0..<columns.count {
        var attributes: [String: String] = [:]
        for _ in 0..<columns.attributeCount[row] {
          attributes[text(columns.attributeKey[attribute]) ?? ""] =
            text(columns.attributeValue[attribute]) ?? ""
          attribute += 1
        }
        let duration = columns.durationPlusOne[row]
        events.append(
          UsageEvent(
            timeMilliseconds: columns.time[row], user: text(columns.user[row]) ?? "",
            app: text(columns.app[row]) ?? "", feature: text(columns.feature[row]),
            kind: EventKind(rawValue: columns.kind[row]) ?? .use,
            outcome: EventOutcome(rawValue: columns.outcome[row]) ?? .ok,
            durationMilliseconds: duration == 0 ? nil : UInt32(clamping: duration - 1),
            host: text(columns.host[row]), session: text(columns.session[row]),
            version: text(columns.version[row]), cause: text(columns.cause[row]),
            source: text(columns.source[row]),
            sequence: columns.sequence[row] == 0 ? nil : UInt64(bitPattern: columns.sequence[row]),
            attributes: attributes))
      }
      return events
    }
  }

  /// The batches of frames after one another.
  static func batches(_ frames: [UInt8]) throws -> [[UInt8]] {
    var rest = frames[...]
    var batches: [[UInt8]] = []
    while !rest.isEmpty {
      let inspection = rest.withUnsafeBytes { UsageBatchFrame.inspect($0) }
      guard case .batch(let range) = inspection else {
        Issue.record("no frame: \(inspection)")
        break
      }
      batches.append(Array(rest.dropFirst(range.lowerBound).prefix(range.count)))
      rest = rest.dropFirst(range.upperBound)
    }
    return batches
  }
}

/// A field by hand.
func field(_ number: UInt64, packed values: [UInt64]) -> [UInt8] {
  var payload: [UInt8] = []
  for value in values { Varint.append(value, to: &payload) }
  return field(number, bytes: payload)
}

func field(_ number: UInt64, bytes payload: [UInt8]) -> [UInt8] {
  var bytes: [UInt8] = []
  Varint.append(number << 3 | 2, to: &bytes)
  Varint.append(UInt64(payload.count), to: &bytes)
  return bytes + payload
}

func field(_ number: UInt64, value: UInt64) -> [UInt8] {
  var bytes: [UInt8] = []
  Varint.append(number << 3, to: &bytes)
  Varint.append(value, to: &bytes)
  return bytes
}

struct ProtobufReaderTests {
  func read(_ bytes: [UInt8]) throws(ProtobufError) -> UInt64 {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(ProtobufError) -> UInt64 in
        var reader = ProtobufReader(buffer)
        let value = try reader.varint()
        #expect(reader.offset == buffer.count)
        return value
      }
    }
    return try result.get()
  }

  @Test(
    arguments: [
      ([0x00], 0), ([0x01], 1), ([0x7F], 127), ([0x80, 0x01], 128), ([0x96, 0x01], 150),
      ([0xFF, 0xFF, 0xFF, 0xFF, 0x0F], 4_294_967_295), ([0x80, 0x00], 0), ([0x81, 0x80, 0x00], 1),
      ([UInt8](repeating: 0xFF, count: 9) + [0x01], .max),
    ] as [([UInt8], UInt64)])
  func varint(bytes: [UInt8], value: UInt64) throws { #expect(try read(bytes) == value) }

  @Test(
    arguments: [
      ([], .truncated(offset: 0)), ([0x80], .truncated(offset: 0)),
      ([UInt8](repeating: 0x80, count: 9), .truncated(offset: 0)),
      ([UInt8](repeating: 0xFF, count: 9) + [0x02], .badVarint(offset: 0)),
      ([UInt8](repeating: 0x80, count: 10) + [0x00], .badVarint(offset: 0)),
    ] as [([UInt8], ProtobufError)])
  func badVarint(bytes: [UInt8], error: ProtobufError) { #expect(throws: error) { try read(bytes) } }

  @Test(
    arguments: [
      ([0x00], .badFieldNumber(offset: 0)), ([0x02, 0x00], .badFieldNumber(offset: 0)),
      ([0x80, 0x80, 0x80, 0x80, 0x10], .badFieldNumber(offset: 0)), ([0x0B], .unknownWireType(offset: 0)),
      ([0x0C], .unknownWireType(offset: 0)), ([0x0E], .unknownWireType(offset: 0)),
      ([0x0F], .unknownWireType(offset: 0)),
    ] as [([UInt8], ProtobufError)])
  func badTag(bytes: [UInt8], error: ProtobufError) {
    bytes.withUnsafeBytes { buffer in
      var reader = ProtobufReader(buffer)
      #expect(throws: error) { try reader.nextTag() }
    }
  }

  @Test func skipsEveryWireType() throws {
    let bytes: [UInt8] = [0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1A, 2, 9, 9, 0x25, 1, 2, 3, 4]
    try bytes.withUnsafeBytes { buffer in
      var reader = ProtobufReader(buffer)
      var numbers: [UInt32] = []
      while let tag = try reader.nextTag() {
        numbers.append(tag.fieldNumber)
        try reader.skip(tag.wireType)
      }
      #expect(numbers == [1, 2, 3, 4])
    }
    for length in [2, 5, 11, 13, 15, 17, 20] {
      Array(bytes.prefix(length)).withUnsafeBytes { buffer in
        var reader = ProtobufReader(buffer)
        #expect(throws: ProtobufError.self) {
          while let tag = try reader.nextTag() { try reader.skip(tag.wireType) }
        }
      }
    }
  }

  @Test(
    arguments: [
      (0, 0), (-1, 1), (1, 2), (-2, 3), (.max, UInt64.max - 1), (.min, .max),
    ] as [(Int64, UInt64)])
  func zigZag(signed: Int64, unsigned: UInt64) {
    #expect(ZigZag.encode(signed) == unsigned)
    #expect(ZigZag.decode(unsigned) == signed)
  }

  /// The fast column reader agrees with the plain one, for every length of varint in every position.
  @Test func packedAgreesWithPlain() throws {
    var random = SeededRandom(seed: 1)
    for round in 0..<2_000 {
      let bits = [1...7, 8...14, 1...20, 1...64][round % 4]
      let values = (0..<Int.random(in: 0...120, using: &random)).map { _ in
        (random.next() | 1 << 63) >> UInt64(64 - Int.random(in: bits, using: &random))
      }
      var bytes: [UInt8] = []
      for value in values { Varint.append(value, to: &bytes) }
      var decoded = [UInt64](repeating: 0, count: values.count)
      let count = try decoded.withUnsafeMutableBufferPointer { buffer in
        guard let destination = buffer.baseAddress, !values.isEmpty else { return 0 }
        // Behind the column come other bytes, or none.
        return try (bytes + [UInt8](repeating: round % 5 == 0 ? 0xFF : 3, count: round % 13)).withUnsafeBytes
        {
          try PackedVarints.decode($0, 0..<bytes.count, into: destination, capacity: values.count) { $0 }
        }
      }
      #expect(count == values.count)
      #expect(decoded == values)
    }
  }

  /// A column that ends within a value, or is one too long, says so whatever comes behind it.
  @Test(arguments: [0, 1, 7, 8, 9, 40] as [Int]) func packedEndsWithItsColumn(bytesBehind: Int) throws {
    for before in [0, 1, 5, 8, 20, 100] {
      let whole = [UInt8](repeating: 5, count: before)
      let behind = [UInt8](repeating: 1, count: bytesBehind)
      var values = [UInt64](repeating: 0, count: before + 2)
      for cut in 1...9 {
        let bytes = whole + [UInt8](repeating: 0x80, count: cut)
        #expect(throws: PackedVarints.Failure.self) {
          try (bytes + behind).withUnsafeBytes {
            _ = try PackedVarints.decode($0, 0..<bytes.count, into: &values, capacity: before + 2) { $0 }
          }
        }
      }
      guard before > 0 else { continue }
      #expect(throws: PackedVarints.Failure.self) {
        try (whole + behind).withUnsafeBytes {
          _ = try PackedVarints.decode($0, 0..<before, into: &values, capacity: before - 1) { $0 }
        }
      }
    }
  }

  @Test func namesHaveTheirNumbers() {
    for kind in EventKind.allCases { #expect(WireNames.kind(WireNames.number(of: kind)) == kind.rawValue) }
    for outcome in EventOutcome.allCases {
      #expect(WireNames.outcome(WireNames.number(of: outcome)) == outcome.rawValue)
    }
    for number in [4, 5, 255, 256, .max] as [UInt64] {
      #expect(WireNames.kind(number) == UsageBatchColumns.unknownName)
      #expect(WireNames.outcome(number - 1) == UsageBatchColumns.unknownName)
    }
  }
}

struct UsageBatchDecoderTests {
  @Test func decodesGoldenBytes() throws {
    #expect(try BatchReading.batches(GoldenBatch.frame) == [GoldenBatch.batch])
    #expect(try BatchReading.events(GoldenBatch.batch) == GoldenBatch.events)
    #expect(try BatchReading.events(GoldenBatch.unpacked) == GoldenBatch.events)
    #expect(try BatchReading.events(GoldenBatch.pieces) == GoldenBatch.events)
    #expect(try BatchReading.events(GoldenBatch.batch + GoldenBatch.unknownFields) == GoldenBatch.events)
    #expect(try BatchReading.events(GoldenBatch.unknownFields + GoldenBatch.batch) == GoldenBatch.events)
  }

  @Test func encodesGoldenBytes() throws {
    #expect(try UsageBatchEncoder.encode(GoldenBatch.events) == GoldenBatch.frame)
  }

  @Test func columnsLeftOutSayNothing() throws {
    let batch = field(1, value: 2) + field(4, packed: [2, 4])
    var columns = UsageBatchColumns()
    let events = try BatchReading.events(batch, &columns)
    #expect(events.map { $0.timeMilliseconds } == [1, 3])
    #expect(events.allSatisfy { $0.user == "" && $0.kind == .use && $0.outcome == .ok })
    #expect(
      columns.rejectReason(row: 0, acceptedTimes: EventLimits.earliestTimeMilliseconds...Int64.max) == .time)
    #expect(try BatchReading.events([]) == [])
  }

  /// A batch of three events with one thing changed.
  static func batch(
    count: UInt64 = 3, strings: [String] = ["", "ann", "erp"], time: [UInt64] = [0, 2, 2],
    user: [UInt64] = [1, 1, 1], extra: [UInt8] = []
  ) -> [UInt8] {
    var bytes = field(1, value: count) + field(2, value: ZigZag.encode(1_767_225_600_000))
    for string in strings { bytes += field(3, bytes: Array(string.utf8)) }
    return bytes + field(4, packed: time) + field(5, packed: user) + field(6, packed: [2, 2, 2]) + extra
  }

  static let malformed: [(bytes: [UInt8], error: BatchDecodeError)] = [
    (Self.batch(count: 2), .columnLength(name: "time_delta_ms", expected: 2, actual: 3)),
    (Self.batch(time: [0]), .columnLength(name: "time_delta_ms", expected: 3, actual: 1)),
    (Self.batch(time: []), .columnLength(name: "time_delta_ms", expected: 3, actual: 0)),
    (Self.batch(user: [1, 1]), .columnLength(name: "user", expected: 3, actual: 2)),
    (Self.batch(user: [1, 3, 1]), .stringIndex(column: "user", row: 1, index: 3, stringCount: 3)),
    (
      Self.batch(user: [1, 1, UInt64.max]),
      .stringIndex(column: "user", row: 2, index: .max, stringCount: 3)
    ),
    (Self.batch(strings: []), .stringIndex(column: "user", row: 0, index: 1, stringCount: 1)),
    (Self.batch(strings: ["x", "ann", "erp"]), .reservedString),
    (Self.batch(count: 65_537), .tooManyEvents(count: 65_537)),
    (
      Self.batch(extra: field(10, packed: [UInt64](repeating: 1, count: 65_537))),
      .tooManyValues(column: "duration_plus_one", limit: 65_536)
    ),
    (
      Self.batch(time: [0, ZigZag.encode(.max), 2]), .overflow(column: "time_delta_ms", row: 1)
    ),
    (Self.batch(extra: field(16, packed: [.max, .max, 0])), .overflow(column: "seq_delta", row: 1)),
    (
      Self.batch(extra: field(17, packed: [0, 2, 0])),
      .columnLength(name: "attribute_key", expected: 2, actual: 0)
    ),
    (
      Self.batch(extra: field(17, packed: [0, 1, 0]) + field(18, packed: [1])),
      .columnLength(name: "attribute_value", expected: 1, actual: 0)
    ),
    (
      Self.batch(extra: field(18, packed: [1]) + field(19, packed: [1])),
      .columnLength(name: "attribute_key", expected: 0, actual: 1)
    ),
    (Self.batch(extra: [0x29] + [UInt8](repeating: 0, count: 8)), .wireType(column: "user", found: .fixed64)),
    (Self.batch(extra: [0x18, 0]), .wireType(column: "strings", found: .varint)),
    (Self.batch(extra: [0x0A, 0]), .wireType(column: "count", found: .lengthDelimited)),
    (Self.batch(extra: [0x2A, 0x05, 1]), .malformed(.truncated(offset: 37))),
    (Self.batch(extra: [0x2A, 0x01, 0x80]), .malformed(.truncated(offset: 38))),
    (Self.batch(extra: [0x2B]), .malformed(.unknownWireType(offset: 36))),
  ]

  @Test(arguments: malformed.indices)
  func refusesMalformedBatch(index: Int) {
    let (bytes, error) = Self.malformed[index]
    var columns = UsageBatchColumns()
    #expect(throws: error) { _ = try BatchReading.events(bytes, &columns) }
    #expect(columns.count == 0)
    #expect(!error.description.isEmpty)
  }

  @Test func refusesTooLargeBatch() {
    let bytes = [UInt8](repeating: 0, count: UsageBatchFrame.batchBytesMax + 1)
    #expect(throws: BatchDecodeError.tooLarge(byteCount: bytes.count)) { try BatchReading.events(bytes) }
  }

  @Test func refusesTooManyStrings() {
    var bytes: [UInt8] = []
    for _ in 0...UsageBatchColumns.stringsMax { bytes += [0x1A, 0] }
    #expect(throws: BatchDecodeError.tooManyStrings(limit: UsageBatchColumns.stringsMax)) {
      try BatchReading.events(bytes)
    }
  }

  @Test func takesAFullBatch() throws {
    let events = (0..<UsageBatchColumns.eventsMax + 1).map { index in
      UsageEvent(
        timeMilliseconds: 1_767_225_600_000 + Int64(index) * 7, user: "user-\(index % 3_000)", app: "erp",
        feature: "f\(index % 300)", durationMilliseconds: UInt32(index), source: "s",
        sequence: UInt64(index + 1))
    }
    let batches = try BatchReading.batches(try UsageBatchEncoder.encode(events))
    #expect(batches.count == 2)
    #expect(try batches.flatMap { try BatchReading.events($0) } == events)
  }

  /// Numbers that spoil one event and leave its neighbours alone.
  @Test func namesTheReasonOfABadEvent() throws {
    let extra = field(7, packed: [1, 1, 1])
    func reasons(_ batch: [UInt8]) throws -> [RejectReason?] {
      var columns = UsageBatchColumns()
      _ = try BatchReading.events(batch, &columns)
      return (0..<columns.count).map {
        columns.rejectReason(row: $0, acceptedTimes: EventLimits.earliestTimeMilliseconds...1_767_225_600_001)
      }
    }
    #expect(try reasons(Self.batch(extra: extra)) == [nil, nil, .time])
    let early = ZigZag.encode(EventLimits.earliestTimeMilliseconds - 1_767_225_600_000)
    #expect(try reasons(Self.batch(time: [early, 1, 2], extra: extra)) == [nil, .time, nil])
    #expect(try reasons(Self.batch(user: [1, 0, 1], extra: extra)) == [nil, .missingUser, .time])
    #expect(try reasons(Self.batch(time: [0, 0, 0])) == [.missingFeature, .missingFeature, .missingFeature])
    func reasons(adding bytes: [UInt8]) throws -> [RejectReason?] {
      try reasons(Self.batch(time: [0, 0, 0], extra: extra + bytes))
    }
    #expect(try reasons(adding: field(8, packed: [0, 4, .max])) == [nil, .kind, .kind])
    #expect(try reasons(adding: field(9, packed: [2, 3, 300])) == [nil, .outcome, .outcome])
    let longest = UInt64(EventLimits.durationMillisecondsMax) + 1
    #expect(
      try reasons(adding: field(10, packed: [longest, longest + 1, .max])) == [nil, .duration, .duration])
    #expect(try reasons(adding: field(15, packed: [0, 1, 0])) == [nil, .sequence, nil])
    #expect(try reasons(adding: field(16, packed: [0, 2, 1])) == [nil, .sequence, nil])
    #expect(try reasons(adding: field(16, packed: [1, 1, 4])) == [.sequence, .sequence, nil])
    let seventeen = [UInt64](repeating: 1, count: 17)
    #expect(
      try reasons(
        adding: field(17, packed: [0, 17, 0]) + field(18, packed: seventeen) + field(19, packed: seventeen))
        == [nil, .attributes, nil])
  }

  @Test func everyTruncationIsIncompleteOrRefused() throws {
    for length in 0..<GoldenBatch.frame.count {
      let inspection = GoldenBatch.frame.prefix(length).withUnsafeBytes { UsageBatchFrame.inspect($0) }
      #expect(inspection == .incomplete(needed: length < 8 ? 8 : GoldenBatch.frame.count))
    }
    // Cut between two fields, a batch is well-formed, but lacks columns; never is anything read behind it.
    for length in 0..<GoldenBatch.batch.count {
      let cut = Array(GoldenBatch.batch.prefix(length))
      let events = (try? BatchReading.events(cut)) ?? []
      #expect(events != GoldenBatch.events)
    }
  }

  @Test func everyBitFlipIsHarmless() {
    for batch in [GoldenBatch.batch, GoldenBatch.unpacked, GoldenBatch.pieces] {
      for bit in 0..<batch.count * 8 {
        var flipped = batch
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        let events = (try? BatchReading.events(flipped)) ?? []
        #expect(events.count <= UsageBatchColumns.eventsMax)
      }
    }
  }

  @Test func randomBytesAreHarmless() {
    var random = SeededRandom(seed: 2)
    var columns = UsageBatchColumns()
    for round in 0..<20_000 {
      var bytes = round.isMultiple(of: 2) ? GoldenBatch.batch : []
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        let position = Int.random(in: 0...bytes.count, using: &random)
        bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
      }
      _ = try? BatchReading.events(bytes, &columns)
    }
  }

  @Test(arguments: [1, 7, 1_000])
  func roundTripsRandomEvents(eventsPerBatch: Int) throws {
    var random = SeededRandom(seed: UInt64(eventsPerBatch))
    var columns = UsageBatchColumns()
    for _ in 0..<40 {
      let events = (0..<Int.random(in: 1...300, using: &random)).map { _ in RandomEvent.make(&random) }
      let frames = try UsageBatchEncoder.encode(events, eventsPerBatch: eventsPerBatch)
      let batches = try BatchReading.batches(frames)
      #expect(batches.count == (events.count + eventsPerBatch - 1) / eventsPerBatch)
      let decoded = try batches.flatMap { try BatchReading.events($0, &columns) }
      #expect(decoded == events)
    }
  }

  /// Two spellings of one letter stay two names.
  @Test func keepsSpellingsApart() throws {
    let events = ["\u{E9}", "e\u{301}"].map { UsageEvent(timeMilliseconds: 0, user: $0, app: "a") }
    let batch = try #require(try BatchReading.batches(UsageBatchEncoder.encode(events)).first)
    let users = try BatchReading.events(batch).map { Array($0.user.utf8) }
    #expect(users == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
  }
}

struct UsageBatchEncoderTests {
  @Test func keepsWithinItsBytes() throws {
    var random = SeededRandom(seed: 3)
    var encoder = UsageBatchEncoder(bytesMax: 8_000)
    var frames = 0
    for _ in 0..<2_000 {
      let event = RandomEvent.make(&random)
      if try encoder.append(event) { continue }
      let frame = encoder.finish()
      #expect(frame.count <= 8_000)
      #expect(frame.count > 4_000)
      frames += 1
      #expect(try encoder.append(event))
    }
    #expect(frames > 5)
  }

  @Test func refusesWhatDoesNotFit() {
    var encoder = UsageBatchEncoder(bytesMax: 1_000)
    let long = UsageEvent(timeMilliseconds: 0, user: String(repeating: "x", count: 1_000), app: "a")
    #expect(throws: BatchEncodeError.tooLarge) { try encoder.append(long) }
    let late = UsageEvent(timeMilliseconds: .max, user: "u", app: "a")
    #expect(throws: BatchEncodeError.outOfRange) { try encoder.append(late) }
    let high = UsageEvent(timeMilliseconds: 0, user: "u", app: "a", source: "s", sequence: .max)
    #expect(throws: BatchEncodeError.outOfRange) { try encoder.append(high) }
    #expect(encoder.isEmpty)
  }

  @Test func carriesExtremes() throws {
    let events = [
      UsageEvent(
        timeMilliseconds: 1 << 62, user: "", app: "", durationMilliseconds: .max, source: "s",
        sequence: UInt64(Int64.max), attributes: ["": ""]),
      UsageEvent(timeMilliseconds: -(1 << 62), user: "u", app: "a", durationMilliseconds: 0),
    ]
    let frames = try UsageBatchEncoder.encode(events, eventsPerBatch: 1)
    let batches = try BatchReading.batches(frames)
    #expect(try batches.flatMap { try BatchReading.events($0) } == events)
  }
}

struct UsageBatchFrameTests {
  @Test func tellsFramesFromOthers() {
    func inspect(_ bytes: [UInt8]) -> UsageBatchFrame.Inspection {
      bytes.withUnsafeBytes { UsageBatchFrame.inspect($0) }
    }
    #expect(inspect([]) == .incomplete(needed: 8))
    #expect(inspect(Array("{".utf8)) == .badMagic)
    #expect(inspect(Array("WLB2".utf8)) == .badMagic)
    #expect(inspect(Array("WLB1".utf8) + [0, 0, 0, 0]) == .batch(8..<8))
    #expect(inspect(Array("WLB1".utf8) + [1, 0, 0, 1]) == .tooLarge(byteCount: 16_777_217))
    #expect(inspect(Array("WLB1".utf8) + [0, 0, 0, 1]) == .incomplete(needed: 16_777_224))
    #expect(inspect(Array("WLB1".utf8) + [1, 0, 0, 0, 9, 9]) == .batch(8..<9))
  }
}

/// SplitMix64: the same numbers on every machine for a seed.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Events of all shapes, texts from a small stock so that tables repeat them.
enum RandomEvent {
  static func make(_ random: inout SeededRandom) -> UsageEvent {
    let hasSource = Bool.random(using: &random)
    var attributes: [String: String] = [:]
    if Int.random(in: 0..<4, using: &random) == 0 {
      for _ in 0..<Int.random(in: 1...16, using: &random) { attributes[text(&random)] = text(&random) }
    }
    let shift = UInt32.random(in: 0...31, using: &random)
    let duration = UInt32.random(in: 0...UInt32.max, using: &random) >> shift
    return UsageEvent(
      timeMilliseconds: Int64.random(in: 315_532_800_000...1_900_000_000_000, using: &random),
      user: text(&random), app: text(&random), feature: optionalText(&random),
      kind: EventKind.allCases.randomElement(using: &random) ?? .use,
      outcome: EventOutcome.allCases.randomElement(using: &random) ?? .ok,
      durationMilliseconds: Bool.random(using: &random) ? duration : nil,
      host: optionalText(&random), session: optionalText(&random), version: optionalText(&random),
      cause: optionalText(&random), source: hasSource ? text(&random) : nil,
      sequence: hasSource ? UInt64.random(in: 1...UInt64(Int64.max), using: &random) : nil,
      attributes: attributes)
  }

  private static func optionalText(_ random: inout SeededRandom) -> String? {
    Bool.random(using: &random) ? text(&random) : nil
  }

  private static func text(_ random: inout SeededRandom) -> String {
    let number = Int.random(in: 0..<200, using: &random)
    return number == 0 ? String(repeating: "ü", count: 128) : "text \(number)"
  }
}
