import Aggregation
import Glibc

/// How made-up organisations behave.
enum Design: String, CaseIterable {
  /// Person effects, autocorrelated weeks, leavers, dark weeks, staggered starts.
  case plain = "as assumed"
  /// The same, with skewed outcomes.
  case skewed = "skewed outcomes"
  /// The same, with a quarter of the people.
  case small = "50 people"
  /// Cohorts are whole departments, and departments have good and bad weeks of their own.
  case departmentShocks = "department shocks"
  /// Cohorts are those who had the worst four weeks before the start.
  case struggling = "chosen because they struggled"
}

/// One panel with a known effect.
struct MadeUpPanel {
  static let weekCount = 24
  /// First treated weeks.
  static let starts = [10, 13, 16]
  /// Probability of each group; the rest is never treated.
  static let shares = [0.15, 0.20, 0.15]
  private static let leaverShare = 0.15
  private static let darkShare = 0.08
  /// Correlation of a person's successive weeks beyond the person effect.
  private static let persistence = 0.5
  private static let shockDeviation = 0.3

  private(set) var panel: Panel
  private(set) var groupOfPerson: [Int32]
  let groups = MadeUpPanel.starts.map { TreatmentGroup(firstPeriod: $0, basePeriod: $0 - 1) }

  /// The true effect on a group, so many weeks after its start.
  static func effect(group: Int, event: Int) -> Double {
    event < 0 ? 0 : -0.3 - 0.1 * Double(group) - 0.04 * Double(event)
  }

  init(_ design: Design, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let count = design == .small ? 50 : 200
    var outcomes = Self.untreated(design, count: count, &random)
    groupOfPerson =
      design == .struggling
      ? Self.strugglers(outcomes) : (0..<count).map { _ in Self.randomGroup(&random) }
    if design == .departmentShocks { Self.addShocks(to: &outcomes, groupOfPerson, &random) }
    panel = Panel(unitCount: count, periodCount: Self.weekCount)
    for person in 0..<count {
      let isLeaver = random.uniform() < Self.leaverShare
      let lastWeek = isLeaver ? 4 + Int(random.uniform() * 20) : Self.weekCount
      for week in 0..<Self.weekCount {
        let isDark = random.uniform() < Self.darkShare
        guard week < lastWeek, !isDark else { continue }
        let group = Int(groupOfPerson[person])
        let effect = group >= 0 ? Self.effect(group: group, event: week - Self.starts[group]) : 0
        panel[person, week] = outcomes[person][week] + effect
      }
    }
  }

  /// By person and week: what would have been without any intervention.
  private static func untreated(_ design: Design, count: Int, _ random: inout SeededRandom) -> [[Double]] {
    var common: [Double] = []
    for week in 0..<weekCount {
      common.append((common.last ?? 0) + 0.1 * random.normal() + (week == 12 ? 0.5 : 0))
    }
    func noise(_ random: inout SeededRandom) -> Double {
      // A centred exponential has the same spread and a long tail.
      design == .skewed ? -log(1 - random.uniform()) - 1 : random.normal()
    }
    return (0..<count).map { _ in
      let own = random.normal()
      var lasting = noise(&random)
      return (0..<weekCount).map { week in
        if week > 0 { lasting = persistence * lasting + sqrt(1 - persistence * persistence) * noise(&random) }
        return own + common[week] + lasting
      }
    }
  }

  private static func randomGroup(_ random: inout SeededRandom) -> Int32 {
    var rest = random.uniform()
    for (group, share) in shares.enumerated() {
      if rest < share { return Int32(group) }
      rest -= share
    }
    return DifferenceInDifferences.never
  }

  /// At each start, the share of those left who did worst (highest) in the four weeks before.
  private static func strugglers(_ outcomes: [[Double]]) -> [Int32] {
    var groups = [Int32](repeating: DifferenceInDifferences.never, count: outcomes.count)
    for (group, start) in starts.enumerated() {
      func before(_ person: Int) -> Double { outcomes[person][start - 4..<start].reduce(0, +) }
      let left = groups.indices.filter { groups[$0] < 0 }.sorted { before($0) > before($1) }
      let size = Int(shares[group] * Double(outcomes.count))
      for person in left.prefix(size) { groups[person] = Int32(group) }
    }
    return groups
  }

  /// Everybody of a group, and of each of three untreated departments, shares autocorrelated shocks.
  private static func addShocks(
    to outcomes: inout [[Double]], _ groups: [Int32], _ random: inout SeededRandom
  ) {
    let departmentCount = starts.count + 3
    let shocks = (0..<departmentCount).map { _ in
      var shock = random.normal()
      return (0..<weekCount).map { week in
        if week > 0 { shock = persistence * shock + sqrt(1 - persistence * persistence) * random.normal() }
        return shockDeviation * shock
      }
    }
    for person in outcomes.indices {
      let department = groups[person] >= 0 ? Int(groups[person]) : starts.count + person % 3
      for week in 0..<weekCount { outcomes[person][week] += shocks[department][week] }
    }
  }
}
