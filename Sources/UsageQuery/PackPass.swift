import Aggregation

/// Applications whose events fit memory together.
struct PackPass {
  /// By rank; nil for all.
  var isWanted: [Bool]?
  /// Rows there is room for.
  var rowCount: Int

  /// Puts applications together while they fit; one that does not fit has a pass to itself.
  ///
  /// - Parameters:
  ///   - appOfRank: features of an application are neighbours.
  ///   - rowsMax: rows that fit.
  static func plan(rowsOfRank: [Int], appOfRank: [Int32], rowsMax: Int) -> [PackPass] {
    let nothing = PackPass(isWanted: [Bool](repeating: false, count: rowsOfRank.count), rowCount: 0)
    var passes: [PackPass] = []
    var current = nothing
    var rank = 0
    while rank < rowsOfRank.count {
      let end = appOfRank[rank...].firstIndex { $0 != appOfRank[rank] } ?? rowsOfRank.count
      let rows = rowsOfRank[rank..<end].reduce(0, +)
      if current.rowCount > 0, current.rowCount + rows > rowsMax {
        passes.append(current)
        current = nothing
      }
      for index in rank..<end { current.isWanted?[index] = true }
      current.rowCount += rows
      rank = end
    }
    passes.append(current)
    return passes
  }
}

extension DecodedChunk {
  /// Counts the rows of each feature, as the store numbers it; needs features.
  ///
  /// - Complexity: O(rows).
  func countRows(byRank counts: inout [Int], rankOfFeature: [Int32]) {
    var row = 0
    while row < rowCount {
      let first = row
      repeat { row += 1 } while row < rowCount && feature[row] == feature[first]
      let rank = Int(rankOfFeature[Int(feature[first])])
      if rank >= 0 { counts[rank] += row - first }
    }
  }
}

extension PackedEvents.Contents {
  /// What a row takes: user, duration and flags, and what else is kept.
  var bytesPerRow: Int { 9 + (contains(.start) ? 8 : 0) + (contains(.order) ? 12 : 0) }
}
