import UsageModel

/// Finds names close to a mistyped one, for messages.
enum NearNames {
  /// Up to three names within two edits (a third of the length for short names), nearest first.
  static func suggestions(for given: String, among names: some Sequence<String>) -> [String] {
    let wanted = Array(given.lowercased().unicodeScalars)
    let allowed = max(1, min(2, wanted.count / 3))
    let near = names.map { (name: $0, edits: edits(wanted, Array($0.lowercased().unicodeScalars), allowed)) }
    return near.filter { $0.edits <= allowed }
      .sorted { $0.edits != $1.edits ? $0.edits < $1.edits : $0.name.precedesByBytes($1.name) }
      .prefix(3).map(\.name)
  }

  /// A sentence part such as `; did you mean "Sales"?`, or nothing.
  static func hint(for given: String, among names: some Sequence<String>) -> String {
    let near = suggestions(for: given, among: names).map { "\"\($0)\"" }
    return near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
  }

  /// Insertions, deletions, substitutions and swaps of neighbours; more than `limit` is not told apart.
  private static func edits(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar], _ limit: Int) -> Int {
    guard abs(left.count - right.count) <= limit else { return limit + 1 }
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for (row, scalar) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        let substituted = previous[column] + (scalar == other ? 0 : 1)
        var best = min(previous[column + 1] + 1, current[column] + 1, substituted)
        if row > 0, column > 0, scalar == right[column - 1], left[row - 1] == other {
          best = min(best, beforePrevious[column - 1] + 1)
        }
        current.append(best)
      }
      beforePrevious = previous
      previous = current
    }
    return previous[right.count]
  }
}
