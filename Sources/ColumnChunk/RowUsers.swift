/// The users of a chunk's rows, by which other columns may be stored (`ColumnHeader.Encoding.byUser`).
///
/// Most people work on one machine, whose name and number would else be stored again with each event.
package struct RowUsers: Sendable {
  /// Spread of user numbers up to which a table finds their places; beyond, which takes a damaged or a very
  /// old file, a dictionary does.
  private static let tableSpanMax: UInt64 = 1 << 22

  /// By row, the place of its user in the order of first appearance.
  let places: [UInt32]
  /// By place, the first row of a user.
  let firstRows: [UInt32]

  /// - Complexity: O(rows + spread of the numbers).
  package init(_ users: UnsafeBufferPointer<Int64>) {
    var places = [UInt32](repeating: 0, count: users.count)
    var firstRows: [UInt32] = []
    let bounds = ColumnEncoder.bounds(users) ?? 0...0
    let span = UInt64(bitPattern: bounds.upperBound &- bounds.lowerBound)
    if span < Self.tableSpanMax {
      var known = [UInt32](repeating: 0, count: Int(span) + 1)
      for row in 0..<users.count {
        let index = Int(users[row] &- bounds.lowerBound)
        if known[index] == 0 {
          firstRows.append(UInt32(row))
          known[index] = UInt32(firstRows.count)
        }
        places[row] = known[index] &- 1
      }
    } else {
      var known: [Int64: UInt32] = [:]
      for row in 0..<users.count {
        let place = known[users[row]] ?? UInt32(firstRows.count)
        if place == firstRows.count {
          firstRows.append(UInt32(row))
          known[users[row]] = place
        }
        places[row] = place
      }
    }
    self.places = places
    self.firstRows = firstRows
  }
}
