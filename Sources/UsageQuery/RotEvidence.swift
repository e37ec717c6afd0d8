import Aggregation
import UsageModel

/// Everything that speaks for or against keeping one feature (`docs/methods.md`, section 9).
struct RotEvidence {
  let rank: Int
  /// People expected to use it, and those of them with an ok use in the window.
  var expected: Int64 = 0
  var users: Int64 = 0
  /// Durations of its uses in the window, and of all uses of the application.
  var milliseconds: Int64 = 0
  var appMilliseconds: Int64 = 0
  /// People with an ok use in the window; ascending.
  var usersNow: [Int32] = []
  /// The same in the window it is compared with; nil when there is none.
  var usersThen: [Int32]?
  var leavers: Int64?
  var successor: (rank: Int, users: Int64)?
  var twin: (rank: Int, overlap: UseOverlap)?
  var isCategorised = false
  var isCritical = false
  var season: Season?
  /// Expected of them, or with an ok use.
  var people = RowPeople()

  var isTrivial: Bool? {
    Rot.isTrivial(
      users: users, expected: expected, milliseconds: milliseconds, appMilliseconds: appMilliseconds)
  }

  var isObsolete: Bool? {
    usersThen.map { Rot.isObsolete(usersThen: $0.count, usersNow: usersNow.count) }
  }

  /// Whether it is the less used of a redundant pair; nil without a category.
  var isRedundant: Bool? { isCategorised ? twin != nil : nil }

  var isKept: Bool { isCritical || season != nil }

  var isCandidate: Bool { isTrivial == true || isObsolete == true || isRedundant == true }

  var verdict: RotVerdict { isKept ? .keep : isCandidate ? .mayGo : .inUse }
}

/// What follows from the evidence.
enum RotVerdict: String {
  /// Nothing speaks for keeping it, and something for dropping it.
  case mayGo = "may_go"
  case keep
  case inUse = "in_use"

  var order: Int64 {
    switch self {
    case .mayGo: 0
    case .keep: 1
    case .inUse: 2
    }
  }
}

extension RotEvidence {
  /// Why the feature may or may not go, in words; figures stand in the columns.
  func reason(_ features: FeatureDirectory) -> String {
    var parts: [String] = []
    if isTrivial == true { parts.append("trivial: under 1% of the people expected use it") }
    if isObsolete == true {
      let successor = successor.map { "; most leavers now use \(Self.text($0.rank, features))" } ?? ""
      parts.append("obsolete: at least 80% of its users are gone\(successor)")
    }
    if let twin {
      parts.append("redundant: the same people use \(Self.text(twin.rank, features)) on other days")
    }
    if isCritical { parts.append("keep: the catalog calls it critical") }
    if let season {
      parts.append(
        "keep: used around \(season.periods) \(season.boundary.rawValue) ends in a row, "
          + "the last on \(season.lastBoundary)")
    }
    return parts.isEmpty ? "in use" : parts.joined(separator: "; ")
  }

  private static func text(_ rank: Int, _ features: FeatureDirectory) -> String {
    let name = features.names[rank]
    return "\(name.app) / \(name.feature ?? "")"
  }
}

/// Gathers the evidence of every feature from the window, the window it is compared with, and all history.
struct RotSurvey {
  let now: ReportScope
  /// The window of the same length a year earlier, or the first full one; nil with less history.
  let then: ReportScope?
  private(set) var evidence: [RotEvidence]
  let expectations: [FeatureExpectation]
  /// By rank: whether the feature belongs to the catalog or was used before the window's end.
  let isKnown: [Bool]
  /// By rank, people with an ok use in the window.
  private var uses: [[PersonUse]] = []
  private let membersOfCategory: [Utf8Key: [Int]]

  static let columns: EventColumns.Selection = [.user, .feature, .kind, .outcome, .start, .duration]

  /// - Throws: `QueryError` for options that cannot be met, and whatever reading the store throws.
  init(_ data: some UsageData, _ options: QueryOptions) throws {
    let now = try ReportScope(data, options, reach: .window, columns: Self.columns)
    let history = try now.history(data, columns: [.user, .feature, .kind, .start])
    let calendar = Self.calendar(now, history: history, roster: try data.roster())
    var isUsed = [Bool](repeating: false, count: now.features.names.count)
    now.columns.markUsedFeatures(&isUsed, keys: now.keys, bounds: now.bounds)
    history.markUsedFeatures(&isUsed, keys: now.keys, bounds: now.bounds)
    let firstDay = calendar.firstMilliseconds.map(now.bounds.rules.day(of:))
    self.now = now
    then = try Self.earlierWindow(than: now.window, firstDay: firstDay).map { window in
      var earlier = options
      earlier.window = .days(window)
      return try ReportScope(data, earlier, reach: .window, columns: Self.columns)
    }
    expectations = now.expectations(observed: isUsed)
    isKnown = isUsed.indices.map { isUsed[$0] || now.features.catalogRows[$0] != nil }
    evidence = isUsed.indices.map { RotEvidence(rank: $0) }
    membersOfCategory = Self.membersOfCategory(now.features)
    addUse()
    addEarlierUse()
    addOverlaps()
    let days = calendar.daysByRank(featureCount: evidence.count)
    for rank in evidence.indices { evidence[rank].season = Season.find(in: days[rank]) }
  }

  /// The window a year earlier if history reaches back to it, else the first full window before this one.
  static func earlierWindow(than window: Window, firstDay: CivilDay?) -> Window? {
    guard let firstDay else { return nil }
    let (year, month, day) = window.from.yearMonthDay
    let aYearBefore =
      CivilDay(year: year - 1, month: month, day: day) ?? CivilDay(year: year - 1, month: 2, day: 28)
    if let from = aYearBefore, firstDay <= from {
      return Window(from: from, to: from.advanced(by: window.dayCount))
    }
    let end = firstDay.advanced(by: window.dayCount)
    return end <= window.from ? Window(from: firstDay, to: end) : nil
  }

  /// Uses of everyone but service accounts: the season of a feature does not depend on who is here today.
  private static func calendar(
    _ scope: ReportScope, history: EventColumns, roster: [RosterRow]
  ) -> UseCalendar {
    let directory = scope.directory
    let isService = directory.rosterRows.map { rows in rows.contains { roster[$0].isService } }
    let keys = EventKeys(
      personOfUser: directory.personOfUser.map { person in
        Int(person) < isService.count && isService[Int(person)] ? EventKeys.none : 0
      },
      personCount: 1, rankOfFeature: scope.keys.rankOfFeature, appOfRank: scope.keys.appOfRank,
      appCount: scope.keys.appCount)
    var calendar = UseCalendar()
    calendar.add(history, keys: keys, bounds: scope.bounds)
    calendar.add(scope.columns, keys: keys, bounds: scope.bounds)
    return calendar
  }

  /// By rank: uses in the window of a scope by the people it chose, with persons instead of members.
  private static func uses(_ scope: ReportScope) -> [[PersonUse]] {
    let population = scope.population
    var uses = [[PersonUse]](repeating: [], count: scope.features.names.count)
    scope.columns.forEachUse(keys: scope.keys, bounds: scope.bounds) { rank, people in
      uses[rank] = people.filter { scope.isChosen[Int($0.person)] }.map { use in
        var use = use
        use.person = population.personOfMember[Int(use.person)]
        return use
      }.sorted { $0.person < $1.person }
    }
    return uses
  }

  private mutating func addUse() {
    uses = Self.uses(now)
    var appMilliseconds = [Int64](repeating: 0, count: now.keys.appCount)
    for rank in evidence.indices {
      evidence[rank].milliseconds = uses[rank].reduce(0) { $0 + $1.milliseconds }
      appMilliseconds[Int(now.keys.appOfRank[rank])] += evidence[rank].milliseconds
      uses[rank].removeAll { $0.okUses == 0 }
    }
    let eligible = EligibleMembers(now)
    let countOfRole = eligible.sums { _ in 1 }
    for rank in evidence.indices {
      evidence[rank].appMilliseconds = appMilliseconds[Int(now.keys.appOfRank[rank])]
      evidence[rank].usersNow = uses[rank].map(\.person)
      let row = now.features.catalogRows[rank]
      evidence[rank].isCritical = row?.isCritical ?? false
      evidence[rank].isCategorised = !(row?.category.isEmpty ?? true)
      let expected = eligible.expected(expectations[rank].roles)
      addExpected(rank, expected, count: expected.total(countOfRole))
    }
  }

  private mutating func addExpected(_ rank: Int, _ expected: EligibleMembers.Expected, count: Int64) {
    evidence[rank].expected = count
    evidence[rank].people = RowPeople(
      count: Int(count), members: count > 0 && count < now.peopleKept ? expected.members : [])
    for person in evidence[rank].usersNow {
      let member = now.population.memberOfPerson[Int(person)]
      if expected.contains(Int(member)) {
        evidence[rank].users += 1
      } else {
        evidence[rank].people.insert(member, below: now.peopleKept)
      }
    }
  }

  private mutating func addEarlierUse() {
    guard let then else { return }
    for (rank, people) in Self.uses(then).enumerated() {
      evidence[rank].usersThen = people.filter { $0.okUses > 0 }.map(\.person)
    }
    for rank in evidence.indices {
      let leavers = Set(evidence[rank].usersThen ?? []).subtracting(evidence[rank].usersNow)
      evidence[rank].leavers = Int64(leavers.count)
      if evidence[rank].isObsolete == true {
        evidence[rank].successor = successor(of: rank, leavers: leavers)
      }
    }
  }

  /// The feature of the same category with most new ok users among the leavers; ties by bytes.
  private func successor(of rank: Int, leavers: Set<Int32>) -> (rank: Int, users: Int64)? {
    var best: (rank: Int, users: Int64)?
    for other in sameCategory(rank) {
      let before = Set(evidence[other].usersThen ?? [])
      let users = evidence[other].usersNow.count { leavers.contains($0) && !before.contains($0) }
      if users > best.map({ Int($0.users) }) ?? 0 { best = (other, Int64(users)) }
    }
    return best
  }

  /// Other features of the same category, by rank.
  private func sameCategory(_ rank: Int) -> [Int] {
    guard let category = now.features.catalogRows[rank]?.category, !category.isEmpty else { return [] }
    return (membersOfCategory[Utf8Key(category)] ?? []).filter { $0 != rank }
  }

  /// By category, its features' ranks; features without one are not in.
  private static func membersOfCategory(_ features: FeatureDirectory) -> [Utf8Key: [Int]] {
    var members: [Utf8Key: [Int]] = [:]
    for (rank, row) in features.catalogRows.enumerated() {
      guard let category = row?.category, !category.isEmpty else { continue }
      members[Utf8Key(category), default: []].append(rank)
    }
    return members
  }

  private mutating func addOverlaps() {
    for ranks in membersOfCategory.values {
      for (place, left) in ranks.enumerated() {
        for right in ranks[(place + 1)...]
        where UseOverlap.sharesHalf(evidence[left].usersNow, evidence[right].usersNow) {
          let overlap = UseOverlap(uses[left], uses[right])
          guard overlap.isRedundant else { continue }
          let (named, other) = okUses(left) < okUses(right) ? (left, right) : (right, left)
          let known = evidence[named].twin
          let isStronger =
            known.map {
              overlap.isStronger(than: $0.overlap)
                || (!$0.overlap.isStronger(than: overlap) && other < $0.rank)
            } ?? true
          if isStronger { evidence[named].twin = (other, overlap) }
        }
      }
    }
  }

  private func okUses(_ rank: Int) -> Int64 { uses[rank].reduce(0) { $0 + $1.okUses } }
}
