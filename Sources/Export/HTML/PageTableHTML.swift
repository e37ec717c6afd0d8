import Report
import UsageModel

/// Tables of a page: a row names its place in the report, a number its exact value.
enum PageTableHTML {
  /// A table of more columns scrolls on a telephone, rather than be squeezed.
  private static let columnsMax = 4

  static func append(_ table: PageTable, into markup: inout Markup) {
    let part = table.part
    markup.element("figure") { markup in
      markup.element("figcaption", table.caption)
      markup.element("div", ["class": "scroll"]) { markup in
        let size = table.columns.count > columnsMax ? "many" : "few"
        markup.element("table", ["data-part": part.name, "class": size]) {
          head(table, into: &$0); body(table, into: &$0)
        }
      }
      if part.rowCount > table.rowCount {
        let rest = HumanNumber.count(Int64(part.rowCount - table.rowCount))
        markup.element("p", ["class": "more"], "and \(rest) more rows in the JSON and CSV forms")
      }
      if part.rowCount == 0 { markup.element("p", ["class": "more"], "no rows to show") }
    }
  }

  private static func head(_ table: PageTable, into markup: inout Markup) {
    markup.element("thead") { markup in
      markup.element("tr") { markup in
        for column in table.columns {
          let name = table.isNumeric(column) ? "n" : "t"
          markup.element("th", ["scope": "col", "data-name": column.name, "class": name], column.header)
        }
      }
    }
  }

  private static func body(_ table: PageTable, into markup: inout Markup) {
    let isNumber = table.columns.map(table.isNumeric)
    markup.element("tbody") { markup in
      for row in 0..<table.rowCount {
        markup.lineFeed()
        markup.element("tr", ["data-row": String(row)]) { markup in
          for (column, isNumber) in zip(table.columns, isNumber) {
            cell(table.figure(column, row: row), isNumber: isNumber, into: &markup)
          }
        }
      }
    }
  }

  private static func cell(_ figure: Figure, isNumber: Bool, into markup: inout Markup) {
    switch (isNumber, MachineValue.text(figure.value)) {
    case (true, let exact?): markup.element("td", ["class": "n", "data-value": exact], figure.text)
    case (true, nil): markup.element("td", ["class": "n"], figure.text)
    case (false, nil): markup.element("td", figure.text)
    case (false, _): markup.element("td") { $0.element("bdi", figure.text) }
    }
  }
}
