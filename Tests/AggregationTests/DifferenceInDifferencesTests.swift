import Foundation
import Testing

@testable import Aggregation

/// Estimates against those of csdid (PyPI), which `Tests/Oracle/check_impact.py` keeps in `Fixtures`.
struct DifferenceInDifferencesTests {
  private static let tolerance = 1e-6

  /// A panel read from `unit,group,period,value` lines.
  private struct Fixture {
    var panel: Panel
    var groups: [TreatmentGroup]
    var groupOfUnit: [Int32]

    init(_ name: String) throws {
      let rows = try DifferenceInDifferencesTests.lines("impact-\(name)-panel.csv")
      let values = try rows.map { row in
        (
          unit: try #require(Int(row[0])), start: Int(row[1]), period: try #require(Int(row[2])),
          value: try #require(Double(row[3]))
        )
      }
      let starts = Set(values.compactMap(\.start)).sorted()
      let unitCount = 1 + (values.map(\.unit).max() ?? 0)
      panel = Panel(unitCount: unitCount, periodCount: 1 + (values.map(\.period).max() ?? 0))
      groupOfUnit = [Int32](repeating: DifferenceInDifferences.never, count: unitCount)
      groups = starts.map { TreatmentGroup(firstPeriod: $0, basePeriod: $0 - 1) }
      for (unit, start, period, value) in values {
        panel[unit, period] = value
        if let group = starts.firstIndex(where: { $0 == start }) { groupOfUnit[unit] = Int32(group) }
      }
    }
  }

  private static func lines(_ file: String) throws -> [[String]] {
    let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let text = try String(contentsOf: directory.appending(path: "Fixtures/\(file)"), encoding: .utf8)
    return text.split(separator: "\n").dropFirst().map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test(arguments: [
    "one-start", "staggered", "no-never-treated", "counts", "long", "dark-weeks", "leavers", "sparse-counts",
  ])
  func agreesWithAnIndependentImplementation(name: String) throws {
    let fixture = try Fixture(name)
    let estimator = DifferenceInDifferences(
      fixture.panel, groups: fixture.groups, groupOfUnit: fixture.groupOfUnit)
    var found: [[String]: EffectEstimate] = [:]
    if let simple = estimator.simple { found[["simple", "", "", ""]] = simple }
    for (event, estimate) in estimator.byEventTime { found[["event_time", "\(event)", "", ""]] = estimate }
    for cell in estimator.cells {
      let start = fixture.groups[cell.group].firstPeriod
      found[["group_time", "\(cell.period - start)", "\(start)", "\(cell.period)"]] = cell.estimate
    }
    let expected = try Self.lines("impact-\(name)-expected.csv")
    #expect(expected.count > 10)
    for row in expected {
      let estimate = try #require(found[Array(row[0..<4])], "\(row)")
      #expect(abs(estimate.estimate - (try #require(Double(row[4])))) < Self.tolerance, "\(row)")
      #expect((estimate.standardError == nil) == row[5].isEmpty, "\(row)")
      if let error = estimate.standardError, let wanted = Double(row[5]) {
        #expect(abs(error - wanted) < Self.tolerance, "\(row)")
      }
    }
  }

  /// Two people treated in period 2, two never, outcomes in periods 0 to 3.
  private func small(_ values: [[Double]], groupOfUnit: [Int32]) -> DifferenceInDifferences {
    var panel = Panel(unitCount: values.count, periodCount: 4)
    for (unit, row) in values.enumerated() {
      for (period, value) in row.enumerated() { panel[unit, period] = value }
    }
    return DifferenceInDifferences(
      panel, groups: [TreatmentGroup(firstPeriod: 2, basePeriod: 1)], groupOfUnit: groupOfUnit)
  }

  @Test func differenceOfMeanChanges() throws {
    let estimator = small(
      [[1, 1, 3, 4], [2, 2, 5, 6], [0, 0, 1, 1], [4, 4, 6, 7]], groupOfUnit: [0, 0, -1, -1])
    let cell = try #require(estimator.cells.first { $0.period == 2 })
    // Treated moved by 2 and 3, the others by 1 and 2.
    #expect(cell.estimate.estimate == 1)
    #expect(cell.estimate.standardError == (0.125 + 0.125).squareRoot())
    #expect(cell.estimate.status == .effect)
    #expect((cell.estimate.treatedCount, cell.estimate.controlCount) == (2, 2))
    #expect(estimator.byEventTime.map(\.event) == [-2, -1, 0, 1])
    #expect(estimator.byEventTime.map(\.estimate.status) == [.placebo, .base, .effect, .effect])
    // Nothing moved before the start: an estimate of 0, and nothing to judge it by.
    #expect(estimator.byEventTime[0].estimate.estimate == 0)
    #expect(estimator.byEventTime[0].estimate.standardError == nil)
    #expect(estimator.byEventTime[1].estimate.standardError == nil)
  }

  @Test func withoutControlsNothingIsAnEffect() throws {
    let estimator = small([[1, 1, 3, 4], [2, 2, 5, 6]], groupOfUnit: [0, 0])
    let simple = try #require(estimator.simple)
    #expect(simple.status == .noControl)
    #expect(simple.estimate == 3)
    #expect(simple.controlCount == 0)
    #expect(!estimator.cells.contains { $0.estimate.status == .effect || $0.estimate.status == .placebo })
  }

  @Test func onlyPeoplePresentInBothPeriodsCount() throws {
    let missing = Double.nan
    let estimator = small(
      [[1, 1, 3, 4], [2, missing, 50, 60], [0, 0, 1, missing], [4, 4, 6, 7]], groupOfUnit: [0, 0, -1, -1])
    let cells = estimator.cells.filter { $0.estimate.status == .effect }
    #expect(cells.map(\.estimate.treatedCount) == [1, 1])
    #expect(cells.map(\.estimate.controlCount) == [2, 1])
    #expect(cells.map(\.estimate.estimate) == [0.5, 0])
    // A single person's change has no spread to judge it by.
    #expect(cells.allSatisfy { $0.estimate.standardError == nil })
  }

  @Test func roundingIsNoVariation() throws {
    let estimator = small(
      [[0.1, 0.1, 0.4, 0.4], [0.2, 0.2, 0.5, 0.5], [0.3, 0.3, 0.6, 0.6], [0.7, 0.7, 1, 1]],
      groupOfUnit: [0, 0, -1, -1])
    #expect(estimator.cells.allSatisfy { $0.estimate.standardError == nil })
  }

  @Test func aDroppedWeekMovesTheBase() throws {
    var panel = Panel(unitCount: 4, periodCount: 4)
    for (unit, row) in [[1.0, .nan, 3, 4], [2, .nan, 5, 6], [0, 9, 1, 1], [4, 9, 6, 7]].enumerated() {
      for (period, value) in row.enumerated() { panel[unit, period] = value }
    }
    let estimator = DifferenceInDifferences(
      panel, groups: [TreatmentGroup(firstPeriod: 2, basePeriod: 0)], groupOfUnit: [0, 0, -1, -1])
    #expect(estimator.cells.map(\.period) == [0, 2, 3])
    #expect(estimator.cells[1].estimate.estimate == 1)
  }
}
