/// A page as GitHub Flavored Markdown.
package enum MarkdownText {
  static func append(_ page: Page, to bytes: inout [UInt8]) {
    var blocks: [String] = []
    if let name = page.title.first { blocks.append("### " + escaping(name)) }
    if page.title.count > 1 { blocks.append(page.title.dropFirst().map(escaping).joined(separator: " · ")) }
    if !page.totals.isEmpty { blocks.append(page.totals.map(escaping).joined(separator: " · ")) }
    if !page.table.columns.isEmpty { blocks.append(table(page.table)) }
    for aside in page.asides where !aside.items.isEmpty {
      let items = aside.items.map { "- " + escaping(SafeText.escaping($0)) }
      blocks.append(escaping(aside.title) + ":\n\n" + items.joined(separator: "\n"))
    }
    let notes = hiddenNote(page) + page.notes + page.warnings.map { "warning: " + $0 }
    if !notes.isEmpty { blocks.append(notes.map { "- " + escaping($0) }.joined(separator: "\n")) }
    bytes.append(contentsOf: blocks.joined(separator: "\n\n").utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  private static func table(_ table: TextTable) -> String {
    let rules = table.columns.map { $0.isNumeric ? "---:" : "---" }
    let lines = [row(table.columns.map { $0.header }), "|" + rules.joined(separator: "|") + "|"]
    return (lines + table.cells.map(row)).joined(separator: "\n")
  }

  private static func row(_ cells: [String]) -> String {
    "| " + cells.map(escaping).joined(separator: " | ") + " |"
  }

  private static func hiddenNote(_ page: Page) -> [String] {
    page.hiddenRowCount > 0 ? ["… \(HumanNumber.count(Int64(page.hiddenRowCount))) more rows"] : []
  }

  /// Text that Markdown shows as it is: cells stay cells, and names become no links, tags or emphasis.
  ///
  /// Line feeds and other controls are spelled out before (see ``SafeText``).
  package static func escaping(_ text: String) -> String {
    var result = ""
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "\\", "|", "`", "*", "[", "]", "<", ">", "~", "&": result += "\\"
      case "_":
        let isInsideWord =
          index > 0 && index + 1 < scalars.count
          && isWord(scalars[index - 1]) && isWord(scalars[index + 1])
        if !isInsideWord { result += "\\" }
      default: break
      }
      result.unicodeScalars.append(scalar)
    }
    return result
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }
}
