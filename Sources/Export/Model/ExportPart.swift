import Report
import UsageModel

/// One report behind an export, under the name by which the page and its machine forms call it.
package struct ExportPart: Equatable, Sendable {
  package var name: String
  package var document: ReportDocument

  package init(_ name: String, _ document: ReportDocument) {
    self.name = name
    self.document = document
  }

  var rowCount: Int { document.rows.count }

  /// A value of a row; null where there is no such row, as when its group is too small to be shown.
  func value(_ column: String, row: Int = 0) -> ReportValue {
    guard document.rows.indices.contains(row), let index = document.columns.firstIndex(of: column)
    else { return .null }
    return document.rows[row][index]
  }

  /// A value of a row as a figure.
  func figure(_ column: String, row: Int = 0) -> Figure {
    let value = value(column, row: row)
    let wording = ColumnWording(name: column, among: document.columns)
    return Figure(text: wording.text(value), value: value, source: "\(name).rows[\(row)].\(column)")
  }

  /// A value of the totals; null where there is none.
  func total(_ name: String) -> ReportValue {
    document.totals.first { $0.name == name }?.value ?? .null
  }

  /// A value of the totals as a figure.
  func totalFigure(_ name: String) -> Figure {
    let value = total(name)
    return Figure(
      text: ColumnWording(name: name).text(value), value: value, source: "\(self.name).totals.\(name)")
  }

  /// A row's name, made of some of its columns; `none` where all of them are absent.
  func label(_ columns: [String], row: Int, none: String = "(none)") -> String {
    let names = columns.compactMap { value($0, row: row).name }
    return names.isEmpty ? none : names.joined(separator: " · ")
  }

  /// The first row whose columns hold these values.
  func row(where columns: [String], are values: [ReportValue]) -> Int? {
    document.rows.indices.first { row in
      zip(columns, values).allSatisfy { self.value($0, row: row) == $1 }
    }
  }
}

extension ExportPart {
  /// A part that the export works out from others.
  static func made(
    _ name: String, method: String, like document: ReportDocument, columns: [String], rows: [[ReportValue]]
  ) -> ExportPart {
    ExportPart(
      name,
      ReportDocument(
        report: name, method: method, window: document.window, timeZoneName: document.timeZoneName,
        population: document.population, catalog: document.catalog, columns: columns, rows: rows))
  }
}
