import Report
import UsageModel

/// A page as one HTML file that loads nothing.
enum PageHTML {
  /// Widths in which charts are drawn: for screens and paper, and for telephones.
  private static let widths: [(pixels: Double, name: String)] = [
    (900, "chart wide"), (340, "chart narrow"),
  ]

  static func bytes(_ page: ExportPage) -> [UInt8] {
    let style = StyleSheet.text(page.layout)
    let script = SortScript.text
    var markup = Markup()
    markup.literal("<!doctype html>\n")
    markup.element("html", ["lang": "en"]) { markup in
      markup.element("head") { head(page, style: style, into: &$0) }
      markup.lineFeed()
      markup.element("body", ["class": page.layout == .slides ? "slides" : "report"]) { markup in
        patterns(into: &markup)
        page.layout == .slides ? slides(page, into: &markup) : report(page, into: &markup)
        // Known texts of the program without "</": nothing in them ends the element early.
        markup.element("script") { $0.verbatim(script) }
      }
    }
    markup.lineFeed()
    return markup.bytes
  }

  private static func head(_ page: ExportPage, style: String, into markup: inout Markup) {
    markup.void("meta", ["charset": "utf-8"])
    markup.void(
      "meta",
      [
        "http-equiv": "Content-Security-Policy",
        "content": ContentPolicy.text(style: style, script: SortScript.text),
      ])
    markup.void("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
    markup.void("meta", ["name": "generator", "content": "Waterline \(ProductVersion.text)"])
    markup.element("title", "\(page.title), \(page.subtitle)")
    markup.element("style") { $0.verbatim(style) }
  }

  /// The hatching of what was not seen.
  private static func patterns(into markup: inout Markup) {
    markup.element("svg", ["class": "patterns", "aria-hidden": "true"]) { markup in
      markup.element(
        "pattern", ["id": "hatch", "width": "6", "height": "6", "patternUnits": "userSpaceOnUse"]
      ) { markup in
        markup.element("rect", ["class": "hatch-ground", "width": "6", "height": "6"]) { _ in }
        markup.element("path", ["class": "hatch-line", "d": "M-1 1 1-1M0 6 6 0M5 7 7 5"]) { _ in }
      }
    }
    markup.lineFeed()
  }

  // MARK: Layouts

  private static func report(_ page: ExportPage, into markup: inout Markup) {
    markup.element("main") { markup in
      markup.element("header") { markup in
        markup.element("h1", page.title)
        markup.element("p", ["class": "subtitle"], page.subtitle)
        markup.element("nav", ["aria-label": "Sections"]) { markup in
          markup.element("ul") { markup in
            for section in page.sections {
              markup.element("li") { markup in
                markup.element("a", ["href": "#\(section.identifier)"], section.title.plainText)
              }
            }
          }
        }
      }
      for section in page.sections {
        markup.lineFeed()
        markup.element("section", ["id": section.identifier]) { markup in
          markup.element("h2") { prose(section.title, into: &$0) }
          blocks(section.blocks, into: &markup)
        }
      }
      markup.element("footer") { markup in
        markup.text(
          "Made by Waterline \(ProductVersion.text). Every figure carries its place in the JSON form of this "
            + "export; groups under the smallest size are left out, and nobody is named.")
      }
    }
  }

  private static func slides(_ page: ExportPage, into markup: inout Markup) {
    markup.element("header") { markup in
      markup.element("h1", page.title)
      markup.element("p", ["class": "subtitle"], page.subtitle)
    }
    let count = page.sections.count { !$0.isNotes }
    for (index, section) in page.sections.enumerated() {
      markup.lineFeed()
      let name = section.isNotes ? "notes" : "slide"
      markup.element("section", ["id": section.identifier, "class": name]) { markup in
        markup.element("div", ["class": "body"]) { markup in
          markup.element("h2") { prose(section.title, into: &$0) }
          blocks(section.blocks, into: &markup)
        }
        markup.element("div", ["class": "foot"]) { markup in
          markup.element("span", PageSources.text(section))
          if !section.isNotes { markup.element("span", ["class": "page"], "\(index + 1) / \(count)") }
        }
      }
    }
  }

  // MARK: Blocks

  private static func blocks(_ blocks: [PageBlock], into markup: inout Markup) {
    for block in blocks {
      markup.lineFeed()
      switch block {
      case .lead(let text): markup.element("p", ["class": "lead"]) { prose(text, into: &$0) }
      case .paragraph(let text): markup.element("p") { prose(text, into: &$0) }
      case .list(let items):
        markup.element("ul", ["class": "list"]) { markup in
          for item in items { markup.element("li") { prose(item, into: &$0) } }
        }
      case .headline(let figures): cards(figures, into: &markup)
      case .chart(let chart): figure(chart, into: &markup)
      case .table(let table): PageTableHTML.append(table, into: &markup)
      case .quotes(let quotes):
        for quote in quotes { markup.element("blockquote") { prose(quote, into: &$0) } }
      }
    }
  }

  private static func cards(_ figures: [HeadlineFigure], into markup: inout Markup) {
    markup.element("div", ["class": "cards"]) { markup in
      for card in figures {
        markup.element("div", ["class": "card"]) { markup in
          markup.element("p", ["class": "label"], card.label)
          markup.element("p", ["class": "number"]) { figure(card.figure, into: &$0) }
          markup.element("p", ["class": "detail"]) { prose(card.detail, into: &$0) }
        }
      }
    }
  }

  private static func figure(_ chart: PageChart, into markup: inout Markup) {
    markup.element("figure", ["data-part": chart.source]) { markup in
      markup.element("figcaption", chart.title)
      if chart.series.count > 1 { legend(chart.series, into: &markup) }
      for width in widths { markup.chart(chart, width: width.pixels, class: width.name) }
    }
  }

  private static func legend(_ series: [ChartSeries], into markup: inout Markup) {
    markup.element("ul", ["class": "legend"]) { markup in
      for item in series {
        markup.element("li") { markup in
          markup.element("svg", ["class": "swatch", "viewBox": "0 0 12 12", "aria-hidden": "true"]) {
            markup in
            markup.element("rect", ["class": "ink-\(item.ink.rawValue)", "width": "12", "height": "12"]) {
              _ in
            }
          }
          markup.text(item.name)
        }
      }
    }
  }

  static func prose(_ prose: Prose, into markup: inout Markup) {
    for piece in prose.pieces {
      switch piece {
      case .words(let text): markup.text(text)
      case .name(let name): markup.element("bdi", name)
      case .strong(let text): markup.element("strong", text)
      case .figure(let figure): self.figure(figure, into: &markup)
      }
    }
  }

  /// A number with its exact value and its place in the JSON form.
  private static func figure(_ figure: Figure, into markup: inout Markup) {
    guard let exact = MachineValue.text(figure.value) else { return markup.text(figure.text) }
    markup.element(
      "data", ["value": exact, "data-source": figure.source, "title": figure.source], figure.text)
  }
}

/// Values in attributes, exactly as the JSON form writes them.
enum MachineValue {
  /// nil for what cannot be had.
  static func text(_ value: ReportValue) -> String? {
    switch value {
    case .null: nil
    case .text(let text): text
    case .integer(let integer): String(integer)
    case .number(let number): number.isFinite ? number.description : nil
    case .boolean(let boolean): boolean ? "true" : "false"
    }
  }
}
