import Testing

@testable import Aggregation

struct SuppressionTests {
  private func people(_ members: [Int32], below limit: Int) -> RowPeople {
    var people = RowPeople()
    for member in members { people.insert(member, below: limit) }
    return people
  }

  /// Rows of one column; row n stands at place n.
  private func suppressed(_ groups: [[Int32]], minimum: Int) -> [Int] {
    let rows = groups.enumerated().map { index, members in
      Suppression.Row(people: people(members, below: minimum), columnRanks: [Int32(index)])
    }
    let suppression = Suppression(
      rows: rows, blockOfColumn: [0], placeInOrder: rows.indices.map { Int32($0) }, minimumPeople: minimum)
    return rows.indices.filter { suppression.isSuppressed[$0] }
  }

  @Test func largeGroupsStay() {
    #expect(suppressed([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]], minimum: 5).isEmpty)
  }

  @Test func aSingleSuppressedRowTakesTheNextSmallestAlong() {
    let rows: [[Int32]] = [Array(0..<9), [20, 21], Array(30..<36), Array(40..<46)]
    #expect(suppressed(rows, minimum: 5) == [1, 2])
  }

  @Test func rowsThatHoldTooFewPeopleTogetherTakeTheNextAlong() {
    #expect(suppressed([[1], [2], [3, 4], Array(10..<16), Array(20..<29)], minimum: 5) == [0, 1, 2, 3])
    #expect(suppressed([[1, 2], [3, 4], [5], Array(10..<16)], minimum: 5) == [0, 1, 2])
  }

  @Test func peopleInSeveralRowsCountOnce() {
    #expect(suppressed([[1, 2, 3], [1, 2, 3], Array(10..<20)], minimum: 5) == [0, 1, 2])
  }

  @Test(arguments: [0, 1])
  func aMinimumOfOneSuppressesNothing(minimum: Int) {
    #expect(suppressed([[], [1]], minimum: minimum).isEmpty)
  }

  @Test func rowsAboutNobodyAreSuppressed() {
    #expect(suppressed([[], Array(0..<9), Array(0..<8)], minimum: 5) == [0, 2])
  }

  /// Whatever the rows, no total is left with something that could be worked out.
  @Test(arguments: 0..<100)
  func everyTotalIsSafeInTheEnd(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let minimum = Int.random(in: 2...6, using: &random)
    var rows: [Suppression.Row] = []
    for department in Int32(0)..<4 {
      for feature in Int32(0)..<4 where Int.random(in: 0..<5, using: &random) > 0 {
        let count = Int.random(in: 0...9, using: &random)
        let members = (0..<count).map { department * 100 + Int32($0) }
        let ranks = [department, feature / 2, feature]
        rows.append(Suppression.Row(people: people(members, below: minimum), columnRanks: ranks))
      }
    }
    let result = Suppression(
      rows: rows, blockOfColumn: [0, 1, 1], placeInOrder: rows.indices.map { Int32($0) },
      minimumPeople: minimum)
    let byDepartment = Dictionary(grouping: rows.indices) { rows[$0].columnRanks[0] }
    let byFeature = Dictionary(grouping: rows.indices) { rows[$0].columnRanks[2] }
    let totals = Array(byDepartment.values) + Array(byFeature.values) + [Array(rows.indices)]
    for total in totals {
      let hidden = total.filter { result.isSuppressed[$0] }
      guard !hidden.isEmpty, hidden.count < total.count else { continue }
      let together = Set(hidden.flatMap { rows[$0].people.members })
      let holdsEnough = hidden.contains { rows[$0].people.count >= minimum } || together.count >= minimum
      #expect(hidden.count > 1 && holdsEnough)
    }
    for index in rows.indices where rows[index].people.count < minimum {
      #expect(result.isSuppressed[index])
    }
  }

  @Test func membersAreForgottenOnceTheyAreMany() {
    var people = RowPeople()
    for member in Int32(0)..<4 { people.insert(member, below: 5) }
    #expect(people.members == [0, 1, 2, 3])
    people.insert(4, below: 5)
    #expect(people.count == 5 && people.members.isEmpty)
  }
}
