#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One feature's bottleneck figures for one group of people (`docs/methods.md`, section 5).
package struct Bottleneck: Sendable {
  /// Rank of the feature in ``EventKeys``.
  package let rank: Int
  /// Index of the group of people.
  package let group: Int32
  package let benchmark: Benchmark
  package var attempts: Int64 = 0
  package var failed: Int64 = 0
  package var eroded: Int64 = 0
  package var affected: Int64 = 0
  package var attemptMilliseconds: Int64 = 0
  /// Failed and slow time.
  package var lostMilliseconds: Int64 = 0
  /// People with an attempt.
  package var people = RowPeople()

  /// People from which a score is given.
  package static let scoredPeopleMin = 10

  init(rank: Int, group: Int32, benchmark: Benchmark) {
    self.rank = rank
    self.group = group
    self.benchmark = benchmark
  }

  /// Eroded attempts among all attempts.
  package var frequency: Double { Double(eroded) / Double(attempts) }

  /// Affected people among those with an attempt.
  package var reach: Double { Double(affected) / Double(people.count) }

  /// Lost time among the time of all attempts; nil when no attempt has a duration above 0.
  package var severity: Double? {
    attemptMilliseconds > 0 ? Double(lostMilliseconds) / Double(attemptMilliseconds) : nil
  }

  /// 0 to 100: the geometric mean of frequency, reach and severity; nil without severity or with too few
  /// people.
  package var score: Double? {
    guard let severity, people.count >= Self.scoredPeopleMin else { return nil }
    return 100 * cbrt(frequency * reach * severity)
  }
}

/// Sums cells into bottlenecks by feature and group of people.
package struct BottleneckTally {
  /// By person: group, or -1 for people who were not chosen.
  private let groupOfPerson: [Int32]
  private let peopleKept: Int
  private var rowOfGroup: [Int32]
  /// In no particular order.
  package private(set) var rows: [Bottleneck] = []

  /// - Parameter peopleKept: rows of fewer people remember who they are.
  package init(groupOfPerson: [Int32], groupCount: Int, peopleKept: Int) {
    self.groupOfPerson = groupOfPerson
    self.peopleKept = peopleKept
    rowOfGroup = [Int32](repeating: -1, count: groupCount)
  }

  /// Adds all cells of a feature; each feature comes once.
  package mutating func add(_ feature: FeatureCells) {
    let first = rows.count
    for cell in feature.cells where cell.attempts > 0 {
      let group = groupOfPerson[Int(cell.person)]
      guard group >= 0 else { continue }
      if rowOfGroup[Int(group)] < 0 {
        rowOfGroup[Int(group)] = Int32(truncatingIfNeeded: rows.count)
        rows.append(Bottleneck(rank: feature.rank, group: group, benchmark: feature.benchmark))
      }
      add(cell, toRow: Int(rowOfGroup[Int(group)]))
    }
    for row in rows[first...] { rowOfGroup[Int(row.group)] = -1 }
  }

  /// Takes over the rows of another tally of the same groups, with other features.
  package mutating func absorb(_ other: BottleneckTally) { rows += other.rows }

  private mutating func add(_ cell: FeatureCell, toRow index: Int) {
    rows[index].attempts += cell.attempts
    rows[index].failed += cell.failed
    rows[index].eroded += cell.eroded
    rows[index].affected += cell.isAffected ? 1 : 0
    rows[index].attemptMilliseconds += cell.attemptMilliseconds
    rows[index].lostMilliseconds += cell.failedMilliseconds + cell.slowMilliseconds
    rows[index].people.insert(cell.person, below: peopleKept)
  }
}
