import Testing
import UsageModel

@testable import WireFormat

struct CommaSeparatedEventTests {
  private func decode(_ text: String) throws -> DecodedEvents {
    try EventDecoding.commaSeparated(Array(text.utf8))
  }

  private let plain = UsageEvent(timeMilliseconds: 1_767_225_600_000, user: "u", app: "a", feature: "f")

  @Test func readsByNameInAnyOrder() throws {
    let text =
      "\u{FEFF}feature,extra,user,time,app\r\nf,ignored,u,2026-01-01T00:00:00Z,a\r\nf,,u,1767225600000,a"
    #expect(try decode(text) == DecodedEvents(events: [plain, plain]))
  }

  @Test func needsItsColumns() {
    #expect(throws: CommaSeparatedHeaderError.missing(names: ["app"])) { try decode("time,user,feature\n") }
    #expect(throws: CommaSeparatedHeaderError.repeated(name: "user")) { try decode("time,user,app,user\n") }
  }

  @Test func emptyCellsAreAbsent() throws {
    let header = "time,user,app,feature,kind,outcome,duration_ms,host,source,seq,attributes\n"
    #expect(try decode(header + "1767225600000,u,a,f,,,,,,,\n") == DecodedEvents(events: [plain]))
    #expect(try decode(header + ",u,a,f,,,,,,,\n") == DecodedEvents(reasons: [.missingTime]))
    #expect(try decode(header + "1767225600000,,a,f,,,,,,,\n") == DecodedEvents(reasons: [.missingUser]))
    #expect(try decode(header + "1767225600000,u,,f,,,,,,,\n") == DecodedEvents(reasons: [.missingApp]))
    #expect(try decode(header + "1767225600000,u,a,,,,,,,,\n") == DecodedEvents(reasons: [.missingFeature]))
    #expect(try decode(header + ",,,,,,,,,,\n") == DecodedEvents(reasons: [.missingTime]))
  }

  static let cells: [(column: String, cell: String, reason: RejectReason)] = [
    ("time", "1767225600", .time), ("time", "yesterday", .time), ("time", "1767225600000.5", .time),
    ("time", " 1767225600000", .time), ("time", "01767225600000", .time), ("time", "-", .time),
    ("time", "1-2", .time),
    ("time", "3000-01-01T00:00:00Z", .time), ("kind", "USE", .kind), ("outcome", "1", .outcome),
    ("duration_ms", "-1", .duration), ("duration_ms", "4294967296", .duration), ("seq", "0", .sequence),
    ("seq", "-5", .sequence), ("seq", "9223372036854775808", .sequence), ("source", "s", .sequence),
    ("user", "a\u{0}b", .nulCharacter), ("attributes", "{\"a\":1}", .attributes),
    ("attributes", "x", .wrongType), ("attributes", "[]", .wrongType),
    ("attributes", "{\"a\":\"b\"", .wrongType),
    ("attributes", "{\"a\":\"b\"},\"user\":\"mallory\"", .wrongType),
    ("attributes", "{},\"kind\":\"help\"", .wrongType),
    ("attributes", "{}}", .wrongType), ("attributes", "{} {", .wrongType),
    ("attributes", "1,\"host\":\"h\"", .wrongType),
    ("duration_ms", "5,\"user\":\"mallory\"", .wrongType),
    ("user", String(repeating: "x", count: 257), .tooLong),
  ]

  /// What stands in a cell never reaches beyond its field.
  @Test(arguments: cells.indices)
  func refusesBadCells(index: Int) throws {
    let (column, cell, reason) = Self.cells[index]
    var cells = ["time": "1767225600000", "user": "u", "app": "a", "feature": "f"]
    cells[column] = cell
    let names = CommaSeparatedEventDecoder.knownColumns
    let record = names.map { "\"\((cells[$0] ?? "").replacing("\"", with: "\"\""))\"" }.joined(separator: ",")
    #expect(
      try decode(names.joined(separator: ",") + "\n" + record + "\n") == DecodedEvents(reasons: [reason]))
  }

  @Test func refusesWhatIsNotUTF8() throws {
    let bytes =
      Array("time,user,app,feature\n1767225600000,".utf8) + [0xFF] + Array(",a,f\n1767225600000,u,a,f\n".utf8)
    #expect(try EventDecoding.commaSeparated(bytes) == DecodedEvents(events: [plain], reasons: [.notUTF8]))
  }

  @Test func takesAttributesOverSeveralLines() throws {
    let text = "time,user,app,feature,attributes\n1767225600000,u,a,f,\"{\n  \"\"k\"\": \"\"v\\n\"\"\n}\"\n"
    var event = plain
    event.attributes = ["k": "v\n"]
    #expect(try decode(text) == DecodedEvents(events: [event]))
  }
}
