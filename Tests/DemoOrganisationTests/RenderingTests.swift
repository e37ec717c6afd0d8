import Foundation
import Testing

@testable import DemoOrganisation

struct RenderingTests {
  let small = SmallOrganisation.shared

  private func object(_ bytes: [UInt8]) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  @Test func everyEventIsOneValidLine() throws {
    let renderer = EventRenderer(plan: small.plan)
    let known: Set<String> = [
      "time", "user", "app", "feature", "kind", "outcome", "duration_ms", "host", "session", "version",
      "cause", "source", "seq",
    ]
    for event in small.events.prefix(3_000) {
      var line: [UInt8] = []
      renderer.append(event, to: &line)
      #expect(line.firstIndex(of: 10) == line.count - 1)
      let fields = try object(line)
      #expect(known.isSuperset(of: fields.keys))
      #expect(fields["time"] as? Int == Int(event.timeMilliseconds))
      #expect(fields["user"] as? String == small.plan.userNames[Int(event.person)])
      #expect(fields["feature"] as? String == event.feature.map { small.plan.featureNames[Int($0)] })
      #expect(fields["session"] as? String == event.session.map { small.plan.sessionName($0) })
      #expect(fields["seq"] as? Int == Int(event.sequence))
    }
  }

  @Test func goldenLine() {
    let event = DemoEvent(
      timeMilliseconds: 1_795_166_130_250, person: 0, sequence: 7, durationMilliseconds: 1_500, session: 3,
      feature: nil, application: 0, version: 0, cause: 0, kind: .interruption, outcome: .success,
      namesHost: true)
    var line: [UInt8] = []
    EventRenderer(plan: small.plan).append(event, to: &line)
    let user = small.plan.userNames[0]
    let version = small.plan.versionNames[0]
    #expect(
      String(decoding: line, as: UTF8.self)
        == #"{"time":1795166130250,"user":"\#(user)","app":"mail","kind":"interruption","duration_ms":1500,"#
        + #""host":"ws-0001","session":"s3","version":"\#(version)","cause":"crash","source":"ws-0001","#
        + #""seq":7}"# + "\n")
  }

  @Test func plantedTruthIsValidAndComplete() throws {
    let planted = try object(small.plan.plantedJSON())
    #expect(
      Set(planted.keys) == [
        "seed", "window", "bottlenecks", "silent_people", "unobserved_people", "movers", "service_accounts",
        "rollout", "adoption_gaps", "expected",
      ])
    let expected = try #require(planted["expected"] as? [String: Any])
    #expect(expected["events"] as? Int == small.events.count)
    let lost = try #require(expected["lost_numbers_by_source"] as? [String: Int])
    #expect(lost.values.reduce(0, +) == expected["lost_numbers"] as? Int)
    #expect((planted["unobserved_people"] as? [String])?.count == small.plan.unobservedPeople.count)
  }

  @Test func tablesHaveAsManyFieldsAsTheirHeader() {
    for table in [
      small.plan.rosterCSV(), small.plan.catalogCSV(), small.plan.ticketsCSV(small.tickets),
    ] {
      let lines = String(decoding: table, as: UTF8.self).components(separatedBy: "\r\n")
      #expect(lines.last == "")
      // Nothing in the organisation needs quoting, so commas are what separates.
      let counts = Set(lines.dropLast().map { $0.components(separatedBy: ",").count })
      #expect(counts.count == 1)
    }
    #expect(!small.tickets.isEmpty)
  }

  @Test func aliasesBelongToOnePersonEach() {
    let names = small.plan.people.flatMap { [$0.user] + $0.aliases }
    #expect(Set(names).count == names.count)
  }

  @Test func fieldsAreQuotedWhereTheyMustBe() {
    var table = CommaSeparatedValues(header: ["a", "b"])
    table.append(["x,\"y\"", "two\nlines"])
    #expect(String(decoding: table.bytes, as: UTF8.self) == "a,b\r\n\"x,\"\"y\"\"\",\"two\nlines\"\r\n")
  }

  @Test func jsonStringsAreEscaped() {
    var bytes: [UInt8] = []
    bytes.append(jsonString: "a\"\\\n\u{1F}é")
    #expect(String(decoding: bytes, as: UTF8.self) == #""a\"\\\u000a\u001fé""#)
  }

  @Test(arguments: [(0, "0"), (9, "9"), (10, "10"), (UInt64.max, "18446744073709551615")])
  func decimalsAreExact(number: UInt64, expected: String) {
    var bytes: [UInt8] = []
    bytes.append(decimal: number)
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }
}
