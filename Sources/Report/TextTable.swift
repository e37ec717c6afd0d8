import UsageModel

/// Cells as safe text with what layout needs to know about their columns.
struct TextTable {
  struct Column {
    var header: String
    /// Numbers stand right and are never cut; text stands left and may be.
    var isNumeric: Bool
  }

  private(set) var columns: [Column]
  private(set) var cells: [[String]]
  /// Indexes of columns in the order in which to leave them out.
  private let dropOrder: [Int]

  init(
    columns names: [String], rows: ArraySlice<[ReportValue]>, style: GenericTable.Style, report: String
  ) {
    precondition(rows.allSatisfy { $0.count == names.count }, "BUG: a row needs one value a column")
    let wordings = names.map { ColumnWording(name: $0, among: names) }
    columns = names.indices.map { index in
      Column(
        header: style == .human ? wordings[index].header : SafeText.escaping(names[index]),
        isNumeric: Self.isNumeric(rows, column: index))
    }
    cells = rows.map { row in
      row.indices.map { style == .human ? wordings[$0].text(row[$0]) : ColumnWording.exactText(row[$0]) }
    }
    dropOrder = ColumnImportance.dropOrder(report: report, columns: names)
  }

  /// Whether a column holds numbers, or nothing at all.
  private static func isNumeric(_ rows: ArraySlice<[ReportValue]>, column: Int) -> Bool {
    rows.allSatisfy { row in
      switch row[column] {
      case .null, .integer, .number: true
      case .text, .boolean: false
      }
    }
  }
}

// MARK: - Fitting a terminal

extension TextTable {
  /// The table as lines of text.
  struct Layout {
    var header: String
    var rows: [String]
    /// Headers of the columns that found no room.
    var leftOut: [String]
  }

  /// A text column is cut to this width before another column is left out.
  private static let textColumnsMin = 14
  /// Blank columns between two columns.
  private static let gap = 2

  /// Lays the table out.
  ///
  /// In a width too small for everything, text columns shrink first, then the least important columns
  /// are left out; a table of one column is as wide as its numbers.
  func layout(terminalColumns: Int?) -> Layout {
    let natural = columns.indices.map { index in
      cells.reduce(DisplayWidth.of(columns[index].header)) { max($0, DisplayWidth.of($1[index])) }
    }
    var shown = Array(columns.indices)
    var widths = natural
    if let terminalColumns {
      var candidates = dropOrder[...]
      widths = shrink(natural, shown: shown, to: terminalColumns)
      while total(widths, shown) > terminalColumns, let dropped = candidates.popFirst() {
        shown.removeAll { $0 == dropped }
        widths = shrink(natural, shown: shown, to: terminalColumns)
      }
    }
    return Layout(
      header: line(columns.map { $0.header }, shown, widths),
      rows: cells.map { line($0, shown, widths) },
      leftOut: columns.indices.filter { !shown.contains($0) }.map { columns[$0].header })
  }

  private func total(_ widths: [Int], _ shown: [Int]) -> Int {
    shown.reduce(0) { $0 + widths[$1] } + Self.gap * max(0, shown.count - 1)
  }

  /// Takes what is too much from the widest text column, again and again.
  private func shrink(_ natural: [Int], shown: [Int], to terminalColumns: Int) -> [Int] {
    var widths = natural
    let texts = shown.filter { !columns[$0].isNumeric }
    var excess = total(widths, shown) - terminalColumns
    while excess > 0 {
      guard let widest = texts.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.textColumnsMin
      else { break }
      let next = texts.filter { $0 != widest }.map { widths[$0] }.max() ?? 0
      let step = min(excess, widths[widest] - Self.textColumnsMin, max(1, widths[widest] - next))
      widths[widest] -= step
      excess -= step
    }
    return widths
  }

  private func line(_ texts: [String], _ shown: [Int], _ widths: [Int]) -> String {
    var result = ""
    for (position, index) in shown.enumerated() {
      if position > 0 { result += String(repeating: " ", count: Self.gap) }
      let isNumeric = columns[index].isNumeric
      let text = isNumeric ? texts[index] : DisplayWidth.truncate(texts[index], to: widths[index])
      let padding = String(repeating: " ", count: max(0, widths[index] - DisplayWidth.of(text)))
      let isLast = position == shown.count - 1
      result += isNumeric ? padding + text : isLast ? text : text + padding
    }
    return result
  }
}
