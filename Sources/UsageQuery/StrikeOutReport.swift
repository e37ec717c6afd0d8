import Aggregation
import UsageModel

extension UsageReports {
  private static let strikeOutNames = [
    "strikeouts", "people", "recovered", "called", "helped", "silent", "longest",
  ]

  /// Runs of failures within an episode, and how they ended, per feature.
  ///
  /// People columns of `--by` stand in front; `app` and `feature` are always there.
  package static func strikeouts(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    try refuse([.user], in: options, report: "strikeouts", because: noSinglePeople)
    var scope = try ReportScope(data, options, reach: .episodes, tickets: .calls)
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(
      scope.groupAttributes.map(RowLayout.Item.person) + [.own(.app), .own(.feature)], groups: groups,
      features: scope.features)
    let runs = try strikeOutRuns(data, &scope, groups)
    let sought = HelpSought(tickets: ticketsOpened(scope), help: runs.help)
    let found = runs.rows(
      keys: scope.keys, bounds: scope.bounds, groupOfPerson: groups.groupOfMember, groupCount: groups.count,
      helpSought: sought, peopleKept: scope.peopleKept)
    let rows = ReportRows(
      found.map { strikeOutRow($0, layout, scope) }, columns: layout.columns,
      minimumPeople: options.minimumGroupSize)
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    return document(
      "strikeouts", scope: scope, columns: layout.columns, valueNames: strikeOutNames, rows: rows,
      totals: scope.totals(tooNew: scope.tooNewCount(expectations), suppressed: rows.suppressedCount),
      warnings: scope.warnings)
  }

  /// The window's strike-outs; reads events again as long as what was read does not decide them.
  private static func strikeOutRuns(
    _ data: some UsageData, _ scope: inout ReportScope, _ groups: PersonGroups
  ) throws -> StrikeOutRuns {
    let isChosen = scope.keys.personOfUser.map { $0 >= 0 && groups.groupOfMember[Int($0)] >= 0 }
    var order: StrikeOutRuns.Order?
    while let episodes = scope.episodes {
      var runs = StrikeOutRuns()
      try episodes.forEachPass(
        isChosen: isChosen, isSelected: scope.isSelected, withOrder: order != nil
      ) { events in
        runs.add(
          events, keys: scope.keys, bounds: scope.bounds, groupOfPerson: groups.groupOfMember,
          isSelected: scope.isSelected, order: order, end: episodes.end, workerCount: episodes.workerCount)
      }
      guard runs.needsOrder || runs.isOpen else { return runs }
      if runs.needsOrder { order = StrikeOutRuns.Order(rankOfSource: ranksOfSources(try data.sourceNames())) }
      if runs.isOpen { try scope.readLongerEpisodes(data) }
    }
    return StrikeOutRuns()
  }

  /// By the store's source number: 0 for "no source", then the sources in byte order.
  static func ranksOfSources(_ names: [String]) -> [Int32] {
    var ranks = [Int32](repeating: 0, count: max(1, names.count))
    let order = names.indices.dropFirst().sorted { names[$0].precedesByBytes(names[$1]) }
    for (place, number) in order.enumerated() { ranks[number] = Int32(truncatingIfNeeded: place + 1) }
    return ranks
  }

  static func helpSought(_ scope: ReportScope) -> HelpSought {
    HelpSought(tickets: ticketsOpened(scope), help: scope.columns.helpMoments(keys: scope.keys))
  }

  /// When tickets of the population were opened.
  private static func ticketsOpened(_ scope: ReportScope) -> [HelpSought.Moment] {
    var opened: [HelpSought.Moment] = []
    for (call, person) in zip(scope.ticketCalls, scope.directory.personOfTicket) {
      let member = scope.population.memberOfPerson[Int(person)]
      guard member >= 0 else { continue }
      var app: Int32 = -1
      if let name = call.app, !name.isEmpty {
        guard let rank = scope.features.appTable.rank(of: name) else { continue }
        app = rank - 1
      }
      opened.append(HelpSought.Moment(person: member, app: app, milliseconds: call.openedMilliseconds))
    }
    return opened
  }

  private static func strikeOutRow(
    _ row: StrikeOuts, _ layout: RowLayout, _ scope: ReportScope
  ) -> ReportRow {
    ReportRow(
      key: layout.key(
        group: row.group, app: scope.features.appOfRank[row.rank] + 1,
        feature: scope.features.featureNameOfRank[row.rank]),
      people: row.people,
      values: [
        .integer(row.count), ReportValue(count: row.people.count), .integer(row.recovered),
        .integer(row.called), .integer(row.helped), .integer(row.silent), .integer(row.longest),
      ])
  }
}
