import Aggregation
import UsageModel

/// Desk figures as columns, and the rows of `support --view desk`.
enum SupportDesk {
  /// Row keys after the group columns; the first two count tickets and people of the population.
  static let names = [
    "tickets", "people", "resolved", "resolution_rate", "first_response_median_ms", "first_response_p90_ms",
    "resolution_median_ms", "resolution_p90_ms", "reopened", "escalated", "without_owner", "satisfaction",
    "satisfaction_answers", "effort_minutes", "backlog", "backlog_0_1_days", "backlog_2_7_days",
    "backlog_8_30_days", "backlog_over_30_days",
  ]

  /// One value for each of ``names``.
  static func values(_ figures: DeskFigures) -> [ReportValue] {
    [
      .integer(figures.tickets), ReportValue(count: figures.people.count), .integer(figures.resolved),
      ReportValue(figures.resolutionRate), ReportValue(figures.responseTime(.median)),
      ReportValue(figures.responseTime(.nineTenths)), ReportValue(figures.resolutionTime(.median)),
      ReportValue(figures.resolutionTime(.nineTenths)), .integer(figures.reopened),
      .integer(figures.escalated), .integer(figures.withoutOwner), ReportValue(figures.satisfaction),
      .integer(figures.satisfactionAnswers), .integer(figures.effortMinutes), .integer(figures.backlog),
    ] + figures.backlogByAge.map(ReportValue.integer)
  }

  /// Why one of ``names`` may be null.
  static func reason(forNull name: String) -> String {
    switch name {
    case "resolution_rate": "no ticket was opened"
    case "satisfaction": "nobody answered"
    case "first_response_median_ms", "first_response_p90_ms": "no ticket carries a first response"
    default: "no ticket was resolved"
    }
  }

  /// Rows by columns of the tickets, or one row of all.
  static func rows(
    _ scope: ReportScope, _ tickets: SupportTickets, _ columns: [TicketColumn], rates: CostRates?
  ) -> (rows: ReportRows, columns: [RowLayout.Column]) {
    let entries = tickets.opened + tickets.backlog.map(\.entry)
    let layout = columns.enumerated().map { place, column in
      RowLayout.Column(
        name: column.rawValue,
        table: ValueTable(entries.lazy.map { text(of: column, $0.ticket) }.filter { !$0.isEmpty }),
        block: place)
    }
    func key(_ ticket: Ticket) -> [Int32] {
      zip(columns, layout).map { column, place in
        let text = text(of: column, ticket)
        return text.isEmpty ? 0 : place.table.rank(of: text) ?? 0
      }
    }
    var figures: [[Int32]: DeskFigures] = columns.isEmpty ? [[]: DeskFigures()] : [:]
    for entry in tickets.opened {
      figures[key(entry.ticket), default: DeskFigures()]
        .add(entry.ticket, person: entry.member, peopleKept: scope.peopleKept)
    }
    for (entry, age) in tickets.backlog {
      figures[key(entry.ticket), default: DeskFigures()]
        .addToBacklog(ageDays: age, person: entry.member, peopleKept: scope.peopleKept)
    }
    let found = figures.map { key, figures in
      ReportRow(
        key: key, people: figures.people,
        values: values(figures) + (rates.map { [.number($0.cost(tickets: figures.tickets))] } ?? []))
    }
    return (
      ReportRows(found, columns: layout, minimumPeople: scope.options.minimumGroupSize), layout
    )
  }

  private static func text(of column: TicketColumn, _ ticket: Ticket) -> String {
    switch column {
    case .priority: ticket.priority
    case .group: ticket.group
    case .level: ticket.level
    case .app: ticket.app ?? ""
    case .category: ticket.category
    }
  }
}
