// The organisation's tables as the CSV files that `waterline import` takes.

extension DemoPlan {
  /// The roster: a row for each person, two for movers, and one for the service account.
  package func rosterCSV() -> [UInt8] {
    var table = CommaSeparatedValues(header: [
      "user", "department", "role", "site", "manager", "active_from", "active_to", "aliases", "service",
    ])
    for person in people {
      for assignment in person.assignments {
        table.append([
          person.user, departmentNames[assignment.department], roleNames[assignment.role],
          siteNames[assignment.site], assignment.manager.map { people[$0].user } ?? "",
          dateText(assignment.activeFromDay), dateText(assignment.activeToDay),
          person.aliases.joined(separator: ";"), person.isService ? "true" : "false",
        ])
      }
    }
    return table.bytes
  }

  /// The catalog: a row for each feature.
  package func catalogCSV() -> [UInt8] {
    var table = CommaSeparatedValues(header: [
      "app", "feature", "roles", "target_days", "target_ms", "category", "critical", "automatic",
    ])
    for feature in features {
      table.append([
        applicationNames[feature.application], feature.name,
        feature.roles.map { $0.map { roleNames[$0] }.joined(separator: ";") } ?? "*",
        String(feature.targetDays), feature.targetMilliseconds.map { String($0) } ?? "", feature.category,
        feature.isCritical ? "true" : "false", feature.isAutomatic ? "true" : "false",
      ])
    }
    return table.bytes
  }

  /// Tickets, as the generator collected them: a row for each.
  package func ticketsCSV(_ tickets: [DemoTicket]) -> [UInt8] {
    var table = CommaSeparatedValues(header: [
      "id", "requester", "opened", "first_response", "resolved", "reopened", "app", "category", "priority",
      "state", "satisfaction", "effort_minutes", "group", "owner", "reassignments", "level",
      "comment",
    ])
    for ticket in tickets { table.append(ticketFields(ticket)) }
    return table.bytes
  }

  private func ticketFields(_ ticket: DemoTicket) -> [String] {
    let requester = people[ticket.person]
    return [
      "T" + padded(ticket.number, width: 5), ticket.namesAddress ? requester.aliases[1] : requester.user,
      timeText(ticket.openedMilliseconds), timeText(ticket.firstResponseMilliseconds),
      timeText(ticket.resolvedMilliseconds), String(ticket.reopenCount),
      ticket.application.map { applicationNames[$0] } ?? "", ticket.category, String(ticket.priority),
      ticket.resolvedMilliseconds == nil ? "open" : "resolved", ticket.satisfaction.map { String($0) } ?? "",
      String(ticket.effortMinutes), ticket.group, ticket.owner ?? "", String(ticket.reassignmentCount),
      String(ticket.level), ticket.comment,
    ]
  }
}
