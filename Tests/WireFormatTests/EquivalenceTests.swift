import Testing
import UsageModel

@testable import WireFormat

/// Events that every form takes, all fields in play.
enum ValidEvent {
  private static let stock = [
    "ann", "Bob Example", "é", "e\u{301}", "日本語", "😀", "a\"b\\c/d", "tab\there", "line\nfeed",
    "\u{1}\u{1F}\u{7F}",
    "comma, \"quoted\"", "'", ";", " ", "{\"a\":1}", "null", "true", "123", "\\u0041", "\u{FFFF}\u{10FFFF}",
    String(repeating: "x", count: 256), String(repeating: "€", count: 85),
  ]

  static func make(_ random: inout SeededRandom) -> UsageEvent {
    let kind = EventKind.allCases.randomElement(using: &random) ?? .use
    var event = UsageEvent(
      timeMilliseconds: Int64.random(in: 315_532_800_000...1_780_358_400_000, using: &random),
      user: text(&random), app: text(&random), kind: kind,
      outcome: EventOutcome.allCases.randomElement(using: &random) ?? .ok)
    if kind == .use || Bool.random(using: &random) { event.feature = text(&random) }
    if Bool.random(using: &random) {
      event.durationMilliseconds = [0, 1, .max, UInt32.random(in: 0...UInt32.max, using: &random)]
        .randomElement(using: &random)
    }
    if Bool.random(using: &random) { event.host = text(&random) }
    if Bool.random(using: &random) { event.session = text(&random) }
    if Bool.random(using: &random) { event.version = text(&random) }
    if Bool.random(using: &random) { event.cause = text(&random) }
    if Bool.random(using: &random) {
      event.source = text(&random)
      event.sequence = [1, UInt64(Int64.max), UInt64.random(in: 1...UInt64(Int64.max), using: &random)]
        .randomElement(using: &random)
    }
    if Int.random(in: 0..<3, using: &random) == 0 {
      for _ in 0..<Int.random(in: 1...16, using: &random) {
        let key = text(&random).utf8.count > 64 ? "key" : text(&random)
        event.attributes[key.utf8.count > 64 ? "k" : key] = Bool.random(using: &random) ? text(&random) : ""
      }
    }
    return event
  }

  private static func text(_ random: inout SeededRandom) -> String {
    stock.randomElement(using: &random) ?? "x"
  }
}

/// Writers of the text forms, by hand and as wilful as the formats allow.
enum EventWriting {
  static func json(_ event: UsageEvent, _ random: inout SeededRandom) -> String {
    var members: [(String, String)] = [
      ("time", String(event.timeMilliseconds)), ("user", string(event.user, &random)),
      ("app", string(event.app, &random)),
    ]
    for (name, value) in [
      ("feature", event.feature), ("host", event.host), ("session", event.session),
      ("version", event.version),
      ("cause", event.cause), ("source", event.source),
    ] {
      if let value {
        members.append((name, string(value, &random)))
      } else if Int.random(in: 0..<4, using: &random) == 0 {
        members.append((name, "null"))
      }
    }
    if event.kind != .use || Bool.random(using: &random) {
      members.append(("kind", "\"\(event.kind.name)\""))
    }
    if event.outcome != .ok || Bool.random(using: &random) {
      members.append(("outcome", "\"\(event.outcome.name)\""))
    }
    if let duration = event.durationMilliseconds { members.append(("duration_ms", String(duration))) }
    if let sequence = event.sequence { members.append(("seq", String(sequence))) }
    if !event.attributes.isEmpty { members.append(("attributes", attributes(event.attributes, &random))) }
    members.shuffle(using: &random)
    let separators = [",", ", ", " ,", ",\t"]
    let text = members.map { "\(string($0.0, &random)):\($0.1)" }
      .joined(separator: separators.randomElement(using: &random) ?? ",")
    return "{\(text)}"
  }

  static func attributes(_ attributes: [String: String], _ random: inout SeededRandom) -> String {
    let members = attributes.map { "\(string($0.key, &random)) : \(string($0.value, &random))" }
    return "{\(members.joined(separator: ","))}"
  }

  /// A JSON string with escapes where they must be, and here and there where they need not.
  private static func string(_ text: String, _ random: inout SeededRandom) -> String {
    var result = "\""
    let escapesMore = Int.random(in: 0..<4, using: &random) == 0
    for unit in text.unicodeScalars {
      if unit.value < 0x20 || unit == "\"" || unit == "\\" || (escapesMore && Bool.random(using: &random)) {
        for half in String(unit).utf16 {
          let hexadecimal = String(half, radix: 16, uppercase: Bool.random(using: &random))
          result += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
        }
      } else {
        result.unicodeScalars.append(unit)
      }
    }
    return result + "\""
  }

  static func commaSeparated(_ events: [UsageEvent], _ random: inout SeededRandom) -> String {
    let names = CommaSeparatedEventDecoder.knownColumns.shuffled(using: &random)
    var text = names.joined(separator: ",") + "\r\n"
    for event in events {
      var cells: [String: String] = [
        "time": String(event.timeMilliseconds), "user": event.user, "app": event.app, "kind": event.kind.name,
        "outcome": event.outcome.name,
      ]
      cells["feature"] = event.feature
      cells["host"] = event.host
      cells["session"] = event.session
      cells["version"] = event.version
      cells["cause"] = event.cause
      cells["source"] = event.source
      cells["seq"] = event.sequence.map(String.init)
      cells["duration_ms"] = event.durationMilliseconds.map(String.init)
      if !event.attributes.isEmpty { cells["attributes"] = attributes(event.attributes, &random) }
      text += names.map { "\"\((cells[$0] ?? "").doublingQuotes())\"" }.joined(separator: ",") + "\n"
    }
    return text
  }
}

extension String {
  fileprivate func doublingQuotes() -> String {
    var result = ""
    for scalar in unicodeScalars {
      if scalar == "\"" { result += "\"" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}

/// Same events, same result, whichever way they came.
struct EquivalenceTests {
  @Test(arguments: 0..<12 as Range<UInt64>)
  func formsAgree(seed: UInt64) throws {
    var random = SeededRandom(seed: 1_000 + seed)
    let events = (0..<60).map { _ in ValidEvent.make(&random) }
    let lines = events.map { EventWriting.json($0, &random) }.joined(separator: "\n")
    let json = EventBatch()
    EventDecoding.json(Array(lines.utf8), into: json)
    #expect(DecodedEvents(json) == DecodedEvents(events: events), "seed \(seed)")

    let protobuf = EventBatch()
    var decoder = BatchEventDecoder()
    for batch in try BatchReading.batches(UsageBatchEncoder.encode(events, eventsPerBatch: 17)) {
      EventDecoding.protobuf(batch, into: protobuf, using: &decoder)
    }
    #expect(DecodedEvents(protobuf) == DecodedEvents(events: events), "seed \(seed)")
    #expect(Self.texts(protobuf) == Self.texts(json), "seed \(seed)")

    let csv = try EventDecoding.commaSeparated(Array(EventWriting.commaSeparated(events, &random).utf8))
    #expect(csv == DecodedEvents(events: events), "seed \(seed)")
  }

  /// All texts of a batch as bytes: equality of `String` is too kind.
  private static func texts(_ batch: EventBatch) -> [[[UInt8]]] {
    (0..<batch.count).map { row in
      [
        batch.user[row], batch.app[row], batch.feature[row], batch.host[row], batch.session[row],
        batch.version[row], batch.cause[row], batch.source[row], batch.attributes[row],
      ].map { batch.strings.withBytes(of: $0) { Array($0) } }
    }
  }

  /// One thing wrong with an event: the same reason from each form that can say it.
  static let faults: [(reason: RejectReason, spoil: @Sendable (inout UsageEvent) -> Void)] = [
    (.time, { $0.timeMilliseconds = 315_532_799_999 }), (.time, { $0.timeMilliseconds = 1_767_225_600 }),
    (.time, { $0.timeMilliseconds = 32_503_680_000_000 }),
    (.time, { $0.timeMilliseconds = 1_780_358_400_001 }),
    (.time, { $0.timeMilliseconds = -1 }), (.tooLong, { $0.user = String(repeating: "x", count: 257) }),
    (.tooLong, { $0.app = String(repeating: "é", count: 129) }),
    (.tooLong, { $0.feature = String(repeating: "x", count: 60_000) }),
    (.tooLong, { $0.host = String(repeating: "x", count: 300) }),
    (.tooLong, { $0.session = String(repeating: "x", count: 300) }),
    (.tooLong, { $0.version = String(repeating: "x", count: 300) }),
    (.tooLong, { $0.cause = String(repeating: "x", count: 300) }),
    (.nulCharacter, { $0.user = "a\u{0}" }), (.nulCharacter, { $0.attributes = ["k": "\u{0}"] }),
    (.missingFeature, { $0.feature = nil }), (.sequence, { $0.source = "s" }),
    (.sequence, { $0.sequence = 1 }),
    (.attributes, { $0.attributes = [String(repeating: "k", count: 65): "v"] }),
    (.attributes, { $0.attributes = ["k": String(repeating: "v", count: 1_025)] }),
    (.attributes, { for index in 0..<17 { $0.attributes["k\(index)"] = "v" } }),
    (.attributes, { $0.attributes = ["": "v"] }),
  ]

  @Test(arguments: faults.indices)
  func formsAgreeOnFaults(index: Int) throws {
    let (reason, spoil) = Self.faults[index]
    var random = SeededRandom(seed: UInt64(index))
    let good = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "f")
    var bad = good
    spoil(&bad)
    let events = [good, bad, good]
    let expected = DecodedEvents(events: [good, good], reasons: [reason])
    let lines = events.map { EventWriting.json($0, &random) }.joined(separator: "\n")
    #expect(EventDecoding.json(lines) == expected)
    let batch = try #require(try BatchReading.batches(UsageBatchEncoder.encode(events)).first)
    #expect(EventDecoding.protobuf(batch) == expected)
    let csv = EventWriting.commaSeparated(events, &random)
    #expect(try EventDecoding.commaSeparated(Array(csv.utf8)) == expected)
  }

  /// A batch without attributes and without faults is taken a column at a time; beside an event with attributes the
  /// same events are looked at one by one.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func eventsAreTakenTogetherAsOneByOne(seed: UInt64) throws {
    var random = SeededRandom(seed: 5_000 + seed)
    let faults = Self.faults.filter { $0.reason != .attributes }
    var events: [UsageEvent] = (0..<Int.random(in: 1...50, using: &random)).map { _ in
      var event = ValidEvent.make(&random)
      event.attributes = [:]
      let isAtBound = Int.random(in: 0..<4, using: &random) == 0
      if isAtBound {
        event.timeMilliseconds = [315_532_800_000, 1_780_358_400_000].randomElement(using: &random) ?? 0
      }
      return event
    }
    if seed % 2 == 1, let place = events.indices.randomElement(using: &random) {
      faults.randomElement(using: &random)?.spoil(&events[place])
      events[place].attributes = [:]
    }
    var last = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "f")
    last.attributes = ["k": "v"]
    let (together, oneByOne) = (EventBatch(), EventBatch())
    for (batch, events) in [(together, events), (oneByOne, events + [last])] {
      batch.setSpeaker(Array("pc7".utf8))
      batch.currentClockOffset = 1_500
      var decoder = BatchEventDecoder()
      let bytes = try #require(try BatchReading.batches(UsageBatchEncoder.encode(events)).first)
      EventDecoding.protobuf(bytes, into: batch, using: &decoder)
      // Once more behind it.
      EventDecoding.protobuf(bytes, into: batch, using: &decoder)
    }
    let expected = Self.rows(oneByOne).filter { !$0.hasSuffix("{\"k\":\"v\"}") }
    #expect(Self.rows(together) == expected)
    #expect(together.rejects.map(\.reason) == oneByOne.rejects.map(\.reason))
  }

  /// A sender that fills batches with strings of nothing must not fill the collector's: without an event they would
  /// never go to the writer.
  @Test func stringsThatNoEventUsesStayOut() {
    let unused = (0..<40).flatMap { field(3, bytes: Array("unused \($0)".utf8)) }
    let withEvents = UsageBatchDecoderTests.batch(extra: field(7, packed: [1, 1, 1]) + unused)
    let batch = EventBatch()
    var decoder = BatchEventDecoder()
    EventDecoding.protobuf(field(1, value: 0) + field(3, bytes: []) + unused, into: batch, using: &decoder)
    #expect(batch.isEmpty && batch.strings.count == 1)
    EventDecoding.protobuf(withEvents, into: batch, using: &decoder)
    #expect(batch.count == 3 && batch.strings.count == 3)
  }

  /// All that a batch holds of each event.
  private static func rows(_ batch: EventBatch) -> [String] {
    zip(texts(batch), 0..<batch.count).map { texts, row in
      let speaker = batch.strings.text(of: batch.speaker[row]) ?? ""
      let attributes = batch.strings.text(of: batch.attributes[row]) ?? ""
      return """
        \(texts.dropLast()) \(batch.time[row]) \(batch.kind[row]) \(batch.outcome[row]) \
        \(batch.durationPlusOne[row]) \(batch.sequence[row]) \(batch.clockOffset[row]) \(speaker) \(attributes)
        """
    }
  }
}
