import Testing
import UsageModel

@testable import FileImport

struct ExportTimeTests {
  /// 2024-03-12 15:45:00 UTC.
  static let moment: Int64 = 1_710_258_300_000

  @Test(arguments: [
    "2024-03-12T15:45:00Z", "2024-03-12T16:45:00+01:00", "2024-03-12 15:45:00", "2024-03-12 15:45",
    "2024-03-12T15:45", "2024/03/12 15:45", "12/3/2024 15:45", "12/03/2024 15:45:00", "12-03-2024 03:45 PM",
    "12.03.2024 15:45", "12/Mar/24 3:45 PM", "12/mar/2024 15:45", "12-March-2024, 15:45", "1710258300000",
    "12/3/24 15:45", "2024-03-12 15:45:00.000",
  ])
  func readsWhatDesksWrite(text: String) {
    #expect(ExportTime.milliseconds(text, .utc) == Self.moment)
  }

  @Test(arguments: [
    "", "12", "12/13/2024 10:00", "31/2/2024", "2024-02-30 10:00", "12/3/2024 24:00", "12/3/2024 10:60",
    "12/3/2024 13:00 PM", "12/3-2024", "12/Foo/24", "12/3/2024 10", "12/3/2024 10:00 x", "0/3/2024",
    "2024-03-12 10:00 Uhr", "99999999999999999999", "12/Ma/24", "12/3/024", "-1", "12/3/2024 -1:00",
  ])
  func refusesEverythingElse(text: String) {
    #expect(ExportTime.milliseconds(text, .utc) == nil)
  }

  @Test(arguments: [
    "3/12/2024 15:45", "03/12/2024 15:45:00", "3-12-2024 3:45 PM", "03.12.24 15:45", "2024-03-12 15:45",
    "2024/03/12 15:45", "12/Mar/24 3:45 PM", "2024-03-12T16:45:00+01:00", "1710258300000",
  ])
  func readsTheMonthFirstWhereToldSo(text: String) {
    #expect(ExportTime.milliseconds(text, .utc, order: .month) == Self.moment)
  }

  @Test(arguments: ["13/12/2024", "2/30/2024", "2024-13-12 10:00", "Mar/12/2024", "3/32/2024"])
  func refusesWhatIsNoDateWithTheMonthFirst(text: String) {
    #expect(ExportTime.milliseconds(text, .utc, order: .month) == nil)
  }

  @Test func aDateAloneIsItsMidnight() {
    #expect(ExportTime.milliseconds("12/03/2024", .utc) == 1_710_201_600_000)
  }

  @Test func localTimesAreOfTheZone() {
    let zone = ZoneRules(name: "Test", initialOffsetMilliseconds: 3_600_000, transitions: [])
    #expect(ExportTime.milliseconds("12/3/2024 16:45", zone) == Self.moment)
    #expect(ExportTime.milliseconds("2024-03-12T15:45:00Z", zone) == Self.moment)
  }
}
