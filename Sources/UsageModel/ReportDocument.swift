/// One cell of a report.
package enum ReportValue: Equatable, Sendable {
  /// A value that cannot be had; its reason stands in the report's warnings.
  case null
  case text(String)
  /// A count, or a time in whole milliseconds.
  case integer(Int64)
  /// A share, score or ratio.
  case number(Double)
  case boolean(Bool)
}

/// A named value; reports keep the order in which they were added.
package struct ReportField: Equatable, Sendable {
  package var name: String
  package var value: ReportValue

  package init(_ name: String, _ value: ReportValue) {
    self.name = name
    self.value = value
  }
}

/// One report as values, before any rendering: the object that `--format json` prints.
package struct ReportDocument: Equatable, Sendable {
  /// Report name: `coverage`, `bottlenecks`, ...
  package var report: String
  /// Name and version of the method, such as `waterline-coverage/1`.
  package var method: String
  package var window: Window
  package var timeZoneName: String
  /// `roster` or `observed`.
  package var population: String
  /// `catalog` or `observed`.
  package var catalog: String
  package var totals: [ReportField]
  /// Row keys in the order of `INTERFACE.md`, group columns first.
  package var columns: [String]
  /// One value a column in every row.
  package var rows: [[ReportValue]]
  package var warnings: [String]

  package init(
    report: String, method: String, window: Window, timeZoneName: String, population: String,
    catalog: String, totals: [ReportField] = [], columns: [String], rows: [[ReportValue]] = [],
    warnings: [String] = []
  ) {
    self.report = report
    self.method = method
    self.window = window
    self.timeZoneName = timeZoneName
    self.population = population
    self.catalog = catalog
    self.totals = totals
    self.columns = columns
    self.rows = rows
    self.warnings = warnings
  }
}
