import Foundation
import Testing
import UsageModel

@testable import WireFormat

/// Vectors of `Tests/Oracle/envelope.py`, which shares no code with the product.
private struct Vector: Decodable {
  var title: String
  var key: String
  var keyID: String
  var type: UInt8
  var mode: UInt8
  var spool: String
  var packet: String
  var batch: String
  var oldest: String
  var sentMilliseconds: String
  var sender: String
  var nonce: String
  var payload: String
  var envelope: String

  static func all() throws -> [Vector] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/envelope-vectors.json")
    return try JSONDecoder().decode([Vector].self, from: Data(contentsOf: file))
  }

  func header() throws -> EnvelopeHeader {
    EnvelopeHeader(
      type: try #require(EnvelopeType(rawValue: type)), mode: try #require(DeliveryMode(rawValue: mode)),
      spoolID: try #require(UInt64(spool)), packetNumber: try #require(UInt64(packet)),
      batchNumber: try #require(UInt64(batch)), oldestBatch: try #require(UInt64(oldest)),
      sendMilliseconds: try #require(Int64(sentMilliseconds)), sender: sender, keyID: keyID)
  }

  func deliveryKey() throws -> DeliveryKey? {
    key.isEmpty ? nil : try DeliveryKey.parse("key: \(key)\nsender: \(sender)", id: keyID)
  }
}

private func bytes(hex: String) -> [UInt8] {
  let digits = Array(hex.utf8).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

private func refusal(_ bytes: [UInt8], _ key: DeliveryKey?) -> EnvelopeRefusal? {
  do {
    _ = try bytes.withUnsafeBytes { try Envelope.open($0, key: key) }
    return nil
  } catch { return error as? EnvelopeRefusal }
}

@Suite struct EnvelopeTests {
  private let key = DeliveryKey(id: "k", secret: Array(1...32))
  private let payload = Array("{\"user\":\"ann\"}\n".utf8)

  private func header(_ mode: DeliveryMode) -> EnvelopeHeader {
    EnvelopeHeader(
      type: .batch, mode: mode, spoolID: 9, packetNumber: 1, batchNumber: 1, oldestBatch: 1,
      sendMilliseconds: -5, sender: "päron", keyID: mode == .none ? "" : "k")
  }

  private func sealed(_ mode: DeliveryMode) -> [UInt8] {
    payload.withUnsafeBytes { Envelope.seal(header(mode), payload: $0, key: mode == .none ? nil : key) }
  }

  @Test func writesAndReadsTheGoldenVectors() throws {
    let vectors = try Vector.all()
    #expect(vectors.count >= 9)
    for vector in vectors {
      let expected = bytes(hex: vector.envelope)
      let header = try vector.header()
      let key = try vector.deliveryKey()
      let made = bytes(hex: vector.payload).withUnsafeBytes {
        Envelope.seal(header, payload: $0, key: key, nonce: bytes(hex: vector.nonce))
      }
      #expect(made == expected, "\(vector.title)")
      let opened = try expected.withUnsafeBytes { try Envelope.open($0, key: key) }
      #expect(opened.header == header)
      #expect(opened.payload == bytes(hex: vector.payload))
      #expect(expected.withUnsafeBytes { Envelope.inspect($0) } == .whole(byteCount: expected.count))
    }
  }

  @Test(arguments: DeliveryMode.allCases) func refusesEveryTruncation(_ mode: DeliveryMode) {
    let whole = sealed(mode)
    #expect(refusal(whole, key) == nil)
    for count in 0..<whole.count { #expect(refusal(Array(whole[..<count]), key) == .truncated) }
  }

  @Test(arguments: [DeliveryMode.sign, .encrypt]) func refusesEveryFlippedBit(_ mode: DeliveryMode) {
    let whole = sealed(mode)
    for bit in 0..<whole.count * 8 {
      var flipped = whole
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(refusal(flipped, key) != nil, "bit \(bit)")
    }
  }

  @Test func refusesAnotherKey() {
    let other = DeliveryKey(id: "k", secret: Array(2...33))
    let unnamed = DeliveryKey(id: "j", secret: Array(1...32))
    for mode in [DeliveryMode.sign, .encrypt] {
      #expect(refusal(sealed(mode), other) == .badSignature)
      #expect(refusal(sealed(mode), unnamed) == .unknownKey)
      #expect(refusal(sealed(mode), nil) == .unknownKey)
    }
  }

  @Test func hidesThePayloadOnlyWhenEncrypted() {
    func shows(_ mode: DeliveryMode) -> Bool {
      String(decoding: sealed(mode), as: UTF8.self).contains("ann")
    }
    #expect(shows(.none) && shows(.sign) && !shows(.encrypt))
    #expect(sealed(.encrypt) != sealed(.encrypt), "a fresh nonce each time")
  }

  @Test func survivesRandomBytes() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var noise = (0..<Int.random(in: 0...200)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if Bool.random() { noise = Array(sealed(.sign).prefix(Int.random(in: 0...120))) + noise }
      _ = refusal(noise, key)
      _ = Acknowledgement(noise)
      _ = BusyAnswer(noise)
      _ = (RefusedEvents.magic + noise).withUnsafeBytes { RefusedEvents.decode($0) }
      _ = (UnsentNumbers.magic + noise).withUnsafeBytes { UnsentNumbers.decode($0) }
      _ = noise.withUnsafeBytes { Envelope.inspect($0) }
    }
  }

  @Test func inspectsFrames() {
    let whole = sealed(.none)
    #expect(whole.prefix(3).withUnsafeBytes { Envelope.inspect($0) } == .incomplete(needed: 8))
    #expect(whole.dropLast().withUnsafeBytes { Envelope.inspect($0) } == .incomplete(needed: whole.count))
    #expect(Array("WLB1".utf8).withUnsafeBytes { Envelope.inspect($0) } == .badMagic)
    for length in [0, 71, UInt32(Envelope.lengthMax + 1)] {
      var bytes = Envelope.magic
      bytes.append(littleEndian: length)
      #expect(bytes.withUnsafeBytes { Envelope.inspect($0) } == .badLength(Int(length)))
    }
  }
}

@Suite struct AcknowledgementTests {
  @Test func readsWhatItWrites() {
    let value = Acknowledgement(cumulative: 7, ranges: [9...9, 11...20], delayMilliseconds: 3, window: 5)
    #expect(Acknowledgement(value.encoded) == value)
    #expect([1, 7, 9, 11, 20].allSatisfy(value.contains))
    #expect(![8, 10, 21].contains(where: value.contains))
    #expect(BusyAnswer(BusyAnswer(delayMilliseconds: 70_000).encoded)?.delayMilliseconds == 70_000)
  }

  @Test func refusesWhatIsOutOfOrder() {
    func isRead(_ ranges: [ClosedRange<UInt64>], window: UInt16 = 1) -> Bool {
      Acknowledgement(
        Acknowledgement(cumulative: 5, ranges: ranges, delayMilliseconds: 0, window: window).encoded) != nil
    }
    #expect(isRead([6...8, 9...9]))
    #expect(!isRead([5...6]) && !isRead([8...9, 7...7]) && !isRead([7...9, 9...10]))
    #expect(!isRead([], window: 0))
  }

  @Test func readsUnsentNumbers() throws {
    let value = UnsentNumbers(kind: .dropped, source: "pc", ranges: [1...1, 5...UInt64(Int64.max)])
    let bytes = value.encoded
    let read = try #require((bytes + [1, 2]).withUnsafeBytes { UnsentNumbers.decode($0) })
    #expect(read.numbers == value && read.byteCount == bytes.count)
    for count in 0..<bytes.count {
      #expect(bytes[..<count].withUnsafeBytes { UnsentNumbers.decode($0) } == nil)
    }
  }
}

@Suite struct RefusedEventsTests {
  private func decode(_ bytes: [UInt8]) -> RefusedEvents? {
    bytes.withUnsafeBytes { RefusedEvents.decode($0)?.events }
  }

  @Test func readsWhatItWrites() throws {
    for value in [
      RefusedEvents(reason: .notYours, count: 65_535),
      RefusedEvents(reason: .time, source: "pc", count: 1),
      RefusedEvents(reason: .tooLong, source: "pc", count: 9, ranges: [1...1, 5...9, 11...11]),
    ] {
      let bytes = value.encoded
      let read = try #require((bytes + [1, 2]).withUnsafeBytes { RefusedEvents.decode($0) })
      #expect(read.events == value && read.byteCount == bytes.count)
      for count in 0..<bytes.count { #expect(decode(Array(bytes[..<count])) == nil) }
    }
  }

  /// One of its events can stand for one number only.
  @Test func aFrameRefusesNoMoreNumbersThanEvents() {
    func isRead(_ count: UInt16, _ ranges: [ClosedRange<UInt64>]) -> Bool {
      decode(RefusedEvents(reason: .time, source: "pc", count: count, ranges: ranges).encoded) != nil
    }
    #expect(isRead(5, [1...5]) && !isRead(4, [1...5]) && !isRead(5, [1...3, 7...9]))
    #expect(!isRead(65_535, [1...UInt64(Int64.max)]) && !isRead(0, []))
    #expect(!isRead(9, [3...4, 4...5]) && !isRead(9, [0...1]))
    let largest = UInt64(Int64.max)
    #expect(isRead(1, [largest...largest]) && !isRead(1, [largest + 1...largest + 1]))
  }

  @Test func refusesWhatIsNoFrame() {
    let bytes = RefusedEvents(reason: .time, source: "pc", count: 1, ranges: [1...1]).encoded
    func changed(_ index: Int, to value: UInt8) -> [UInt8] {
      var copy = bytes
      copy[index] = value
      return copy
    }
    #expect(decode(changed(16, to: UInt8(ascii: "x"))) == nil, "an unknown reason")
    #expect(decode(changed(14, to: 1)) == nil, "a reserved byte")
    #expect(decode(changed(20, to: 0)) == nil, "NUL in the source")
    #expect(decode(changed(9, to: 0)) == nil, "ranges without a source")
  }
}

@Suite struct DeliveryKeyTests {
  private let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

  @Test func readsAFile() throws {
    let key = try DeliveryKey.parse(
      """
      # the reception desk
      key: \(secret)
      sender: pc-17
      not_before: 2026-01-01T00:00:00Z
      not_after: 2027-01-01T00:00:00Z
      users: ann, bob
      """, id: "pc-17.2026")
    #expect(key.sender == "pc-17" && key.users == ["ann", "bob"])
    try key.check(atMilliseconds: 1_780_000_000_000)
    #expect(throws: EnvelopeRefusal.futureKey) { try key.check(atMilliseconds: 1_767_225_599_999) }
    #expect(throws: EnvelopeRefusal.oldKey) { try key.check(atMilliseconds: 1_798_761_600_000) }
    #expect(try DeliveryKey.parse(secret + "\n", id: "bare").sender == "bare")
  }

  @Test func refusesFaultyFilesWithoutRepeatingThem() {
    for text in [
      "", "key: AAEC", "key: \(secret)\nkey: \(secret)", "key: \(secret)\nnot_after: tomorrow",
      "key: \(secret)\nsecret: x", "key: \(secret)\nsender:", "key: \(secret)=",
      "key: \(secret)\nsender: ~pc",
    ] {
      let error = #expect(throws: DeliveryKeyError.self) { try DeliveryKey.parse(text, id: "k") }
      #expect(error?.description.contains("AAEC") == false)
    }
    #expect(throws: DeliveryKeyError.self) { try DeliveryKey.parse(secret, id: "../k") }
  }

  @Test func makesFilesAndHidesSecrets() throws {
    let text = DeliveryKey.makeFile(sender: "pc")
    let key = try DeliveryKey.parse(text, id: "k")
    #expect(key.sender == "pc")
    #expect(DeliveryKey.makeFile(sender: nil) != DeliveryKey.makeFile(sender: nil))
    var dumped = ""
    dump(key, to: &dumped)
    #expect(!dumped.contains("signing") && "\(key)" == "key k")
  }
}
