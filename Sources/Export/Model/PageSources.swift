/// Where the figures of a section come from, in one line.
enum PageSources {
  /// The fields that a section takes from one part.
  private struct Fields {
    var totals: [String] = []
    var rows: [String] = []
    var columns: [String] = []
    var isTable = false

    mutating func add(_ path: String) {
      let pieces = path.split(separator: ".").map(String.init)
      guard let place = pieces.first, let name = pieces.last, pieces.count == 2 else { return }
      if place == "totals" {
        if !totals.contains(name) { totals.append(name) }
        return
      }
      let row = String(place.dropFirst("rows[".count).dropLast())
      if !rows.contains(row) { rows.append(row) }
      if !columns.contains(name) { columns.append(name) }
    }

    var text: String {
      var texts: [String] = []
      if !totals.isEmpty { texts.append("totals \(totals.joined(separator: ", "))") }
      if !rows.isEmpty && !isTable {
        texts.append(
          "\(rows.count == 1 ? "row" : "rows") \(rows.joined(separator: ", ")) of \(columns.joined(separator: ", "))"
        )
      }
      if isTable { texts.append("rows") }
      return texts.joined(separator: "; ")
    }
  }

  /// `Sources: erosion (totals people; row 0 of erosion, lost_ms), weeks (rows)`.
  static func text(_ section: PageSection) -> String {
    var parts: [(name: String, fields: Fields)] = []
    func change(_ name: String, _ body: (inout Fields) -> Void) {
      if !parts.contains(where: { $0.name == name }) { parts.append((name, Fields())) }
      for place in parts.indices where parts[place].name == name { body(&parts[place].fields) }
    }
    for figure in figures(of: section) {
      let pieces = figure.source.split(separator: ".", maxSplits: 1).map(String.init)
      if let name = pieces.first, let path = pieces.last { change(name) { $0.add(path) } }
    }
    for name in wholeParts(of: section) { change(name) { $0.isTable = true } }
    guard !parts.isEmpty else { return "" }
    return "Sources: " + parts.map { "\($0.name) (\($0.fields.text))" }.joined(separator: ", ")
  }

  /// Parts whose rows a section shows.
  private static func wholeParts(of section: PageSection) -> [String] {
    section.blocks.compactMap { block in
      switch block {
      case .table(let table): table.part.name
      case .chart(let chart): chart.source
      default: nil
      }
    }
  }

  private static func figures(of section: PageSection) -> [Figure] {
    figures(of: section.title)
      + section.blocks.flatMap { block -> [Figure] in
        switch block {
        case .lead(let prose), .paragraph(let prose): figures(of: prose)
        case .list(let items), .quotes(let items): items.flatMap { figures(of: $0) }
        case .headline(let cards): cards.flatMap { [$0.figure] + figures(of: $0.detail) }
        case .chart, .table: []
        }
      }
  }

  private static func figures(of prose: Prose) -> [Figure] {
    prose.pieces.compactMap { if case .figure(let figure) = $0 { figure } else { nil } }
  }
}
