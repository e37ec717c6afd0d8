import Testing
import UsageModel

@Suite struct ReportBytesTests {
  private static let document = ReportDocument(
    report: "bottlenecks", method: "waterline-bottlenecks/1",
    window: Window(from: CivilDay(number: -5), to: CivilDay(number: 20_500)), timeZoneName: "Europe/Oslo",
    population: "roster", catalog: "observed",
    totals: [ReportField("people", .integer(.min)), ReportField("e\u{301}", .null)],
    columns: ["a", "\u{E9}", "日本"],
    rows: [
      [.null, .text(""), .text("\u{0}\"")], [.integer(.max), .number(0.1 + 0.2), .number(-.infinity)],
      [.boolean(true), .boolean(false), .number(.leastNonzeroMagnitude)],
    ], warnings: ["", "w"])

  @Test func comeBackAsTheyWere() throws {
    let bytes = ReportBytes.encode(Self.document)
    #expect(ReportBytes.decode(bytes) == Self.document)
    let empty = ReportDocument(
      report: "", method: "", window: Self.document.window, timeZoneName: "", population: "", catalog: "",
      columns: [])
    #expect(ReportBytes.decode(ReportBytes.encode(empty)) == empty)
  }

  @Test func otherBytesAreNoReport() {
    let bytes = ReportBytes.encode(Self.document)
    for count in 0..<bytes.count { #expect(ReportBytes.decode(Array(bytes[..<count])) == nil) }
    #expect(ReportBytes.decode(bytes + [0]) == nil)
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= 0x80
      // Any answer will do, as long as there is one: a digest stands in front of what is kept.
      _ = ReportBytes.decode(changed)
    }
  }
}
