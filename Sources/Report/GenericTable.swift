import UsageModel

/// Named columns and rows of any command that is not a report: `status`, `audit`, `settings`, `sql`.
///
/// In JSON it is `{"rows": [{…}]}`, with a list for each of ``asides``.
///
///     GenericTable(columns: ["name", "value"], rows: [[.text("organisation.timezone"), .text("UTC")]])
package struct GenericTable: Equatable, Sendable {
  /// How tables and Markdown show values.
  package enum Style: Equatable, Sendable {
    /// As they are stored, digit by digit: for `sql`.
    case exact
    /// As reports do: durations with units, shares as percent, headers in words.
    case human
  }

  /// Sentences that belong to the rows, under a title: a list in JSON, `table` and Markdown.
  package struct Aside: Equatable, Sendable {
    /// The member's name in JSON.
    package var name: String
    package var title: String
    package var items: [String]

    package init(name: String, title: String, items: [String]) {
      self.name = name
      self.title = title
      self.items = items
    }
  }

  /// A line over the table, in `table` and `markdown` only; nil for none.
  package var title: String?
  package var columns: [String]
  /// One value a column in every row.
  package var rows: [[ReportValue]]
  package var asides: [Aside]
  package var warnings: [String]
  package var style: Style

  package init(
    title: String? = nil, columns: [String], rows: [[ReportValue]], asides: [Aside] = [],
    warnings: [String] = [], style: Style = .exact
  ) {
    self.title = title
    self.columns = columns
    self.rows = rows
    self.asides = asides
    self.warnings = warnings
    self.style = style
  }

  /// Column names with repeated ones numbered (`a`, `a_2`): SQL allows them, JSON objects don't.
  var distinctColumns: [String] {
    var taken: [[UInt8]] = []
    return columns.map { column in
      var name = column
      var number = 1
      while taken.contains(Array(name.utf8)) {
        number += 1
        name = "\(column)_\(number)"
      }
      taken.append(Array(name.utf8))
      return name
    }
  }
}
