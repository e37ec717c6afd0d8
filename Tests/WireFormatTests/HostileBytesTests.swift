import Foundation
import Testing
import UsageModel

@testable import WireFormat

/// Damage of every kind: never a crash, never a neighbour lost, never an event that breaks a bound.
struct HostileBytesTests {
  static let plain = JSONEventDecoderTests.plain
  static let good = Array((JSONEventDecoderTests.open + "}").utf8)
  static let rich = Array(
    """
    {"time":"2026-01-31T08:15:00.250+01:00","user":"Zo\\u00eb \\ud83d\\ude00","app":"erp",\
    "feature":"日本 post","kind":"use","outcome":"error","duration_ms":1500,"host":"h","session":"s\\n","version":"1","cause":"c",\
    "source":"pc","seq":12345678901,"attributes":{"k":"v","é":"\\t"},"x":[1,{"y":[true,null,-1.5e3]}],"z":2}
    """.utf8)

  /// The damaged line between two good ones; the good ones must come through.
  private static func decodeBetween(_ line: [UInt8], _ batch: EventBatch) -> Bool {
    batch.removeAll()
    EventDecoding.json(good + [0x0A] + line + [0x0A] + good, into: batch)
    guard batch.count >= 2, batch.count + batch.rejects.count >= 2 else { return false }
    return batch.event(at: 0) == plain && batch.event(at: batch.count - 1) == plain
      && (0..<batch.count).allSatisfy { isWithinBounds(batch, $0) }
  }

  /// Every promise about a stored event.
  static func isWithinBounds(_ batch: EventBatch, _ row: Int) -> Bool {
    let latest = EventDecoding.receivedMilliseconds + EventLimits.futureToleranceMilliseconds
    guard (EventLimits.earliestTimeMilliseconds...latest).contains(batch.time[row]),
      EventKind(rawValue: batch.kind[row]) != nil, EventOutcome(rawValue: batch.outcome[row]) != nil,
      (0...EventLimits.durationMillisecondsMax + 1).contains(batch.durationPlusOne[row]),
      batch.sequence[row] >= 0, (batch.sequence[row] == 0) == (batch.source[row] == 0),
      batch.user[row] != 0, batch.app[row] != 0,
      batch.feature[row] != 0 || batch.kind[row] != EventKind.use.rawValue
    else { return false }
    for string in [
      batch.user[row], batch.app[row], batch.feature[row], batch.host[row], batch.session[row],
      batch.version[row], batch.cause[row], batch.source[row],
    ] where string != 0 {
      let text = batch.strings.withBytes(of: string) { Array($0) }
      guard (1...EventLimits.stringBytesMax).contains(text.count), !text.contains(0),
        String(validating: text, as: UTF8.self) != nil
      else { return false }
    }
    if batch.attributes[row] == 0 { return true }
    let text = batch.strings.withBytes(of: batch.attributes[row]) { Data($0) }
    guard let object = try? JSONSerialization.jsonObject(with: text) as? [String: String] else {
      return false
    }
    return (1...EventLimits.attributesMax).contains(object.count)
      && object.allSatisfy {
        (1...EventLimits.attributeKeyBytesMax).contains($0.key.utf8.count)
          && $0.value.utf8.count <= EventLimits.attributeValueBytesMax
      }
  }

  @Test func theUndamagedLineIsGood() {
    let batch = EventBatch()
    #expect(Self.decodeBetween(Self.rich, batch))
    #expect(batch.count == 3)
    #expect(batch.event(at: 1).attributes == ["k": "v", "é": "\t", "z": "2"])
  }

  @Test func everyTruncationIsRefusedAlone() {
    let batch = EventBatch()
    for length in 0..<Self.rich.count {
      let isSound = Self.decodeBetween(Array(Self.rich.prefix(length)), batch)
      if !isSound || batch.count != 2 || batch.rejects.count != (length == 0 ? 0 : 1) {
        Issue.record("cut to \(length) bytes")
      }
      if length > 0, batch.rejects.first?.reason != .notJSON { Issue.record("reason at \(length) bytes") }
    }
  }

  @Test func everyBitFlipConcernsItsLineOnly() {
    let batch = EventBatch()
    for bit in 0..<Self.rich.count * 8 {
      var line = Self.rich
      line[bit / 8] ^= 1 << UInt8(bit % 8)
      if !Self.decodeBetween(line, batch) { Issue.record("bit \(bit)") }
    }
  }

  /// Random damage; what is read or refused agrees with Foundation's reader on what is JSON at all.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func randomDamageConcernsItsLineOnly(seed: UInt64) {
    var random = SeededRandom(seed: 7_000 + seed)
    let batch = EventBatch()
    var isJSONCount = 0
    for round in 0..<2_500 {
      let line = Self.damaged(&random)
      if !Self.decodeBetween(line, batch) { Issue.record("seed \(seed) round \(round): \(line)") }
      batch.removeAll()
      EventDecoding.json(line, into: batch)
      guard batch.count + batch.rejects.count == 1 else { continue }
      let isJSON = (try? JSONSerialization.jsonObject(with: Data(line), options: .fragmentsAllowed)) != nil
      let isRefused = batch.rejects.first?.reason == .notJSON
      if isJSON { isJSONCount += 1 }
      if isJSON == isRefused && !Self.isKnownDifference(line, isJSON) {
        Issue.record("seed \(seed) round \(round): \(String(decoding: line, as: UTF8.self))")
      }
    }
    #expect(isJSONCount > 100)
  }

  /// Foundation strips a byte order mark, takes NUL at the end, and refuses whole what has an ill-formed text
  /// or a number that no Double holds.
  private static func isKnownDifference(_ line: [UInt8], _ isJSON: Bool) -> Bool {
    if isJSON { return line.starts(with: [0xEF, 0xBB, 0xBF]) || line.contains(0) }
    guard let text = String(validating: line, as: UTF8.self) else { return true }
    return text.replacing("\\\\", with: "").replacing("\\ud83d\\ude00", with: "").contains("\\ud")
      || text.contains(#/[0-9][eE][+]?[0-9]{3}/#)
  }

  private static func damaged(_ random: inout SeededRandom) -> [UInt8] {
    var line = rich
    let tokens = [
      "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u", "null", "true", "1e9", "-", "0", ".", " ", "\t",
      "\u{0}", "é",
      "\"x\":1,", "\\ud800", "{\"a\":", "WLB1", "1234567890", "\u{7F}", "\u{1}",
    ].map { Array($0.utf8) }
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let index = Int.random(in: 0..<line.count, using: &random)
      let length = min(Int.random(in: 1...8, using: &random), line.count - index)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: line[index] = UInt8.random(in: 0...255, using: &random)
      case 1: line.removeSubrange(index..<index + length)
      case 2: line.insert(contentsOf: tokens.randomElement(using: &random) ?? [], at: index)
      case 3: line.replaceSubrange(index..<index + length, with: tokens.randomElement(using: &random) ?? [])
      default:
        line.insert(
          contentsOf: line[index..<index + length], at: Int.random(in: 0...line.count, using: &random))
      }
      if line.isEmpty { line = rich }
    }
    return line.map { $0 == 0x0A ? 0x20 : $0 }
  }

  /// The cost of a line stays in proportion to its length, whatever stands in it.
  @Test(.timeLimit(.minutes(1)))
  func manyAttributesStayCheap() {
    let keys = (0..<6_500).map { "\"\(String($0, radix: 36))\":\"\"" }.joined(separator: ",")
    let line = JSONEventDecoderTests.open + #","attributes":{\#(keys)}}"#
    #expect(line.utf8.count <= 65_536)
    let lines = String(repeating: line + "\n", count: 10)
    let start = ContinuousClock.now
    #expect(EventDecoding.json(lines).reasons == [RejectReason](repeating: .attributes, count: 10))
    #expect(ContinuousClock.now - start < .seconds(5))
  }
}

/// Damaged protobuf batches through the whole decoder.
struct HostileBatchTests {
  private static func batch(_ events: [UsageEvent]) throws -> [UInt8] {
    try #require(try BatchReading.batches(UsageBatchEncoder.encode(events)).first)
  }

  private static func expectSound(
    _ bytes: [UInt8], _ batch: EventBatch, _ decoder: inout BatchEventDecoder, _ what: String
  ) {
    batch.removeAll()
    EventDecoding.protobuf(bytes, into: batch, using: &decoder)
    for row in 0..<batch.count where !HostileBytesTests.isWithinBounds(batch, row) {
      Issue.record("\(what): event \(row) breaks a bound")
    }
  }

  @Test func truncationsAndBitFlips() throws {
    var random = SeededRandom(seed: 41)
    let bytes = try Self.batch((0..<12).map { _ in ValidEvent.make(&random) })
    let batch = EventBatch()
    var decoder = BatchEventDecoder()
    for length in 0...bytes.count {
      Self.expectSound(Array(bytes.prefix(length)), batch, &decoder, "cut to \(length)")
    }
    for bit in 0..<min(bytes.count, 1_500) * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      Self.expectSound(flipped, batch, &decoder, "bit \(bit)")
    }
    // The decoder is none the worse for it.
    Self.expectSound(bytes, batch, &decoder, "whole")
    #expect(batch.count == 12)
  }

  @Test func randomDamage() throws {
    var random = SeededRandom(seed: 42)
    let batch = EventBatch()
    var decoder = BatchEventDecoder()
    let whole = try Self.batch((0..<6).map { _ in ValidEvent.make(&random) })
    for round in 0..<6_000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert([0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0, at: index)
        }
        if bytes.isEmpty { bytes = whole }
      }
      Self.expectSound(bytes, batch, &decoder, "round \(round)")
    }
  }

  /// Bad events between good ones of one batch, each for its own reason.
  @Test func badEventsLeaveTheirNeighbours() throws {
    let good = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "f")
    var events: [UsageEvent] = []
    for (_, spoil) in EquivalenceTests.faults {
      var bad = good
      spoil(&bad)
      events += [good, bad]
    }
    let decoded = EventDecoding.protobuf(try Self.batch(events + [good]))
    #expect(decoded.events == [UsageEvent](repeating: good, count: EquivalenceTests.faults.count + 1))
    #expect(decoded.reasons == EquivalenceTests.faults.map(\.reason))
  }

  /// Texts that are not UTF-8 spoil the events that use them, no others.
  @Test func illFormedTextsSpoilTheirEvents() {
    func field(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
      [number << 3 | 2, UInt8(payload.count)] + payload
    }
    var bytes: [UInt8] = [0x08, 3, 0x10]
    Varint.append(ZigZag.encode(1_767_225_600_000), to: &bytes)
    for text in [[], Array("u".utf8), [0xFF], Array("a".utf8), []] as [[UInt8]] { bytes += field(3, text) }
    bytes += field(4, [0, 0, 0]) + field(5, [1, 2, 1]) + field(6, [3, 3, 4]) + field(7, [3, 3, 3])
    let good = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "a")
    #expect(EventDecoding.protobuf(bytes) == DecodedEvents(events: [good], reasons: [.notUTF8, .empty]))
  }

  /// A refused event is kept as a line that is refused for the same reason when it is read again.
  @Test func refusedEventsCanBeReadAgain() throws {
    let good = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "f")
    for (reason, spoil) in EquivalenceTests.faults where reason != .tooLong {
      var bad = good
      spoil(&bad)
      let batch = EventBatch()
      var decoder = BatchEventDecoder()
      EventDecoding.protobuf(try Self.batch([bad]), into: batch, using: &decoder)
      let line = try #require(batch.rejects.first?.bytes)
      #expect(
        EventDecoding.json(line) == DecodedEvents(reasons: [reason]),
        "\(String(decoding: line, as: UTF8.self))")
    }
    // Names that this version does not know stay unknown.
    for (number, reason) in [(8, RejectReason.kind), (9, .outcome)] as [(UInt8, RejectReason)] {
      let bytes = try Self.batch([good]) + [number << 3 | 2, 1, 9]
      let batch = EventBatch()
      var decoder = BatchEventDecoder()
      EventDecoding.protobuf(bytes, into: batch, using: &decoder)
      #expect(batch.rejects.map(\.reason) == [reason])
      #expect(EventDecoding.json(batch.rejects[0].bytes ?? []) == DecodedEvents(reasons: [reason]))
    }
  }

  /// One long text that all fields of all events use must not be copied for each.
  @Test(.timeLimit(.minutes(1)))
  func longTextsStayCheap() {
    func append(_ number: UInt64, _ payload: [UInt8], to bytes: inout [UInt8]) {
      Varint.append(number << 3 | 2, to: &bytes)
      Varint.append(UInt64(payload.count), to: &bytes)
      bytes += payload
    }
    var bytes: [UInt8] = [0x08]
    Varint.append(20_000, to: &bytes)
    append(3, [], to: &bytes)
    append(3, [UInt8](repeating: 0x78, count: 4 << 20), to: &bytes)
    append(4, [UInt8](repeating: 0, count: 20_000), to: &bytes)
    let ones = [UInt8](repeating: 1, count: 20_000)
    for number in [5, 6, 7, 11, 12, 13, 14] as [UInt64] { append(number, ones, to: &bytes) }
    let batch = EventBatch()
    var decoder = BatchEventDecoder()
    let start = ContinuousClock.now
    EventDecoding.protobuf(bytes, into: batch, using: &decoder)
    #expect(batch.rejects.count == 20_000)
    #expect(batch.rejects.allSatisfy { ($0.bytes?.count ?? 0) <= 4_096 })
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  /// Attributes that refer to the same long values in every event fill one batch after another, no more.
  @Test func attributesStayWithinABatch() throws {
    let values = (0..<40).map { String(repeating: "\u{1}", count: 1_000) + String($0) }
    let events = (0..<185).map { index in
      var event = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "f")
      for key in 0..<16 { event.attributes["k\(key)"] = values[(index + key * (index / 40 + 1)) % 40] }
      return event
    }
    var decoder = BatchEventDecoder()
    decoder.setReceipt(milliseconds: EventDecoding.receivedMilliseconds)
    var counts: [Int] = []
    let bytes = try Self.batch(events)
    let last = bytes.withUnsafeBytes { memory in
      decoder.decode(memory, into: EventBatch()) { full in
        counts.append(full.count)
        #expect(full.strings.arenaCount < EventBatch.stringBytesMax + 200_000)
        return EventBatch()
      }
    }
    #expect(counts.count >= 1)
    #expect(counts.reduce(0, +) + last.count == 185)
    #expect((0..<last.count).allSatisfy { last.event(at: $0) == events[185 - last.count + $0] })
  }
}
