/// Memory of decoded columns, kept from one merge to the next: the first touch of new memory took as long as decoding
/// into it.
///
/// Belongs to one thread. Empty it when nothing is merged for a while.
package final class MergeMemory {
  /// Rows of each piece: the usual merge of arrivals.
  ///
  /// Untouched rows take no memory.
  static let rowsMax = 262_144
  private var free: [UnsafeMutablePointer<Int64>] = []

  package init() {}

  deinit { removeAll() }

  /// Gives all that nobody uses back to the system.
  package func removeAll() {
    for piece in free { piece.deallocate() }
    free = []
  }

  /// Room for so many values, of any content.
  func take(_ rowCount: Int) -> UnsafeMutablePointer<Int64> {
    guard rowCount <= Self.rowsMax else { return .allocate(capacity: rowCount) }
    return free.popLast() ?? .allocate(capacity: Self.rowsMax)
  }

  /// Takes back what ``take(_:)`` gave for as many.
  func giveBack(_ piece: UnsafeMutablePointer<Int64>, _ rowCount: Int) {
    if rowCount <= Self.rowsMax { free.append(piece) } else { piece.deallocate() }
  }
}
