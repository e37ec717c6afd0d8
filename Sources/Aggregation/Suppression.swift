/// Decides which rows about few people are left out (`docs/methods.md`, section 11).
///
/// A *total* is a set of rows that add up to something a reader may know: rows that agree in all blocks of
/// columns but one, and all rows together. While the suppressed rows of a total number one, or hold fewer
/// people together than the minimum, they could be worked out; then its next smallest row goes too.
package struct Suppression: Sendable {
  /// One row as suppression sees it.
  package struct Row: Sendable {
    package var people: RowPeople
    /// By column, the place of the row's value among the column's values.
    package var columnRanks: [Int32]

    package init(people: RowPeople, columnRanks: [Int32]) {
      self.people = people
      self.columnRanks = columnRanks
    }
  }

  private let rows: [Row]
  private let blockOfColumn: [Int]
  private let placeInOrder: [Int32]
  private let minimumPeople: Int
  /// By row.
  package private(set) var isSuppressed: [Bool]

  /// - Parameters:
  ///   - rows: rows of fewer than `minimumPeople` people know who they are.
  ///   - blockOfColumn: by column; columns that only mean something together share a block.
  ///   - placeInOrder: by row, its place in the order that breaks ties of size.
  ///   - minimumPeople: 0 and 1 suppress nothing, not even rows about nobody.
  package init(rows: [Row], blockOfColumn: [Int], placeInOrder: [Int32], minimumPeople: Int) {
    self.rows = rows
    self.blockOfColumn = blockOfColumn
    self.placeInOrder = placeInOrder
    self.minimumPeople = minimumPeople
    isSuppressed = [Bool](repeating: false, count: rows.count)
    guard minimumPeople > 1 else { return }
    for index in rows.indices { isSuppressed[index] = rows[index].people.count < minimumPeople }
    guard isSuppressed.contains(true) else { return }
    protectTotals()
  }

  private mutating func protectTotals() {
    let totals = self.totals()
    var hasChanged = true
    while hasChanged {
      hasChanged = false
      for total in totals where protect(total) { hasChanged = true }
    }
  }

  /// Suppresses further rows of one total as long as it is needed; true when one was.
  private mutating func protect(_ total: [Int]) -> Bool {
    var hiddenCount = 0
    var holdsEnough = false
    var together: Set<Int32> = []
    func hide(_ index: Int) {
      hiddenCount += 1
      holdsEnough = holdsEnough || rows[index].people.count >= minimumPeople
      together.formUnion(rows[index].people.members)
    }
    for index in total where isSuppressed[index] { hide(index) }
    var isSafe: Bool {
      hiddenCount == 0 || (hiddenCount > 1 && (holdsEnough || together.count >= minimumPeople))
    }
    guard !isSafe else { return false }
    let shown = total.filter { !isSuppressed[$0] }.sorted { precedes($0, $1) }
    for index in shown where !isSafe {
      isSuppressed[index] = true
      hide(index)
    }
    return !shown.isEmpty
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let counts = (rows[left].people.count, rows[right].people.count)
    return counts.0 != counts.1 ? counts.0 < counts.1 : placeInOrder[left] < placeInOrder[right]
  }

  /// Row indices of every total: block by block, then all rows.
  private func totals() -> [[Int]] {
    var totals: [[Int]] = []
    let blockCount = (blockOfColumn.max() ?? -1) + 1
    if blockCount >= 2 {
      for block in 0..<blockCount {
        totals += self.totals(keeping: blockOfColumn.indices.filter { blockOfColumn[$0] != block })
      }
    }
    totals.append(Array(rows.indices))
    return totals
  }

  /// Rows that agree in the columns kept, in the order of these columns' values.
  private func totals(keeping columns: [Int]) -> [[Int]] {
    var totals: [[Int]] = []
    let order = RankOrder.order(rowCount: rows.count, columnCount: columns.count) {
      rows[$0].columnRanks[columns[$1]]
    }
    for index in order {
      if let first = totals.last?.first,
        columns.allSatisfy({ rows[first].columnRanks[$0] == rows[index].columnRanks[$0] })
      {
        totals[totals.count - 1].append(index)
      } else {
        totals.append([index])
      }
    }
    return totals
  }
}
