import GRDB
import UsageModel

/// Roster, catalog and tickets as tables.
package enum OrganisationStore {
  // MARK: Roster

  /// Writes a whole roster, replacing the one before.
  package static func replaceRoster(_ rows: [RosterRow], in database: Database) throws {
    try database.execute(sql: "DELETE FROM roster; DELETE FROM roster_alias")
    let insert = try database.cachedStatement(
      sql: """
        INSERT INTO roster (user, department, role, site, manager, active_from, active_to, service)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """)
    let insertAlias = try database.cachedStatement(
      sql: "INSERT OR IGNORE INTO roster_alias (alias, user) VALUES (?, ?)")
    for row in rows {
      try insert.execute(arguments: [
        row.user, row.department, row.role, row.site, row.manager, row.activeFrom?.description,
        row.activeTo?.description, row.isService,
      ])
      for alias in row.aliases { try insertAlias.execute(arguments: [alias, row.user]) }
    }
    try PeopleStore.refresh(in: database)
  }

  /// All roster rows in the order of import; a person's aliases stand on the person's first row.
  package static func roster(in database: Database) throws -> [RosterRow] {
    var aliases: [Utf8Key: [String]] = [:]
    let aliasRows = try RawStatement(database, "SELECT user, alias FROM roster_alias ORDER BY alias")
    while try aliasRows.next() { aliases[Utf8Key(aliasRows.text(0)), default: []].append(aliasRows.text(1)) }
    // Rosters have a row for each person of the organisation, and every report reads them all.
    let people = try RawStatement(
      database,
      """
      SELECT user, department, role, site, manager, active_from, active_to, service FROM roster ORDER BY id
      """)
    var rows: [RosterRow] = []
    while try people.next() {
      let user = people.text(0)
      rows.append(
        RosterRow(
          user: user, department: people.text(1), role: people.text(2), site: people.text(3),
          manager: people.text(4), activeFrom: people.isNull(5) ? nil : CivilDay(people.text(5)),
          activeTo: people.isNull(6) ? nil : CivilDay(people.text(6)),
          aliases: aliases.isEmpty ? [] : aliases.removeValue(forKey: Utf8Key(user)) ?? [],
          isService: people.integer(7) != 0))
    }
    return rows
  }

  // MARK: Catalog

  /// Writes a whole catalog, replacing the one before.
  package static func replaceCatalog(_ rows: [CatalogRow], in database: Database) throws {
    try database.execute(sql: "DELETE FROM catalog")
    let insert = try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO catalog
          (app, feature, roles, target_days, target_ms, category, critical, automatic)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """)
    for row in rows {
      try insert.execute(arguments: [
        row.app, row.feature, row.roles.joined(separator: ";"), row.targetDays, row.targetMilliseconds,
        row.category, row.isCritical, row.isAutomatic,
      ])
    }
  }

  package static func catalog(in database: Database) throws -> [CatalogRow] {
    let sql = """
      SELECT app, feature, roles, target_days, target_ms, category, critical, automatic FROM catalog
      """
    return try Row.fetchAll(database, sql: sql).map { row in
      CatalogRow(
        app: row[0], feature: row[1],
        roles: (row[2] as String).split(separator: ";").map(String.init), targetDays: row[3],
        targetMilliseconds: row[4], category: row[5], isCritical: row[6], isAutomatic: row[7])
    }
  }

  // MARK: Tickets

  /// Adds tickets; one with a known id replaces it.
  package static func upsertTickets(_ tickets: [Ticket], in database: Database) throws {
    let insert = try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO ticket (id, requester, opened_ms, first_response_ms, resolved_ms, reopened,
          app, category, priority, state, satisfaction, effort_minutes, "group", owner, reassignments, level,
          comment)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    for ticket in tickets {
      try insert.execute(arguments: [
        ticket.id, ticket.requester, ticket.openedMilliseconds, ticket.firstResponseMilliseconds,
        ticket.resolvedMilliseconds, ticket.reopenCount, ticket.app, ticket.category, ticket.priority,
        ticket.state, ticket.satisfaction, ticket.effortMinutes, ticket.group, ticket.owner,
        ticket.reassignmentCount, ticket.level, ticket.comment,
      ])
    }
  }

  package static func tickets(in database: Database) throws -> [Ticket] {
    let sql = """
      SELECT id, requester, opened_ms, first_response_ms, resolved_ms, reopened, app, category, priority,
        state, satisfaction, effort_minutes, "group", owner, reassignments, level, comment
      FROM ticket ORDER BY opened_ms, id
      """
    return try Row.fetchAll(database, sql: sql).map { row in
      Ticket(
        id: row[0], requester: row[1], openedMilliseconds: row[2], firstResponseMilliseconds: row[3],
        resolvedMilliseconds: row[4], reopenCount: row[5], app: row[6], category: row[7],
        priority: row[8], state: row[9], satisfaction: row[10], effortMinutes: row[11], group: row[12],
        owner: row[13], reassignmentCount: row[14], level: row[15], comment: row[16])
    }
  }

  /// What strike-outs ask of all tickets, in no particular order, without loading the rest of them.
  package static func ticketCalls(in database: Database) throws -> [TicketCall] {
    let select = try RawStatement(database, "SELECT requester, app, opened_ms FROM ticket ORDER BY rowid")
    var calls: [TicketCall] = []
    while try select.next() {
      calls.append(
        TicketCall(
          requester: String(decoding: select.textBytes(0), as: UTF8.self),
          app: select.isNull(1) ? nil : String(decoding: select.textBytes(1), as: UTF8.self),
          openedMilliseconds: select.integer(2)))
    }
    return calls
  }

  // MARK: Interventions and changes

  /// Adds initiatives; one with the same name and cohort is replaced.
  package static func upsert(
    _ initiatives: [Initiative], _ sort: Initiative.Sort, in database: Database
  ) throws {
    let insert = try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO \(sort.rawValue) (name, cohort, kind, app, feature, start_ms, end_ms, note)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """)
    for initiative in initiatives {
      try insert.execute(arguments: [
        initiative.name, initiative.cohort, initiative.kind, initiative.app, initiative.feature,
        initiative.startMilliseconds, initiative.endMilliseconds, initiative.note,
      ])
    }
  }

  /// All initiatives of a sort, by start, name and cohort.
  package static func initiatives(_ sort: Initiative.Sort, in database: Database) throws -> [Initiative] {
    let sql = """
      SELECT name, kind, app, feature, cohort, start_ms, end_ms, note FROM \(sort.rawValue)
      ORDER BY start_ms, name, cohort
      """
    return try Row.fetchAll(database, sql: sql).map { row in
      Initiative(
        name: row[0], kind: row[1], app: row[2], feature: row[3], cohort: row[4],
        startMilliseconds: row[5], endMilliseconds: row[6], note: row[7])
    }
  }
}
