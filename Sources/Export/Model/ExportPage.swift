import UsageModel

/// What an export says, before it becomes HTML or Markdown.
package struct ExportPage: Equatable, Sendable {
  /// How sections are laid out.
  package enum Layout: Equatable, Sendable {
    /// One below the other.
    case report
    /// One a screen and one a printed page.
    case slides
  }

  package var title: String
  /// Days, zone and whom it is about.
  package var subtitle: String
  package var layout: Layout
  package var sections: [PageSection]
}

/// A part of a page under its own heading.
package struct PageSection: Equatable, Sendable {
  /// Unique in the page; letters and hyphens.
  package var identifier: String
  package var title: Prose
  package var blocks: [PageBlock]
  /// A section of a slide page that is no slide: the notes behind the slides.
  package var isNotes = false
}

/// What stands in a section.
package enum PageBlock: Equatable, Sendable {
  /// The section's message, in larger type.
  case lead(Prose)
  case paragraph(Prose)
  case list([Prose])
  /// Numbers that must not be missed.
  case headline([HeadlineFigure])
  case chart(PageChart)
  case table(PageTable)
  /// What support staff or users said.
  case quotes([Prose])
}

/// A number in large type.
package struct HeadlineFigure: Equatable, Sendable {
  package var label: String
  package var figure: Figure
  /// What stands below it.
  package var detail: Prose
}

/// Some rows and columns of a part, as a table.
package struct PageTable: Equatable, Sendable {
  /// A column of the part.
  package struct Column: Equatable, Sendable {
    package var name: String
    package var header: String
  }

  package var caption: String
  package var part: ExportPart
  package var columns: [Column]
  /// How many rows of the part are shown, from the first.
  package var rowCount: Int
  /// Whether times are shown in hours, so that a column's numbers compare at a glance.
  package var isInHours: Bool

  /// - Parameter columns: name of the part's column and header, in their order.
  init(
    _ caption: String, of part: ExportPart, _ columns: [(name: String, header: String)],
    rowsMax: Int = .max, isInHours: Bool = false
  ) {
    self.isInHours = isInHours
    self.caption = caption
    self.part = part
    self.columns = columns.map { Column(name: $0.name, header: $0.header) }
    rowCount = min(rowsMax, part.rowCount)
  }

  /// A cell.
  func figure(_ column: Column, row: Int) -> Figure {
    let figure = part.figure(column.name, row: row)
    return isInHours && column.name.hasSuffix("_ms") ? figure.inHours : figure
  }

  /// Whether a column holds numbers, or nothing at all.
  func isNumeric(_ column: Column) -> Bool {
    (0..<part.rowCount).allSatisfy { part.value(column.name, row: $0).name == nil }
  }
}
