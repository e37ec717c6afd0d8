/// A page as aligned text for a terminal or a text file.
enum TerminalText {
  static func append(_ page: Page, _ options: RenderOptions, to bytes: inout [UInt8]) {
    let ink = Ink(isOn: options.usesColor)
    let width = options.terminalColumns
    var lines = wrap(page.title, to: width).map(ink.bold)
    lines += totals(page, width)
    if !lines.isEmpty, !page.table.columns.isEmpty { lines.append("") }
    lines += table(page, width, ink)
    lines += page.notes.flatMap { words($0, to: width) }.map(ink.dim)
    for aside in page.asides where !aside.items.isEmpty {
      lines += ["", aside.title + ":"]
      lines += aside.items.flatMap { words("- " + SafeText.escaping($0), to: width) }
    }
    for warning in page.warnings {
      let parts = words("warning: " + warning, to: width)
      lines += parts.prefix(1).map { ink.yellow("warning:") + $0.dropFirst("warning:".count) }
      lines += parts.dropFirst()
    }
    for line in lines {
      bytes.append(contentsOf: line.utf8)
      bytes.append(UInt8(ascii: "\n"))
    }
  }

  /// One line of totals, or a list of them when they are all there is.
  private static func totals(_ page: Page, _ width: Int?) -> [String] {
    page.table.columns.isEmpty ? page.totals.map { "  " + $0 } : wrap(page.totals, to: width)
  }

  private static func table(_ page: Page, _ width: Int?, _ ink: Ink) -> [String] {
    guard !page.table.columns.isEmpty else { return [] }
    guard !page.table.cells.isEmpty else { return [ink.dim("no rows")] }
    let layout = page.table.layout(terminalColumns: width)
    var lines = [ink.bold(layout.header)] + layout.rows
    if page.hiddenRowCount > 0 {
      let rows = page.hiddenRowCount == 1 ? "row" : "rows"
      lines.append(
        ink.dim("… \(HumanNumber.count(Int64(page.hiddenRowCount))) more \(rows), --limit 0 for all"))
    }
    if !layout.leftOut.isEmpty {
      let columns = layout.leftOut.joined(separator: ", ")
      let note = "no room for: \(columns) (a wider terminal or --format csv has them)"
      lines += words(note, to: width).map(ink.dim)
    }
    return lines
  }

  /// Breaks a sentence between words where the width ends; further lines are indented.
  private static func words(_ sentence: String, to width: Int?) -> [String] {
    let words = sentence.split(separator: " ").map(String.init)
    return wrap(words, by: " ", to: width.map { max(1, $0 - 2) }).enumerated().map { index, line in
      index == 0 ? line : "  " + line
    }
  }

  /// Joins parts, beginning a new line where the width ends.
  private static func wrap(_ parts: [String], by separator: String = " · ", to width: Int?) -> [String] {
    var lines: [String] = []
    for part in parts {
      if let last = lines.last {
        let joined = last + separator + part
        if DisplayWidth.of(joined) <= width ?? .max {
          lines[lines.count - 1] = joined
          continue
        }
      }
      lines.append(part)
    }
    return lines
  }
}

/// Terminal styles (ECMA-48 SGR), or none.
private struct Ink {
  let isOn: Bool

  func bold(_ text: String) -> String { styled(text, "1") }
  func dim(_ text: String) -> String { styled(text, "2") }
  func yellow(_ text: String) -> String { styled(text, "33") }

  private func styled(_ text: String, _ code: String) -> String {
    isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
