/// What a caller may choose about rendering besides the format.
package struct RenderOptions: Sendable {
  /// Width of the terminal in columns; nil when standard output is none, and nothing is cut.
  package var terminalColumns: Int?
  /// Most rows to show: nil is the format's default, 0 is all.
  package var rowLimit: Int?
  /// Whether tables may use colour; the caller knows about terminals and `NO_COLOR`.
  package var usesColor: Bool
  /// The smallest group that was shown (`--min-group`), to explain suppressed rows.
  package var minimumGroup: Int

  package init(
    terminalColumns: Int? = nil, rowLimit: Int? = nil, usesColor: Bool = false, minimumGroup: Int = 5
  ) {
    self.terminalColumns = terminalColumns
    self.rowLimit = rowLimit
    self.usesColor = usesColor
    self.minimumGroup = minimumGroup
  }

  /// How many of `count` rows to show in a format.
  func shownRowCount(of count: Int, in format: OutputFormat) -> Int {
    guard let limit = rowLimit ?? format.defaultRowLimit, limit > 0 else { return count }
    return min(limit, count)
  }
}
