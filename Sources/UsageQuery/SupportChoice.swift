/// What the rows of the support report are about; the totals are the same for all of them.
package enum SupportView: String, CaseIterable, Sendable {
  /// Desk figures, by columns of the tickets.
  case desk
  /// What nobody called about, per application and feature.
  case friction
  /// The desk and the people it serves, side by side, per application.
  case sides
  /// How much attention comes in long pieces, per department.
  case distraction
  /// How unevenly tickets fall on people.
  case lorenz
}

/// A column of a ticket that desk figures are grouped by.
package enum TicketColumn: String, CaseIterable, Sendable {
  case priority
  case group
  case level
  case app
  case category
}

/// What the support report was asked for beyond the options of every report.
package struct SupportChoice: Equatable, Sendable {
  package var view: SupportView
  /// Columns of tickets (`desk`), `app` or `app` and `feature` (`friction`), or attributes of people
  /// (`distraction`), by name.
  package var columns: [String]

  package init(view: SupportView = .desk, columns: [String] = []) {
    self.view = view
    self.columns = columns
  }

  /// Reads `--by` for a view; an empty text is the view's own default.
  ///
  /// - Throws: `QueryError.unknownColumn` naming what the view can be grouped by.
  package init(view: SupportView, by text: String) throws(QueryError) {
    var columns: [String] = []
    for part in text.utf8.split(separator: UInt8(ascii: ",")) {
      let name = String(Substring(part)).trimmedOfSpaces
      guard Self.columns(of: view).contains(name) else {
        throw .unknownColumn(
          option: "--view \(view.rawValue) --by", given: name, known: Self.columns(of: view))
      }
      if !columns.contains(name) { columns.append(name) }
    }
    self.init(view: view, columns: columns)
  }

  /// What the rows of a view can be grouped by.
  private static func columns(of view: SupportView) -> [String] {
    switch view {
    case .desk: TicketColumn.allCases.map(\.rawValue)
    case .friction: ["app", "feature"]
    case .sides: ["app"]
    case .distraction: ["department", "role", "site"]
    case .lorenz: []
    }
  }
}
