import Testing
import UsageModel

@testable import WireFormat

/// Single lines: what must be read, and as what; what must be refused, and why.
struct JSONEventDecoderTests {
  static let plain = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "f")
  /// The line of ``plain``, without its last brace.
  static let open = #"{"time":1767225600000,"user":"u","app":"a","feature":"f""#

  // MARK: Must be read

  /// Members added to the plain line, and what they change.
  static let members: [(text: String, change: @Sendable (inout UsageEvent) -> Void)] = [
    ("", { _ in }),
    (#""kind":"use","outcome":"ok""#, { _ in }),
    (#""outcome":"error""#, { $0.outcome = .error }),
    (#""outcome":"abandoned""#, { $0.outcome = .abandoned }),
    (#""kind":"help""#, { $0.kind = .help }),
    (#""kind":"focus""#, { $0.kind = .focus }),
    (#""kind":"interruption""#, { $0.kind = .interruption }),
    (#""duration_ms":0"#, { $0.durationMilliseconds = 0 }),
    (#""duration_ms":-0"#, { $0.durationMilliseconds = 0 }),
    (#""duration_ms":4294967295"#, { $0.durationMilliseconds = .max }),
    (
      #""host":"h","session":"s","version":"1.2","cause":"c""#,
      {
        $0.host = "h"
        $0.session = "s"
        $0.version = "1.2"
        $0.cause = "c"
      }
    ),
    (
      #""source":"pc","seq":1"#,
      {
        $0.source = "pc"
        $0.sequence = 1
      }
    ),
    (
      #""seq":9223372036854775807,"source":"pc""#,
      {
        $0.source = "pc"
        $0.sequence = 9_223_372_036_854_775_807
      }
    ),
    (#""kind":null,"outcome":null,"duration_ms":null,"host":null,"session":null,"version":null"#, { _ in }),
    (#""cause":null,"source":null,"seq":null,"attributes":null"#, { _ in }),
    (#""attributes":{}"#, { _ in }),
    (#""attributes":{"k":"v","":null}"#.replacing(#","":null"#, with: ""), { $0.attributes = ["k": "v"] }),
    (#""attributes" : { "k" : "v" , "l" : "" }"#, { $0.attributes = ["k": "v", "l": ""] }),
    (#""attributes":{"k":"1","k":"2"}"#, { $0.attributes = ["k": "2"] }),
    (#""x":"y""#, { $0.attributes = ["x": "y"] }),
    (#""x":-1.50e+3,"y":true,"z":false"#, { $0.attributes = ["x": "-1.50e+3", "y": "true", "z": "false"] }),
    (#""x":null,"y":[1,"2",{"z":[]}],"z":{}"#, { _ in }),
    (#""x":99999999999999999999999"#, { $0.attributes = ["x": "99999999999999999999999"] }),
    (#""x":"a\u0000b","\u0000":"y""#, { _ in }),
    (#""k":"unknown","attributes":{"k":"given"}"#, { $0.attributes = ["k": "given"] }),
    (#""attributes":{"k":"given"},"k":"unknown""#, { $0.attributes = ["k": "given"] }),
    (#""":"empty key""#, { _ in }),
    (
      #""User":"other case","users":"longer","use":"shorter""#,
      {
        $0.attributes = ["User": "other case", "users": "longer", "use": "shorter"]
      }
    ),
    (#""user":"Zo\u00eb \ud83d\ude00 \"\\\/\b\f\n\r\t""#, { $0.user = "Zoë 😀 \"\\/\u{8}\u{C}\n\r\t" }),
    (#""user":"\u0041\u00DF\u20ac\uD834\uDD1E""#, { $0.user = "Aß€\u{1D11E}" }),
    (#""user":"Zoë 😀 日本語""#, { $0.user = "Zoë 😀 日本語" }),
    (
      #""user":"\u007f\u0080\u07ff\u0800\uffff\ud800\udc00\udbff\udfff""#,
      {
        $0.user = "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}"
      }
    ),
    (#""us\u0065r":"escaped key""#, { $0.user = "escaped key" }),
    (#""user":"first","user":"last""#, { $0.user = "last" }),
    (#""host":"first","host":null"#, { _ in }),
    (#""duration_ms":5,"duration_ms":null"#, { _ in }),
    (#""kind":"help","kind":null,"outcome":"error","outcome":null"#, { _ in }),
    (#""seq":5,"seq":null"#, { _ in }),
    (#""attributes":{"k":"v"},"attributes":null"#, { _ in }),
    (#""attributes":{"k":"v"},"attributes":{"l":"w"}"#, { $0.attributes = ["l": "w"] }),
    (#""source":"a","seq":1,"source":null,"seq":null"#, { _ in }),
    (#""time":"2026-01-01T00:00:00Z""#, { _ in }),
    (#""time":"2026-01-01T01:00:00.000+01:00""#, { _ in }),
    (#""time":"2026-01-01t00:00:00.0019z""#, { $0.timeMilliseconds += 1 }),
    (#""time":315532800000"#, { $0.timeMilliseconds = 315_532_800_000 }),
    (#""time":"1980-01-01T00:00:00Z""#, { $0.timeMilliseconds = 315_532_800_000 }),
    // Received on 2026-06-01: a day ahead is still taken.
    (#""time":1780358400000"#, { $0.timeMilliseconds = 1_780_358_400_000 }),
  ]

  @Test(arguments: members.indices)
  func readsMembers(index: Int) {
    let (text, change) = Self.members[index]
    var event = Self.plain
    change(&event)
    let line = Self.open + (text.isEmpty ? "" : "," + text) + "}"
    expectBytes(EventDecoding.json(line), event)
  }

  /// Equality of texts is that of bytes here, not canonical equivalence.
  private func expectBytes(
    _ decoded: DecodedEvents, _ event: UsageEvent, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(decoded.reasons == [], sourceLocation: sourceLocation)
    #expect(decoded.events == [event], sourceLocation: sourceLocation)
    #expect(decoded.events.first?.user.hasSameBytes(as: event.user) == true, sourceLocation: sourceLocation)
  }

  @Test func readsAnyWhiteSpaceBetweenTokens() {
    let line =
      "\t { \"time\"\t:\r1767225600000 , \"user\" : \"u\"\t,\"app\":\"a\" ,\"feature\" : \"f\" }\t \r"
    expectBytes(EventDecoding.json(line), Self.plain)
  }

  @Test func needsNoFeatureUnlessItIsAUse() {
    for kind in EventKind.allCases where kind != .use {
      let line = #"{"time":1767225600000,"user":"u","app":"a","kind":"\#(kind.name)"}"#
      var event = Self.plain
      event.feature = nil
      event.kind = kind
      expectBytes(EventDecoding.json(line), event)
    }
  }

  @Test func keepsSpellingsApart() {
    let decoded = EventDecoding.json(
      Self.open + ",\"user\":\"\u{E9}\"}\n" + Self.open + ",\"user\":\"e\\u0301\"}")
    #expect(decoded.events.map { Array($0.user.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
  }

  /// Every bound taken exactly, and one more refused.
  @Test func holdsStringBounds() {
    for field in ["user", "app", "feature", "host", "session", "version", "cause"] {
      for unit in ["x", "é", "😀"] {
        let most = String(repeating: unit, count: 256 / unit.utf8.count)
        #expect(EventDecoding.json(Self.open + #","\#(field)":"\#(most)"}"#).events.count == 1)
        let decoded = EventDecoding.json(Self.open + #","\#(field)":"\#(most + unit)"}"#)
        #expect(decoded == DecodedEvents(reasons: [.tooLong]))
      }
    }
    let long = String(repeating: "x", count: 257)
    let decoded = EventDecoding.json(Self.open + #","source":"\#(long)","seq":1}"#)
    #expect(decoded == DecodedEvents(reasons: [.tooLong]))
  }

  @Test func holdsAttributeBounds() {
    func decode(_ attributes: String) -> DecodedEvents {
      EventDecoding.json(Self.open + #","attributes":{\#(attributes)}}"#)
    }
    let refused = DecodedEvents(reasons: [.attributes])
    func pairs(_ count: Int) -> String { (0..<count).map { "\"k\($0)\":\"v\"" }.joined(separator: ",") }
    #expect(decode(pairs(16)).events.first?.attributes.count == 16)
    #expect(decode(pairs(17)) == refused)
    let key = String(repeating: "k", count: 64)
    #expect(decode(#""\#(key)":"v""#).events.first?.attributes == [key: "v"])
    #expect(decode(#""\#(key)k":"v""#) == refused)
    #expect(decode(#""":"v""#) == refused)
    let value = String(repeating: "é", count: 512)
    #expect(decode(#""k":"\#(value)""#).events.first?.attributes == ["k": value])
    #expect(decode(#""k":"\#(value)x""#) == refused)
    for other in ["1", "true", "null", "[]", "{}", #"{"a":"b"}"#] {
      #expect(decode(#""k":\#(other)"#) == refused, "\(other)")
    }
    // Sixteen again and again are still sixteen.
    #expect(decode(pairs(16) + "," + pairs(16)).events.first?.attributes.count == 16)
  }

  /// Unknown fields fill what room there is; what has none is ignored, never refused.
  @Test func keepsUnknownFieldsWithinBounds() {
    func attributes(_ members: String) -> [String: String]? {
      EventDecoding.json(Self.open + "," + members + "}").events.first?.attributes
    }
    let many = (0..<40).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
    #expect(attributes(many)?.count == 16)
    #expect(attributes(many)?["k15"] == "15")
    let given = (0..<15).map { "\"g\($0)\":\"\"" }.joined(separator: ",")
    let mixed = attributes(many + #","attributes":{\#(given)}"#)
    #expect(mixed?.count == 16)
    #expect(mixed?["k0"] == "0")
    #expect(mixed?["k1"] == nil)
    let key = String(repeating: "k", count: 65)
    #expect(attributes(#""\#(key)":"v""#) == [:])
    let value = String(repeating: "v", count: 1_025)
    #expect(attributes(#""x":"\#(value)","y":"\#(value.dropLast())""#) == ["y": String(value.dropLast())])
    #expect(attributes(#""x":"""#) == ["x": ""])
  }

  /// Stored attributes are the same bytes however they came.
  @Test func rendersAttributesCanonically() {
    func stored(_ members: String) -> [UInt8] {
      let batch = EventBatch()
      EventDecoding.json(Array((Self.open + "," + members + "}").utf8), into: batch)
      return batch.strings.withBytes(of: batch.attributes[0]) { Array($0) }
    }
    let expected = Array(#"{"a":"1","b":"\u0001\n\"é"}"#.utf8)
    #expect(stored(#""attributes":{"b":"\u0001\n\"é","a":"1"}"#) == expected)
    #expect(stored(#""a":1,"b":"\u0001\u000A\u0022\u00e9""#) == expected)
    #expect(stored(#""b":"\u0001\n\"\u00E9","attributes":{"a":"\u0031"}"#) == expected)
  }

  // MARK: Must be refused

  /// Members added to the plain line, and why it is refused.
  static let spoilt: [(text: String, reason: RejectReason)] = [
    // Time.
    (#""time":0"#, .time), (#""time":-1"#, .time), (#""time":1767225600"#, .time),
    (#""time":"1767225600""#, .time), (#""time":"1767225600000""#, .time), (#""time":"""#, .time),
    (#""time":1767225600000.0"#, .time), (#""time":1.7672256e12"#, .time),
    (#""time":99999999999999999999"#, .time), (#""time":9223372036854775807"#, .time),
    (#""time":9223372036854775808"#, .time), (#""time":-9223372036854775808"#, .time),
    (#""time":1780358400001"#, .time), (#""time":315532799999"#, .time),
    (#""time":32503680000000"#, .time), (#""time":"3000-01-01T00:00:00Z""#, .time),
    (#""time":"1979-12-31T23:59:59.999Z""#, .time), (#""time":"2026-01-01""#, .time),
    (#""time":"2026-01-01T00:00:00""#, .time), (#""time":"2026-02-30T00:00:00Z""#, .time),
    (#""time":"Thu, 01 Jan 2026 00:00:00 GMT""#, .time), (#""time":null"#, .missingTime),
    (#""time":true"#, .wrongType), (#""time":{}"#, .wrongType), (#""time":[1767225600000]"#, .wrongType),
    // Names.
    (#""user":null"#, .missingUser), (#""app":null"#, .missingApp), (#""feature":null"#, .missingFeature),
    (#""user":1"#, .wrongType), (#""app":true"#, .wrongType), (#""feature":["f"]"#, .wrongType),
    (#""host":{}"#, .wrongType), (#""session":1.5"#, .wrongType), (#""version":2"#, .wrongType),
    (#""cause":false"#, .wrongType), (#""source":7,"seq":1"#, .wrongType),
    (#""user":"""#, .empty), (#""app":"""#, .empty), (#""feature":"""#, .empty), (#""host":"""#, .empty),
    (#""session":"""#, .empty), (#""version":"""#, .empty), (#""cause":"""#, .empty),
    (#""source":"","seq":1"#, .empty),
    (#""user":"\u0000""#, .nulCharacter), (#""app":"a\u0000b""#, .nulCharacter),
    (#""session":"sssssssssss\u0000""#, .nulCharacter), (#""attributes":{"k":"\u0000"}"#, .nulCharacter),
    (#""attributes":{"\u0000":"v"}"#, .nulCharacter),
    // Surrogates without their partner.
    (#""user":"\ud800""#, .notUTF8), (#""user":"\udc00""#, .notUTF8), (#""user":"a\ud83dz""#, .notUTF8),
    (#""user":"\ud800\u0041""#, .notUTF8), (#""user":"\ud800\ud800\udc00""#, .notUTF8),
    (#""user":"\udc00\ud800""#, .notUTF8), (#""user":"\uD800x\uDC00""#, .notUTF8),
    (#""unknown":"\ud800""#, .notUTF8), (#""\ud800":1"#, .notUTF8), (#""x":[{"y":"\udfff"}]"#, .notUTF8),
    (#""x":{"\udfff":1}"#, .notUTF8), (#""attributes":{"k":"\ud800"}"#, .notUTF8),
    (#""attributes":{"\ud800":"v"}"#, .notUTF8),
    // Names of a fixed set.
    (#""kind":"Use""#, .kind), (#""kind":"""#, .kind), (#""kind":"uses""#, .kind), (#""kind":1"#, .wrongType),
    (#""outcome":"OK""#, .outcome), (#""outcome":"failed""#, .outcome), (#""outcome":true"#, .wrongType),
    // Numbers.
    (#""duration_ms":-1"#, .duration), (#""duration_ms":4294967296"#, .duration),
    (#""duration_ms":1.5"#, .duration), (#""duration_ms":1e3"#, .duration),
    (#""duration_ms":99999999999999999999"#, .duration), (#""duration_ms":-99999999999999999999"#, .duration),
    (#""duration_ms":"5""#, .wrongType), (#""duration_ms":[]"#, .wrongType),
    (#""source":"s","seq":0"#, .sequence), (#""source":"s","seq":-1"#, .sequence),
    (#""source":"s","seq":9223372036854775808"#, .sequence), (#""source":"s","seq":1.0"#, .sequence),
    (#""source":"s","seq":18446744073709551617"#, .sequence), (#""source":"s","seq":"1""#, .wrongType),
    (#""source":"s""#, .sequence), (#""seq":1"#, .sequence), (#""source":null,"seq":1"#, .sequence),
    (#""source":"s","seq":null"#, .sequence), (#""source":"s","seq":1,"seq":null"#, .sequence),
    (#""source":"s","seq":1,"source":null"#, .sequence),
    // Attributes.
    (#""attributes":"k""#, .wrongType), (#""attributes":[]"#, .wrongType), (#""attributes":1"#, .wrongType),
    // The first trouble is named.
    (#""kind":"x","duration_ms":-1"#, .kind), (#""duration_ms":-1,"kind":"x""#, .duration),
    (#""user":1,"user":"good""#, .wrongType),
  ]

  @Test(arguments: spoilt.indices)
  func refusesSpoiltMembers(index: Int) {
    let (text, reason) = Self.spoilt[index]
    #expect(EventDecoding.json(Self.open + "," + text + "}") == DecodedEvents(reasons: [reason]), "\(text)")
  }

  @Test func namesWhatIsMissing() {
    let lines: [(String, RejectReason)] = [
      ("{}", .missingTime), (#"{"user":"u","app":"a","feature":"f"}"#, .missingTime),
      (#"{"time":1767225600000}"#, .missingUser), (#"{"time":1767225600000,"app":"a"}"#, .missingUser),
      (#"{"time":1767225600000,"user":"u","feature":"f"}"#, .missingApp),
      (#"{"time":1767225600000,"user":"u","app":"a"}"#, .missingFeature),
      (#"{"time":1767225600000,"user":"u","app":"a","kind":"use"}"#, .missingFeature),
    ]
    for (line, reason) in lines { #expect(EventDecoding.json(line) == DecodedEvents(reasons: [reason])) }
  }

  static let notJSON: [String] = [
    "x", "{", "}", "[", "]", "\"", "{{}}", #"{"a"#, #"{"a""#, #"{"a":"#, #"{"a":1"#, #"{"a":1,"#,
    #"{"a":1,}"#, "{,}",
    #"{'a':1}"#, #"{a:1}"#, #"{"a":1}}"#, #"{"a":1} x"#, #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{"a":1,,"b":2}"#,
    #"{"a":}"#, #"{"a"::1}"#, #"{:1}"#, #"{"a":01}"#, #"{"a":00}"#, #"{"a":-01}"#, #"{"a":1.}"#, #"{"a":.5}"#,
    #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":1e+}"#, #"{"a":1.e3}"#, #"{"a":-}"#, #"{"a":--1}"#, #"{"a":1-}"#,
    #"{"a":0x10}"#,
    #"{"a":tru}"#, #"{"a":True}"#, #"{"a":nul}"#, #"{"a":nulll}"#, #"{"a":NaN}"#, #"{"a":Infinity}"#,
    #"{"a":-Infinity}"#, #"{"a":undefined}"#, #"{"a":"x}"#, #"{"a":"x\"}"#, #"{"a":"\x"}"#, #"{"a":"\u"}"#,
    #"{"a":"\u12"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u 123"}"#, #"{"a":"\U0041"}"#, #"{"a":"\ud800\u12"}"#,
    #"{"a":"\"#,
    #"{"a":"\u00"#, #"{"a":"\ud800\"#, "{\"a\":\"tab\there\"}", "{\"a\":\"\u{1}\"}", "{\"a\":\"\u{1F}\"}",
    "{\"a\":\"éé\u{2}\"}", "{\"a\":\"\\\u{3}\"}", "{\"a\u{0}\":1}", "{\"user\":\"a\u{0}b\"}", "{}\u{0}",
    "\u{0}", "\u{0}{}",
    #"{"a":[1,]}"#, #"{"a":[,1]}"#, #"{"a":[1 2]}"#, #"{"a":[1}"#, #"{"a":[1}}"#, #"{"a":{"b"}}"#,
    #"{"a":{"b":1]}"#,
    #"{"a":{1:2}}"#, #"{"a":{"b":1,}}"#, #"{"a":{"b" 1}}"#, #"{"a":[}]"#, #"{"a":{]}"#, #"{"a":[[1],[2]}"#,
    #"{"attributes":{"k":"v"}"#, #"{"attributes":{"k":"v",}}"#, #"{"attributes":{"k" "v"}}"#,
    #"{"attributes":{k:"v"}}"#,
    #"{"attributes":{"k":"v"]}"#, #"{"attributes":{,}}"#, #"{"time":1767225600000x}"#, #"{"time":nul}"#,
    #"{"user":nulL}"#, #"{"seq":1,2}"#, "{} {}", "{},{}", "1 2", "1,", "truefalse", "null null", "[1]]",
    "\u{FEFF}{}",
    "{\"a\":1}\u{A0}", "\u{B}{}", "// {}", #"{/* */"a":1}"#, #"{"a":1}#"#, "a,b,c", "<event/>", "WLB", "W",
    "time=1 user=u", "\u{85}",
  ]

  @Test(arguments: notJSON)
  func refusesWhatIsNotJSON(line: String) {
    #expect(EventDecoding.json(line) == DecodedEvents(reasons: [.notJSON]))
  }

  @Test(arguments: [
    "1", "-0.5e+3", "0", "\"x\"", "true", "false", "null", "[]", "[ ]", "[{\"time\":1767225600000}]",
    "[1,2,[3]]",
    "\t\"x\" ",
  ])
  func refusesWhatIsNoObject(line: String) {
    #expect(EventDecoding.json(line) == DecodedEvents(reasons: [.notObject]))
  }

  /// Ill-formed UTF-8 wherever a text may stand; between texts such bytes are no JSON.
  @Test func refusesWhatIsNotUTF8() {
    let illFormed: [[UInt8]] = [
      [0xFF], [0xC3], [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
      [0xF0, 0x9F, 0x98], [0xC3, 0x28], [0xF5, 0x80, 0x80, 0x80], [0x61, 0xFE, 0x62],
    ]
    func line(_ before: String, _ bytes: [UInt8], _ after: String) -> [UInt8] {
      Array((Self.open + before).utf8) + bytes + Array(after.utf8)
    }
    for bytes in illFormed {
      for (before, after) in [
        (#","user":""#, #""}"#), (#","app":""#, #""}"#), (#","feature":"long enough "#, #" and more"}"#),
        (#","host":"\n"#, #""}"#), (#","session":""#, #"\n"}"#), (#","x":""#, #""}"#), (#",""#, #"":1}"#),
        (#",""#, #"":"s"}"#), (#",""#, #"":null}"#), (#","x":[""#, #""]}"#), (#","x":{""#, #"":1}}"#),
        (#","attributes":{"k":""#, #""}}"#), (#","attributes":{""#, #"":"v"}}"#),
        (#","attributes":{"k":[""#, #""]}}"#),
      ] {
        #expect(EventDecoding.json(line(before, bytes, after)) == DecodedEvents(reasons: [.notUTF8]))
      }
      #expect(EventDecoding.json(line("", bytes, "}")) == DecodedEvents(reasons: [.notJSON]))
      #expect(EventDecoding.json(bytes) == DecodedEvents(reasons: [.notJSON]))
      #expect(EventDecoding.json([0x22] + bytes + [0x22]) == DecodedEvents(reasons: [.notUTF8]))
    }
    let utf16 = Array((Self.open + "}").utf16).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    #expect(EventDecoding.json(utf16) == DecodedEvents(reasons: [.notJSON]))
  }

  @Test func boundsNesting() {
    func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      Self.open + #","x":"# + String(repeating: open, count: depth) + "1"
        + String(repeating: close, count: depth) + "}"
    }
    #expect(EventDecoding.json(nested(32, "[", "]")).events.count == 1)
    #expect(EventDecoding.json(nested(32, #"{"a":"#, "}")).events.count == 1)
    #expect(EventDecoding.json(nested(33, "[", "]")) == DecodedEvents(reasons: [.tooDeep]))
    #expect(EventDecoding.json(nested(33, #"{"a":"#, "}")) == DecodedEvents(reasons: [.tooDeep]))
    let mixed = nested(16, #"[{"a":"#, "}]")
    #expect(EventDecoding.json(mixed).events.count == 1)
    #expect(EventDecoding.json(nested(16, #"[{"a":"#, "]}")) == DecodedEvents(reasons: [.notJSON]))
    for opening in ["[", #"{"a":"#] {
      let deep = String(repeating: opening, count: 65_000 / opening.count)
      #expect(EventDecoding.json(deep) == DecodedEvents(reasons: opening == "[" ? [.tooDeep] : [.tooDeep]))
      #expect(EventDecoding.json(Self.open + #","x":"# + deep) == DecodedEvents(reasons: [.tooDeep]))
      #expect(EventDecoding.json(Self.open + #","user":"# + deep) == DecodedEvents(reasons: [.tooDeep]))
      #expect(
        EventDecoding.json(Self.open + #","attributes":{"k":"# + deep) == DecodedEvents(reasons: [.tooDeep]))
    }
  }

  /// 64 KiB of ever the same, each a trap for some reader.
  @Test(arguments: [
    "[", "{", "\"", "\\", "{\"a\":", "-", "1", "e", "\\u", "[[],", "{}", " ", "\u{0}", "é", "\"\\", "/", "t",
    "{\"\":",
  ])
  func standsRepetition(unit: String) {
    let text = String(repeating: unit, count: 65_507 / unit.utf8.count)
    let decoded = EventDecoding.json(text)
    #expect(decoded.events.isEmpty)
    #expect(decoded.reasons.count == (unit == " " ? 0 : 1))
    let good = Self.open + "}\n"
    #expect(EventDecoding.json(good + text + "\n" + good).events == [Self.plain, Self.plain])
    // Inside a member too.
    #expect(EventDecoding.json(good + Self.open + ",\"x\":" + text + "\n" + good).events.first == Self.plain)
  }

  @Test func boundsLines() {
    func line(_ byteCount: Int) -> String {
      let start = Self.open + #","x":""#
      return start + String(repeating: "y", count: byteCount - start.utf8.count - 2) + "\"}"
    }
    #expect(EventDecoding.json(line(65_536)).events == [Self.plain])
    #expect(EventDecoding.json("  " + line(65_536) + "\r\n").events == [Self.plain])
    #expect(EventDecoding.json(line(65_537)) == DecodedEvents(reasons: [.tooLong]))
    let good = Self.open + "}\n"
    let decoded = EventDecoding.json(good + line(200_000) + "\n" + good)
    #expect(decoded == DecodedEvents(events: [Self.plain, Self.plain], reasons: [.tooLong]))
    // The longest line, all of it escapes.
    let escapes = String(repeating: #"\ud83d\ude00"#, count: 5_000)
    #expect(
      EventDecoding.json(Self.open + #","x":"\#(escapes)","y":"\#(escapes)"}"#)
        == DecodedEvents(reasons: [.tooLong]))
    #expect(
      EventDecoding.json(Self.open + #","x":"\#(escapes)","y":"\n"}"#).events.first?.attributes == ["y": "\n"]
    )
  }
}
