import Aggregation
import UsageModel

extension UsageReports {
  private static let distractionNames = [
    "people", "person_days", "attention_ms", "undisturbed_ms", "undisturbed_share", "distractions",
  ]
  private static let lorenzNames = ["people_share", "people", "ticket_share", "effort_share", "lost_share"]

  /// Above and below the waterline: the desk's figures beside the friction nobody called about.
  ///
  /// Totals are the same in every view. Tickets belong to applications, so features choose nothing.
  package static func support(
    _ data: some UsageData, _ options: QueryOptions, _ choice: SupportChoice = SupportChoice()
  ) throws -> ReportDocument {
    if let feature = options.feature {
      throw QueryError.badOption(
        option: "--feature", given: feature, expected: "--app instead: tickets belong to applications")
    }
    let reach: ReportScope.Reach = choice.view == .sides ? .everything : .window
    let scope = try ReportScope(
      data, options, reach: reach,
      columns: reach == .window ? timeColumns : timeColumns.union([.source, .sequence]))
    let tickets = SupportTickets(scope)
    let everyone = PersonGroups([], population: scope.population, isChosen: scope.isChosen)
    let byApp = choice.columns == ["app"]
    var measures = try SupportMeasures(data, scope, tickets, reach: reach)
    var friction = SupportMeasures.frictionTally(scope, tickets, level: byApp ? .app : .feature)
    if choice.view == .friction { friction.add(scope.columns, bounds: scope.bounds) }
    var erosion = erosionTally(scope, everyone, level: .app)
    scope.forEachFeature(BenchmarkSource(options.benchmark, features: scope.features)) { feature in
      measures.add(feature)
      if choice.view == .friction { friction.add(feature) }
      if choice.view == .sides { erosion.add(feature) }
    }
    erosion.finish()
    let rates = try CostRates(data)
    let totals = SupportTotals(scope, tickets, measures, rates: rates)
    let part = SupportPart(
      scope: scope, totals: totals, rates: rates, tooNew: try supportTooNew(data, scope),
      costWarnings: try CostRates.warnings(data))
    switch choice.view {
    case .desk:
      let columns = choice.columns.compactMap(TicketColumn.init(rawValue:))
      let (rows, keys) = SupportDesk.rows(scope, tickets, columns, rates: rates)
      return part.document(.desk, keys, SupportDesk.names, cost: ["cost_tickets"], rows)
    case .friction:
      let (rows, keys) = SupportFriction.rows(friction.rows, byApp: byApp, scope, rates: rates)
      return part.document(.friction, keys, SupportFriction.names, cost: ["cost_friction"], rows)
    case .sides:
      let sides = try SupportSides(data, scope, tickets, erosion: erosion.rows, rates: rates)
      let (rows, keys) = sides.rows()
      return part.document(.sides, keys, SupportSides.names, cost: ["cost_tickets", "cost_lost"], rows)
    case .distraction:
      let (rows, keys) = distractionRows(scope, tickets, choice)
      return part.document(.distraction, keys, distractionNames, cost: [], rows)
    case .lorenz:
      let empty = ReportRows([], columns: [], minimumPeople: options.minimumGroupSize)
      var document = part.document(.lorenz, [], lorenzNames, cost: [], empty)
      let concentration = SupportTotals.concentration(scope, tickets, measures)
      document.rows = lorenzRows(concentration, tickets, options)
      return document
    }
  }

  private static func supportTooNew(_ data: some UsageData, _ scope: ReportScope) throws -> Int {
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    return scope.tooNewCount(expectations)
  }

  private static func distractionRows(
    _ scope: ReportScope, _ tickets: SupportTickets, _ choice: SupportChoice
  ) -> (ReportRows, [RowLayout.Column]) {
    let attributes =
      choice.columns.isEmpty ? [.department] : choice.columns.compactMap(PersonAttribute.init(rawValue:))
    let groups = PersonGroups(attributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(
      attributes.map(RowLayout.Item.person), groups: groups, features: scope.features)
    let found = scope.columns.attention(
      keys: scope.keys, bounds: scope.bounds, groupOfPerson: groups.groupOfMember,
      groupCount: groups.count, tickets: tickets.openedByChosen, peopleKept: scope.peopleKept)
    let rows = found.map { row in
      ReportRow(
        key: layout.key(group: row.group), people: row.people,
        values: [
          ReportValue(count: row.people.count), .integer(row.personDays), .integer(row.attentionMilliseconds),
          .integer(row.undisturbedMilliseconds), ReportValue(row.undisturbedShare),
          .integer(row.distractions),
        ])
    }
    return (
      ReportRows(rows, columns: layout.columns, minimumPeople: scope.options.minimumGroupSize),
      layout.columns
    )
  }

  /// Each step of the curve holds at least as many people as a row must; nothing where tickets are withheld.
  private static func lorenzRows(
    _ concentration: Concentration, _ tickets: SupportTickets, _ options: QueryOptions
  ) -> [[ReportValue]] {
    let callers = tickets.figures(peopleKept: 0).people.count
    let points = concentration.lorenz(stepPeopleMin: options.minimumGroupSize)
    let total = concentration.total
    guard total.tickets > 0, let last = points.last, last.people > 0,
      !SupportTotals.isWithheld(callers, minimumPeople: options.minimumGroupSize)
    else { return [] }
    func share(_ part: Int64, _ whole: Int64) -> ReportValue {
      whole > 0 ? .number(Double(part) / Double(whole)) : .null
    }
    return points.map { point in
      [
        .number(Double(point.people) / Double(last.people)), ReportValue(count: point.people),
        share(point.sum.tickets, total.tickets), share(point.sum.effortMinutes, total.effortMinutes),
        share(point.sum.lostMilliseconds, total.lostMilliseconds),
      ]
    }
  }
}

/// What the documents of all views of the support report have in common.
private struct SupportPart {
  let scope: ReportScope
  let totals: SupportTotals
  let rates: CostRates?
  let tooNew: Int
  let costWarnings: [String]

  func document(
    _ view: SupportView, _ columns: [RowLayout.Column], _ names: [String], cost: [String], _ rows: ReportRows
  ) -> ReportDocument {
    UsageReports.document(
      "support", scope: scope, columns: columns, valueNames: names + (rates == nil ? [] : cost), rows: rows,
      totals: scope.totals(tooNew: tooNew, suppressed: rows.suppressedCount)
        + [
          ReportField("view", .text(view.rawValue)),
          ReportField(
            "benchmark",
            .text(BenchmarkSource(scope.options.benchmark, features: scope.features).name)),
        ] + totals.fields,
      warnings: scope.warnings + SupportTickets.endWarnings(scope) + totals.warnings
        + nullWarnings(names, rows) + costWarnings)
  }

  /// Reasons for null values in rows.
  private func nullWarnings(_ names: [String], _ rows: ReportRows) -> [String] {
    var namesOfReason: [(reason: String, names: [String])] = []
    let values = rows.values
    for (position, name) in names.enumerated() where values.contains(where: { $0[position] == .null }) {
      let reason = Self.reason(forNull: name)
      if let place = namesOfReason.firstIndex(where: { $0.reason == reason }) {
        namesOfReason[place].names.append(name)
      } else {
        namesOfReason.append((reason, [name]))
      }
    }
    return namesOfReason.map { "\($0.names.joined(separator: ", ")) null in some rows: \($0.reason)" }
  }

  private static func reason(forNull name: String) -> String {
    switch name {
    case "coverage": "nothing is expected there"
    case "ok_share", "strikeouts_per_1000", "help_per_1000": "no attempts"
    case "interruptions_per_face_hour", "interruption_minutes_per_face_hour", "erosion": "no face time"
    case "silent", "undisturbed_share": "it took no time"
    case "silent_count": "no friction"
    default: SupportDesk.reason(forNull: name)
    }
  }
}
