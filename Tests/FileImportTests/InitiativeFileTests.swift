import Testing
import UsageModel

@testable import FileImport

struct InitiativeFileTests {
  /// Two hours ahead of UTC.
  private static let zone = ZoneRules(name: "Test", initialOffsetMilliseconds: 7_200_000, transitions: [])
  /// 2026-03-02, a Monday.
  private static let midnight: Int64 = 1_772_409_600_000

  private func read(_ text: String) throws -> (rows: [Initiative], result: ImportResult) {
    try InitiativeFile.read(ByteInput(text: text), sort: .intervention, zone: Self.zone) {
      $0 == "bad" ? "no cohort" : nil
    }
  }

  @Test func readsDatesTimesAndMoments() throws {
    let (rows, result) = try read(
      """
      name,kind,app,feature,cohort,start,end,note
      a,training,crm,,department=Sales,2026-03-02,2026-03-09,first
      b,fix,,,,2026-03-02 09:30,,
      c,fix,,,,2026-03-02T00:00:00Z,,

      """)
    #expect(result.accepted == 3)
    let hour: Int64 = 3_600_000
    let half: Int64 = 1_800_000
    #expect(
      rows.map(\.startMilliseconds) == [
        Self.midnight - 2 * hour, Self.midnight + 9 * hour + half - 2 * hour, Self.midnight,
      ])
    #expect(rows[0].endMilliseconds == Self.midnight + 7 * 86_400_000 - 7_200_000)
    #expect(rows[0].app == "crm")
    #expect(rows[1].app == nil)
    #expect(rows[1].cohort.isEmpty)
  }

  @Test func ofOneNameAndCohortTheLastStays() throws {
    let (rows, result) = try read(
      """
      name,cohort,start
      a,site=Oslo,2026-03-02
      a,site=Lagos,2026-03-02
      a,site=Oslo,2026-03-03

      """)
    #expect(rows.count == 2)
    #expect(rows[0].startMilliseconds == Self.midnight + 86_400_000 - 7_200_000)
    #expect(result.duplicate == 1)
  }

  @Test func refusesWhatCannotBeRead() throws {
    let (rows, result) = try read(
      """
      name,kind,cohort,start,end
      ,fix,,2026-03-02,
      a,fix,bad,2026-03-02,
      b,fix,,soon,
      c,fix,,2026-03-02,2026-03-01
      d,dance,,2026-03-02,

      """)
    #expect(rows.map(\.name) == ["d"])
    #expect(result.rejected == ["missing_name": 1, "cohort": 1, "time": 2])
    #expect(result.warnings.contains { $0.contains("dance") })
  }
}
