/// Where the figures of a section come from, in one line.
enum PageSources {
  static func text(_ section: PageSection) -> String {
    let sources = figures(of: section).map(\.source) + parts(of: section).map { "\($0).rows" }
    var fieldsOfPart: [(part: String, fields: [String])] = []
    for source in sources {
      let pieces = source.split(separator: ".", maxSplits: 1).map(String.init)
      guard let part = pieces.first, let field = pieces.last else { continue }
      if let place = fieldsOfPart.firstIndex(where: { $0.part == part }) {
        if !fieldsOfPart[place].fields.contains(field) { fieldsOfPart[place].fields.append(field) }
      } else {
        fieldsOfPart.append((part, [field]))
      }
    }
    guard !fieldsOfPart.isEmpty else { return "" }
    return "Sources: "
      + fieldsOfPart.map { "\($0.part): \($0.fields.joined(separator: ", "))" }.joined(separator: "; ")
  }

  private static func parts(of section: PageSection) -> [String] {
    section.blocks.compactMap { if case .table(let table) = $0 { table.part.name } else { nil } }
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
