/// The columns of one chunk as they come out of the decoder, in memory that is used again for the next.
///
/// Owned by one worker at a time. Columns that were not asked for hold nothing of meaning.
package final class DecodedChunk {
  /// Rows that fit: as many as a stored chunk may have.
  package static let rowsMax = 65_536

  package var rowCount = 0
  package let user = UnsafeMutablePointer<UInt32>.allocate(capacity: rowsMax)
  package let feature = UnsafeMutablePointer<UInt32>.allocate(capacity: rowsMax)
  package let source = UnsafeMutablePointer<UInt32>.allocate(capacity: rowsMax)
  package let kind = UnsafeMutablePointer<UInt8>.allocate(capacity: rowsMax)
  package let outcome = UnsafeMutablePointer<UInt8>.allocate(capacity: rowsMax)
  package let start = UnsafeMutablePointer<Int64>.allocate(capacity: rowsMax)
  /// As stored: 0 is absent, else one more than the milliseconds.
  package let durationPlusOne = UnsafeMutablePointer<Int64>.allocate(capacity: rowsMax)
  package let sequence = UnsafeMutablePointer<Int64>.allocate(capacity: rowsMax)
  /// A number that stands for the session's text; 0 is absent.
  package let session = UnsafeMutablePointer<UInt64>.allocate(capacity: rowsMax)

  package init() {}

  deinit {
    user.deallocate()
    feature.deallocate()
    source.deallocate()
    kind.deallocate()
    outcome.deallocate()
    start.deallocate()
    durationPlusOne.deallocate()
    sequence.deallocate()
    session.deallocate()
  }

  /// Whether the numbers of the columns named are below these limits; kernels look them up without a check.
  ///
  /// - Complexity: O(rows).
  package func isConsistent(users: Int, features: Int, sources: Int?) -> Bool {
    func isBelow(_ column: UnsafeMutablePointer<UInt32>, _ limit: Int) -> Bool {
      // Signs say it of several rows at once, where a largest number takes one after the other.
      let last = Int32(clamping: limit - 1)
      var signs: Int32 = 0
      for row in 0..<rowCount {
        let number = Int32(bitPattern: column[row])
        signs |= number | (last &- number)
      }
      return signs >= 0
    }
    return isBelow(user, users) && isBelow(feature, features) && sources.map { isBelow(source, $0) } ?? true
  }

  /// Takes rows of plain columns; columns that are not loaded count as absent.
  package func fill(_ columns: EventColumns, rows: Range<Int>) {
    rowCount = rows.count
    for (row, index) in rows.enumerated() {
      user[row] = columns.user.isEmpty ? 0 : columns.user[index]
      feature[row] = columns.feature.isEmpty ? 0 : columns.feature[index]
      kind[row] = columns.kind.isEmpty ? 0 : columns.kind[index]
      outcome[row] = columns.outcome.isEmpty ? 0 : columns.outcome[index]
      start[row] = columns.start.isEmpty ? 0 : columns.start[index]
      durationPlusOne[row] = columns.duration.isEmpty ? 0 : columns.duration[index] + 1
      source[row] = columns.source.isEmpty ? 0 : columns.source[index]
      sequence[row] = columns.sequence.isEmpty ? 0 : columns.sequence[index]
      session[row] = columns.session.isEmpty ? 0 : UInt64(columns.session[index])
    }
  }
}
