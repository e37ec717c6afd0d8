/// Friction of one feature, one application or everything: failed uses, help and interruptions, and how
/// much of it a ticket brought above the waterline (`docs/methods.md`, section 8).
package struct Friction: Sendable {
  /// Rank of the feature, index of the application, or 0, as the tally's level says.
  package let unit: Int
  package var events: Int64 = 0
  /// Events that a ticket followed.
  package var aboveEvents: Int64 = 0
  package var lostMilliseconds: Int64 = 0
  package var aboveMilliseconds: Int64 = 0
  /// Distinct tickets that followed one of the events.
  package var tickets: Int64 = 0
  /// Shown beside: slowness leaves no moment at which to call.
  package var slowMilliseconds: Int64 = 0
  /// People with a friction event or slow time.
  package var people = RowPeople()

  package init(unit: Int) { self.unit = unit }

  package var silentMilliseconds: Int64 { lostMilliseconds - aboveMilliseconds }

  /// Share of the lost time that no ticket followed; nil without lost time.
  package var silentShare: Double? {
    lostMilliseconds > 0 ? 1 - Double(aboveMilliseconds) / Double(lostMilliseconds) : nil
  }

  /// Share of the events that no ticket followed; nil without events.
  package var silentEventShare: Double? {
    events > 0 ? 1 - Double(aboveEvents) / Double(events) : nil
  }
}

/// Sums friction of the chosen people by feature, by application or as a whole.
package struct FrictionTally {
  /// What one row holds.
  package enum Level: Sendable {
    case all
    case app
    case feature
  }

  private let keys: EventKeys
  private let tickets: PersonTickets
  private let isChosen: [Bool]
  private let isSelected: [Bool]
  private let level: Level
  private let peopleKept: Int
  /// By unit: 1 + index into ``rows``, or 0.
  private var rowOfUnit: [Int32]
  /// (row, person, 0) and (row, ticket, 1) seen so far.
  private var seen = NumberTable()

  /// In order of first appearance.
  package private(set) var rows: [Friction] = []

  /// - Parameters:
  ///   - isChosen: by person.
  ///   - isSelected: by rank.
  ///   - peopleKept: rows of fewer people remember who they are.
  package init(
    keys: EventKeys, tickets: PersonTickets, isChosen: [Bool], isSelected: [Bool], level: Level,
    peopleKept: Int
  ) {
    self.keys = keys
    self.tickets = tickets
    self.isChosen = isChosen
    self.isSelected = isSelected
    self.level = level
    self.peopleKept = peopleKept
    rowOfUnit = [Int32](repeating: 0, count: max(1, keys.featureCount, keys.appCount))
  }

  /// Adds the friction events of the window.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome`, `start` and `duration`.
  ///
  /// - Complexity: O(rows + friction events × tickets within a day of them).
  package mutating func add(_ columns: EventColumns, bounds: WindowBounds) {
    var test = WindowTest(bounds)
    columns.withBuffers { events in
      for row in 0..<events.rowCount where Self.isFriction(row, of: events) {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        let person = keys.personOfUser[Int(events.user[row])]
        guard rank >= 0, person >= 0, isSelected[rank], isChosen[Int(person)],
          test.contains(events.start[row])
        else { continue }
        add(start: events.start[row], time: events.time(ofRow: row), person: person, rank: rank)
      }
    }
  }

  /// Adds the slow time of a feature's people.
  package mutating func add(_ feature: FeatureCells) {
    guard isSelected[feature.rank] else { return }
    for cell in feature.cells where cell.slowMilliseconds > 0 && isChosen[Int(cell.person)] {
      let row = rowIndex(rank: feature.rank)
      rows[row].slowMilliseconds += cell.slowMilliseconds
      insert(cell.person, row: row)
    }
  }

  private mutating func add(start: Int64, time: Int64, person: Int32, rank: Int) {
    let row = rowIndex(rank: rank)
    insert(person, row: row)
    rows[row].events += 1
    rows[row].lostMilliseconds += time
    guard tickets.hasTickets(person) else { return }
    var isAbove = false
    let range = start...(start + time + PersonTickets.reachMilliseconds)
    var followed: [Int32] = []
    tickets.forEachTicket(of: person, app: keys.appOfRank[rank], in: range) { followed.append($0) }
    for ticket in followed {
      isAbove = true
      if seen.index(of: SIMD3(Int32(truncatingIfNeeded: row), ticket, 1)).isNew { rows[row].tickets += 1 }
    }
    if isAbove {
      rows[row].aboveEvents += 1
      rows[row].aboveMilliseconds += time
    }
  }

  private mutating func insert(_ person: Int32, row: Int) {
    if seen.index(of: SIMD3(Int32(truncatingIfNeeded: row), person, 0)).isNew {
      rows[row].people.insert(person, below: peopleKept)
    }
  }

  private mutating func rowIndex(rank: Int) -> Int {
    let unit =
      switch level {
      case .all: 0
      case .app: Int(keys.appOfRank[rank])
      case .feature: rank
      }
    if rowOfUnit[unit] == 0 {
      rows.append(Friction(unit: unit))
      rowOfUnit[unit] = Int32(truncatingIfNeeded: rows.count)
    }
    return Int(rowOfUnit[unit]) - 1
  }

  /// A failed use, a help event or an interruption.
  @inline(__always)
  static func isFriction(_ row: Int, of events: EventBuffers) -> Bool {
    switch events.kind[row] {
    case EventCode.focus: false
    case EventCode.use: events.outcome[row] != EventCode.outcomeOk
    default: true
    }
  }
}
