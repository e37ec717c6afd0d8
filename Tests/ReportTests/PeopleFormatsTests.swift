import Report
import Testing
import UsageModel

/// Tables and Markdown: what people read.
struct PeopleFormatsTests {
  @Test func wideTableGolden() {
    let text = """
      bottlenecks · 2026-01-01 → 2026-01-29 (28 days, Europe/Berlin) · population: roster · \
      catalog: catalog · waterline-bottleneck/1
      people 12,345 · too new 3 · suppressed rows 2 · lost 2h 03m

      app          feature       attempts  failed  eroded  people  affected  benchmark  by       lost  \
      frequency  reach  severity  score  points
      erp          post_invoice    14,210     310   2,100     212        90      3.4 s  peers  2h 00m  \
          14.8%  42.5%     10.0%   18.4     2.5
      mail, "new"  a|b                  4       0       1       4         1          –  none   3m 04s  \
          25.0%  25.0%         –      –     0.0
      2 rows about fewer than 5 people are not shown
      warning: score of 1 feature is null: fewer than 10 people

      """
    #expect(ReportRenderer.render(SampleReports.bottlenecks, as: .table) == text)
  }

  @Test func narrowTableGolden() {
    let text = """
      bottlenecks · 2026-01-01 → 2026-01-29 (28 days, Europe/Berlin)
      population: roster · catalog: catalog · waterline-bottleneck/1
      people 12,345 · too new 3 · suppressed rows 2 · lost 2h 03m

      app          feature         lost  frequency  reach  severity  score
      erp          post_invoice  2h 00m      14.8%  42.5%     10.0%   18.4
      mail, "new"  a|b           3m 04s      25.0%  25.0%         –      –
      no room for: attempts, failed, eroded, people, affected, benchmark,
        by, points (a wider terminal or --format csv has them)
      2 rows about fewer than 5 people are not shown
      warning: score of 1 feature is null: fewer than 10 people

      """
    let options = RenderOptions(terminalColumns: 70)
    #expect(ReportRenderer.render(SampleReports.bottlenecks, as: .table, options: options) == text)
  }

  @Test func totalsAloneAreAList() {
    let text = """
      support · 2026-01-01 → 2026-01-29 (28 days, UTC) · population: observed · catalog: observed · \
      waterline-support/1
        tickets 40
        resolution median 1h 30m
        top 5% share 37.5%
        gini –

      """
    #expect(ReportRenderer.render(SampleReports.support, as: .table) == text)
  }

  @Test func saysThatThereAreNoRows() {
    #expect(ReportRenderer.render(SampleReports.empty, as: .table).hasSuffix("\n\nno rows\n"))
  }

  @Test func showsTwentyRowsUnlessTold() {
    let table = SampleReports.numbered(10_021)
    let lines = ReportRenderer.render(table, as: .table).split(separator: "\n")
    #expect(lines.count == 22)
    #expect(lines.last == "… 10,001 more rows, --limit 0 for all")
    let all = ReportRenderer.render(table, as: .table, options: RenderOptions(rowLimit: 0))
    #expect(all.split(separator: "\n").count == 10_022)
  }

  @Test func colorOnlyWhenAsked() {
    let plain = ReportRenderer.render(SampleReports.bottlenecks, as: .table)
    #expect(!plain.utf8.contains(0x1B))
    let colored = ReportRenderer.render(
      SampleReports.bottlenecks, as: .table, options: RenderOptions(usesColor: true))
    #expect(colored.contains("\u{1B}[33mwarning:\u{1B}[0m"))
  }

  @Test func humanTableOfOtherCommands() {
    let table = GenericTable(
      title: "sources", columns: ["source", "last_seen_ms"],
      rows: [[.text("laptop"), .integer(61_000)], [.text("サーバー"), .null]], style: .human)
    let text = """
      sources

      source    last seen
      laptop       1m 01s
      サーバー          –

      """
    #expect(ReportRenderer.render(table, as: .table) == text)
    var exact = table
    exact.style = .exact
    #expect(ReportRenderer.render(exact, as: .table).contains("laptop           61000"))
  }

  @Test func markdownGolden() {
    let text = #"""
      ### bottlenecks

      2026-01-01 → 2026-01-29 (28 days, Europe/Berlin) · population: roster · catalog: catalog · \#
      waterline-bottleneck/1

      people 12,345 · too new 3 · suppressed rows 2 · lost 2h 03m

      | app | feature | attempts | failed | eroded | people | affected | benchmark | by | lost | \#
      frequency | reach | severity | score | points |
      |---|---|---:|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|
      | erp | post_invoice | 14,210 | 310 | 2,100 | 212 | 90 | 3.4 s | peers | 2h 00m | \#
      14.8% | 42.5% | 10.0% | 18.4 | 2.5 |
      | mail, "new" | a\|b | 4 | 0 | 1 | 4 | 1 | – | none | 3m 04s | 25.0% | 25.0% | – | – | 0.0 |

      - 2 rows about fewer than 5 people are not shown
      - warning: score of 1 feature is null: fewer than 10 people

      """#
    #expect(ReportRenderer.render(SampleReports.bottlenecks, as: .markdown) == text)
  }
}

/// No name may act on the terminal, break a table's lines or leave its Markdown cell.
struct HostileNamesTests {
  /// A table of all hostile names, between two plain columns.
  static let table = GenericTable(
    title: "\u{1B}[2Jtitle\nnext", columns: ["before", "na\u{202E}me", "n"],
    rows: HostileText.all.map { [.text("x"), .text($0), .integer(7)] }, warnings: ["bad \u{1B}[5m name"])

  @Test(arguments: [nil, 200, 40, 20, 1])
  func tableHoldsNothingHarmful(terminalColumns: Int?) {
    let text = ReportRenderer.render(
      Self.table, as: .table, options: RenderOptions(terminalColumns: terminalColumns, rowLimit: 0))
    for scalar in text.unicodeScalars where scalar != "\n" { #expect(!SafeText.isHarmful(scalar)) }
    let lines = text.split(separator: "\n")
    // Title, header, rows and a warning; a narrow terminal breaks the warning and adds a note.
    if terminalColumns ?? .max >= 40 { #expect(lines.count == HostileText.all.count + 3) }
    #expect(lines.count >= HostileText.all.count + 3)
  }

  @Test(arguments: [25, 30, 40, 80])
  func rowsKeepWithinTheTerminal(terminalColumns: Int) {
    let text = ReportRenderer.render(
      Self.table, as: .table, options: RenderOptions(terminalColumns: terminalColumns, rowLimit: 0))
    let lines = text.split(separator: "\n")
    for line in lines.dropFirst() { #expect(DisplayWidth.of(String(line)) <= terminalColumns) }
    for line in lines.dropFirst().prefix(HostileText.all.count + 1) {
      #expect(line.hasSuffix("7") || line.hasSuffix("n"))
    }
  }

  @Test func markdownRowsKeepTheirCells() {
    let text = ReportRenderer.render(Self.table, as: .markdown)
    for scalar in text.unicodeScalars where scalar != "\n" { #expect(!SafeText.isHarmful(scalar)) }
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.count == HostileText.all.count + 2)
    for row in rows { #expect(Self.cellCount(row) == 3) }
    #expect(text.contains(#"| \[link\](javascript:1) |"#))
    #expect(text.contains(#"| \<script\> |"#))
    #expect(text.contains(#"| \*\*bold\*\* \_it\_ \`code\` \~x\~ \&lt; |"#))
  }

  /// Pipes that GitHub takes for a cell's edge, less one.
  private static func cellCount(_ row: Substring) -> Int {
    var count = -1
    var isEscaped = false
    for byte in row.utf8 {
      if byte == UInt8(ascii: "|") && !isEscaped { count += 1 }
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
    }
    return count
  }

  @Test func jsonHoldsNothingHarmful() {
    let text = ReportRenderer.render(Self.table, as: .json)
    for scalar in text.unicodeScalars where scalar != "\n" { #expect(!SafeText.isHarmful(scalar)) }
  }

  @Test func spellsHarmfulScalarsOut() {
    #expect(SafeText.escaping("a\u{1B}[31m\n\u{202E}b") == #"a\u{1B}[31m\u{A}\u{202E}b"#)
    #expect(SafeText.escaping(#"CORP\alice"#) == #"CORP\alice"#)
  }

  @Test(arguments: ["👩‍👩‍👧", "می‌خواهم", "葛\u{E0100}城", "❤\u{FE0F}"])
  func keepsWhatWritingNeeds(name: String) {
    #expect(Array(SafeText.escaping(name).utf8) == Array(name.utf8))
  }
}
