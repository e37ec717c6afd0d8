import Foundation
import Testing
import UsageModel

@testable import Export

struct MarkupTests {
  private static let hostile = [
    "</script><script>alert(1)</script>", "\" onmouseover=\"x", "' onload='x", "<img src=x onerror=1>",
    "&amp;",
    "a\u{0}b", "bidi \u{202E}txt.exe", "\u{2066}x", "]]>", "<!--", "-->", "line\nfeed", "\u{1B}[31m",
    "</style>", "</title>", "javascript:1", "\u{FEFF}x", "\u{2028}",
  ]

  @Test func hostileTextsStayTexts() {
    for name in Self.hostile {
      var markup = Markup()
      markup.element("p", ["title": name], name)
      let html = String(decoding: markup.bytes, as: UTF8.self)
      let inside = html.dropFirst("<p title=\"".count).dropLast("</p>".count)
      #expect(!inside.contains("<"), "\(html)")
      #expect(inside.count { $0 == "\"" } == 1, "\(html)")
      #expect(inside.count { $0 == ">" } == 1, "\(html)")
      #expect(!inside.contains("'"), "\(html)")
      #expect(
        inside.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x202A...0x202E).contains($0.value) },
        "\(html)")
    }
  }

  @Test func pagesWithHostileNamesHoldNoForeignMarkup() {
    for layout in [ExportPage.Layout.report, .slides] {
      for name in Self.hostile {
        let html = String(decoding: PageHTML.bytes(page(name, layout)), as: UTF8.self)
        #expect(html.components(separatedBy: "<script").count == 2, "\(name)")
        #expect(html.components(separatedBy: "</script>").count == 2, "\(name)")
        #expect(html.components(separatedBy: "</style>").count == 2, "\(name)")
        #expect(!html.contains("onerror=1>") && !html.contains("<img"), "\(name)")
        #expect(!html.contains("http://") && !html.contains("https://"), "\(name)")
      }
    }
  }

  @Test func figuresKeepValueAndSource() {
    let html = String(decoding: PageHTML.bytes(page("crm", .report)), as: UTF8.self)
    #expect(
      html.contains(
        "<data value=\"0.25\" data-source=\"sample.rows[0].coverage\" title=\"sample.rows[0].coverage\">25.0%</data>"
      ))
    #expect(html.contains("<td class=\"n\" data-value=\"0.25\">25.0%</td>"))
    #expect(html.contains("<bdi>crm</bdi>"))
  }

  @Test func markdownEscapesNames() {
    let text = String(decoding: PageMarkdown.bytes(page("a|b [x](y) <i>", .report)), as: UTF8.self)
    #expect(text.contains("a\\|b \\[x\\](y) \\<i\\>"))
    #expect(text.contains("| 25.0% |"))
  }

  @Test func policyNamesOnlyHashes() {
    let policy = ContentPolicy.text(style: "", script: "abc")
    // SHA-256 of the empty text and of "abc" (FIPS 180-4), as base64.
    #expect(policy.contains("style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"))
    #expect(policy.contains("script-src 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"))
    #expect(policy.hasPrefix("default-src 'none'"))
  }

  private func page(_ name: String, _ layout: ExportPage.Layout) -> ExportPage {
    let part = SamplePart.make(columns: ["app", "coverage"], rows: [[.text(name), .number(0.25)]])
    return ExportPage(
      title: name, subtitle: name, layout: layout,
      sections: [
        PageSection(
          identifier: "one", title: "\(name: name)",
          blocks: [
            .lead("\(part.figure("coverage")) in \(name: name)"), .list(["\(strong: name)"]),
            .quotes(["\(name: name)"]),
            .headline([HeadlineFigure(label: name, figure: part.figure("coverage"), detail: "\(name: name)")]
            ),
            .table(PageTable(name, of: part, [("app", name), ("coverage", name)])),
            .chart(
              PageChart(
                title: name, description: name, source: "sample",
                shape: .bars(
                  BarChart(
                    unit: .count,
                    series: [ChartSeries(name: name, ink: .blue), ChartSeries(name: name, ink: .sky)],
                    bars: [BarChart.Bar(label: name, total: name, values: [1, 2])])))),
          ])
      ])
  }
}
