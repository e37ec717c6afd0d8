import Aggregation
import UsageModel

extension UsageReports {
  private static let suspectNames = [
    "kind", "account", "app", "feature", "marked", "reasons", "events", "event_share", "days", "hours_max",
    "long_days", "pauses", "pause_median_ms", "regular_share", "people", "advice",
  ]

  /// Accounts and features that look like machines, with the evidence and what to do about them.
  ///
  /// Everyone with an event in the window is looked at, on the roster or not. Service accounts that are
  /// marked already are listed too, as such.
  ///
  /// - Parameter shownName: what to print for an account: a pseudonym, or its name once a purpose is logged.
  package static func suspects(
    _ data: some UsageData, _ options: QueryOptions, shownName: (String) -> String
  ) throws -> ReportDocument {
    try refuse(GroupDimension.allCases, in: options, report: "suspects", because: "its rows are accounts")
    let survey = try SuspectSurvey(data, options)
    let scope = survey.scope
    let layout = RowLayout(
      [], groups: PersonGroups([], population: scope.population, isChosen: scope.isChosen),
      features: scope.features)
    let accounts = survey.accounts().sorted { left, right in
      left.rhythm.events != right.rhythm.events
        ? left.rhythm.events > right.rhythm.events
        : survey.name(left, shownName).precedesByBytes(survey.name(right, shownName))
    }
    let features = survey.machineFeatures()
    let expectations = scope.expectations(
      observed: try scope.observedFeatures(data, stopAtFirstSelected: true))
    var report = document(
      "suspects", scope: scope, columns: [], valueNames: suspectNames,
      rows: ReportRows([], columns: layout.columns, minimumPeople: 0),
      totals: scope.totals(tooNew: scope.tooNewCount(expectations), suppressed: 0) + [
        ReportField("suspects", ReportValue(count: accounts.count { !$0.isMarked } + features.count)),
        ReportField("marked", ReportValue(count: accounts.count { $0.isMarked })),
        ReportField("events", .integer(survey.eventTotal)),
      ], warnings: scope.warnings + suspectWarnings(accounts, features))
    report.rows =
      accounts.map { suspectRow($0, survey, shownName) } + features.map { suspectRow($0, survey) }
    return report
  }

  private static func suspectRow(
    _ account: SuspectSurvey.Account, _ survey: SuspectSurvey, _ shownName: (String) -> String
  ) -> [ReportValue] {
    let advice =
      account.isMarked
      ? "none: the roster marks it as a service account"
      : "if it is no person, give it a roster row with service=true"
    return [
      .text("account"), .text(shownName(survey.scope.directory.names[Int(account.person)])), .null, .null,
      .boolean(account.isMarked), .text(account.reasons.joined(separator: ";")),
    ] + rhythmValues(account.rhythm, survey) + [.integer(1), .text(advice)]
  }

  private static func suspectRow(
    _ feature: SuspectSurvey.MachineFeature, _ survey: SuspectSurvey
  ) -> [ReportValue] {
    let name = survey.scope.features.names[feature.rank]
    return [
      .text("feature"), .null, .text(name.app), ReportValue(name.feature), .boolean(false),
      .text("machine_pauses"),
    ] + rhythmValues(feature.rhythm, survey) + [
      .integer(feature.people),
      .text("if people do not act there, mark it in the catalog with automatic=true"),
    ]
  }

  private static func rhythmValues(_ rhythm: AccountRhythm, _ survey: SuspectSurvey) -> [ReportValue] {
    [
      .integer(rhythm.events), ReportValue(share(rhythm.events, of: survey.eventTotal)),
      .integer(rhythm.days), .integer(rhythm.hoursMax), .integer(rhythm.longDays), .integer(rhythm.pauses),
      ReportValue(rhythm.pauseMedianMilliseconds),
      ReportValue(share(rhythm.regularPauses, of: rhythm.pauses)),
    ]
  }

  private static func suspectWarnings(
    _ accounts: [SuspectSurvey.Account], _ features: [SuspectSurvey.MachineFeature]
  ) -> [String] {
    var warnings: [String] = []
    if !features.isEmpty || !accounts.isEmpty {
      warnings.append("app and feature are null for accounts, account is null for features")
    }
    if accounts.contains(where: { $0.rhythm.pauses == 0 }) {
      warnings.append(
        "pause_median_ms and regular_share are null where no pause is "
          + "\(AccountRhythm.pauseMillisecondsMin / 1_000) s or longer")
    }
    return warnings
  }
}

/// The rhythm of every account and feature of a window.
private struct SuspectSurvey {
  struct Account {
    /// Number in the directory.
    var person: Int32
    var rhythm: AccountRhythm
    var isMarked: Bool
    /// `round_the_clock`, `machine_pauses`, `share`.
    var reasons: [String]
  }

  struct MachineFeature {
    var rank: Int
    var people: Int64
    var rhythm: AccountRhythm
  }

  /// One account's share of all events from which it is suspect, if it is also far above the usual one.
  static let shareDenominator: Int64 = 20
  /// So many times the events of the median account.
  static let timesMedian: Int64 = 10
  /// People who use a feature like machines, from which the feature is suspect rather than they.
  static let machinePeopleMin = 3

  let scope: ReportScope
  let eventTotal: Int64
  private let groups: [(person: Int32, rank: Int32, starts: [Int64])]
  private let isService: [Bool]

  init(_ data: some UsageData, _ options: QueryOptions) throws {
    let scope = try ReportScope(
      data, options, reach: .window, columns: [.user, .feature, .kind, .start])
    let roster = try data.roster()
    isService = scope.directory.rosterRows.map { rows in rows.contains { roster[$0].isService } }
    let keys = EventKeys(
      personOfUser: scope.directory.personOfUser, personCount: scope.directory.names.count,
      rankOfFeature: scope.keys.rankOfFeature, appOfRank: scope.keys.appOfRank, appCount: scope.keys.appCount)
    groups = scope.columns.startsByPersonAndFeature(keys: keys, bounds: scope.bounds)
    eventTotal = groups.reduce(0) { $0 + Int64($1.starts.count) }
    self.scope = scope
  }

  /// Suspects and accounts that are marked already, those chosen by `--where`, if anything is.
  func accounts() -> [Account] {
    var starts: [Int32: [Int64]] = [:]
    for group in groups { starts[group.person, default: []] += group.starts }
    var counts = starts.values.map { Int64($0.count) }
    let median = Quantile.median.select(from: &counts) ?? 0
    return starts.compactMap { person, starts in
      guard isWanted(person) else { return nil }
      let rhythm = AccountRhythm(starts: starts.sorted(), rules: scope.bounds.rules)
      let isMarked = Int(person) < isService.count && isService[Int(person)]
      let reasons = reasons(rhythm, median: median)
      guard isMarked || !reasons.isEmpty else { return nil }
      return Account(person: person, rhythm: rhythm, isMarked: isMarked, reasons: reasons)
    }
  }

  private func isWanted(_ person: Int32) -> Bool {
    guard !scope.options.filters.isEmpty else { return true }
    let member = scope.population.memberOfPerson[Int(person)]
    return member >= 0 && scope.isChosen[Int(member)]
  }

  private func reasons(_ rhythm: AccountRhythm, median: Int64) -> [String] {
    var reasons: [String] = []
    if rhythm.isRoundTheClock { reasons.append("round_the_clock") }
    if rhythm.isMachineLike { reasons.append("machine_pauses") }
    if rhythm.events * Self.shareDenominator >= eventTotal, rhythm.events >= Self.timesMedian * median {
      reasons.append("share")
    }
    return reasons
  }

  func name(_ account: Account, _ shownName: (String) -> String) -> String {
    shownName(scope.directory.names[Int(account.person)])
  }

  /// Most pauses first; of equal ones by name, so that a row does not depend on the order of storing.
  private func isMoreTypical(
    _ left: (person: Int32, rhythm: AccountRhythm), _ right: (person: Int32, rhythm: AccountRhythm)
  ) -> Bool {
    if left.rhythm.pauses != right.rhythm.pauses { return left.rhythm.pauses > right.rhythm.pauses }
    let names = scope.directory.names
    return names[Int(left.person)].precedesByBytes(names[Int(right.person)])
  }

  /// Features that at least half of the people who use them often use like machines; service accounts
  /// have no say.
  func machineFeatures() -> [MachineFeature] {
    var rhythms: [Int32: [(person: Int32, rhythm: AccountRhythm)]] = [:]
    for group in groups where !(Int(group.person) < isService.count && isService[Int(group.person)]) {
      guard Int64(group.starts.count) > AccountRhythm.pausesMin else { continue }
      let rhythm = AccountRhythm(starts: group.starts, rules: scope.bounds.rules)
      if rhythm.pauses >= AccountRhythm.pausesMin {
        rhythms[group.rank, default: []].append((group.person, rhythm))
      }
    }
    return rhythms.compactMap { rank, all in
      let machines = all.filter(\.rhythm.isMachineLike).sorted(by: isMoreTypical)
      guard scope.isSelected[Int(rank)], machines.count >= Self.machinePeopleMin,
        2 * machines.count >= all.count, var typical = machines.first?.rhythm
      else { return nil }
      typical.events = groups.reduce(0) { $0 + ($1.rank == rank ? Int64($1.starts.count) : 0) }
      return MachineFeature(rank: Int(rank), people: Int64(machines.count), rhythm: typical)
    }
    .sorted { $0.rank < $1.rank }
  }
}
