import Report
import UsageModel

/// The reports behind a page for programs: all of them in full.
enum PartsText {
  /// `{"export", "version", "window", "reports": {name: report, …}}`; each report as its own command prints it.
  static func json(_ kind: ExportKind, _ parts: [ExportPart]) -> [UInt8] {
    var bytes: [UInt8] = []
    JSONWriter.append(literal: "{\n\"export\": ", to: &bytes)
    JSONWriter.append(string: kind.rawValue, to: &bytes)
    JSONWriter.append(literal: ",\n\"version\": 1,\n\"window\": ", to: &bytes)
    appendWindow(parts.first?.document, to: &bytes)
    JSONWriter.append(literal: ",\n\"reports\": {", to: &bytes)
    for (index, part) in parts.enumerated() {
      JSONWriter.append(literal: index == 0 ? "\n" : ",\n", to: &bytes)
      JSONWriter.append(string: part.name, to: &bytes)
      JSONWriter.append(literal: ": ", to: &bytes)
      ReportRenderer.append(part.document, as: .json, to: &bytes)
      bytes.removeLast()  // the line feed behind the report
    }
    JSONWriter.append(literal: "\n}\n}\n", to: &bytes)
    return bytes
  }

  private static func appendWindow(_ document: ReportDocument?, to bytes: inout [UInt8]) {
    guard let document else { return JSONWriter.append(literal: "null", to: &bytes) }
    let members = [
      ("from", document.window.from.description), ("to", document.window.to.description),
      ("timezone", document.timeZoneName),
    ]
    for (index, member) in members.enumerated() {
      JSONWriter.append(literal: index == 0 ? "{\"" : ", \"", to: &bytes)
      JSONWriter.append(literal: member.0 + "\": ", to: &bytes)
      JSONWriter.append(string: member.1, to: &bytes)
    }
    JSONWriter.append(literal: "}", to: &bytes)
  }

  /// One figure a record: `report`, `row` (absent for totals and warnings), `name`, `value`.
  static func csv(_ parts: [ExportPart]) -> [UInt8] {
    var rows: [[ReportValue]] = []
    for part in parts {
      let document = part.document
      let name = ReportValue.text(part.name)
      rows.append([name, .null, .text("method"), .text(document.method)])
      rows.append([name, .null, .text("from"), .text(document.window.from.description)])
      rows.append([name, .null, .text("to"), .text(document.window.to.description)])
      for field in document.totals { rows.append([name, .null, .text(field.name), field.value]) }
      for warning in document.warnings { rows.append([name, .null, .text("warning"), .text(warning)]) }
      for (number, row) in document.rows.enumerated() {
        for (column, value) in zip(document.columns, row) {
          rows.append([name, .integer(Int64(number)), .text(column), value])
        }
      }
    }
    var bytes: [UInt8] = []
    let table = GenericTable(columns: ["report", "row", "name", "value"], rows: rows)
    ReportRenderer.append(table, as: .csv, to: &bytes)
    return bytes
  }
}
