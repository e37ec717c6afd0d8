import Aggregation
import EventStore
import UsageModel

/// P: the people that figures are about (`docs/methods.md`, section 1).
struct Population {
  /// `roster` or `observed`, as reports print it.
  let kind: String
  /// By member: the person's number in the directory.
  let personOfMember: [Int32]
  /// By person: the member, or `EventKeys.none`.
  let memberOfPerson: [Int32]
  /// By member: days of the window on which they belong to the organisation.
  let activeDays: [Int]
  let attributes: [PersonAttribute: AttributeTable]

  var memberCount: Int { personOfMember.count }

  /// Active days of the window from which something is expected of a person.
  static func activeDaysMin(dayCount: Int) -> Int { min(14, dayCount) }

  /// The roster people active on some day of the window, with the attributes of the last such day.
  ///
  /// - Complexity: O(roster rows + people).
  init(_ directory: PersonDirectory, window: Window) {
    let roster = directory.people
    let standing = RosterStanding(roster, window: window)
    let people = standing.members
    let rows = people.map { standing.lastRow[Int($0)] }
    func table(_ name: PeopleColumns.AttributeName) -> AttributeTable {
      AttributeTable(roster[name], rows: rows)
    }
    self.init(
      kind: "roster", people: people, personCount: directory.names.count,
      activeDays: people.map { Int(standing.activeDays[Int($0)]) },
      attributes: [
        .department: table(.department), .role: table(.role), .site: table(.site), .manager: table(.manager),
      ])
  }

  /// Without a roster: everyone who was seen; active on every day, of no department or role.
  ///
  /// - Parameter isSeen: by person.
  init(observed isSeen: [Bool], window: Window) {
    let people = isSeen.indices.filter { isSeen[$0] }.map { Int32(truncatingIfNeeded: $0) }
    let absent = AttributeTable(memberCount: people.count)
    self.init(
      kind: "observed", people: people, personCount: isSeen.count,
      activeDays: Array(repeating: window.dayCount, count: people.count),
      attributes: Dictionary(uniqueKeysWithValues: PersonAttribute.allCases.map { ($0, absent) }))
  }

  private init(
    kind: String, people: [Int32], personCount: Int, activeDays: [Int],
    attributes: [PersonAttribute: AttributeTable]
  ) {
    self.kind = kind
    personOfMember = people
    var members = [Int32](repeating: EventKeys.none, count: personCount)
    for (member, person) in people.enumerated() { members[Int(person)] = Int32(truncatingIfNeeded: member) }
    memberOfPerson = members
    self.activeDays = activeDays
    self.attributes = attributes
  }

  /// By the store's user number, the member, or `EventKeys.none`.
  func memberOfUser(_ directory: PersonDirectory) -> [Int32] {
    directory.personOfUser.map { memberOfPerson[Int($0)] }
  }

  /// By member, the rank among the values of an attribute; 0 is absent.
  func ranks(of attribute: PersonAttribute) -> [Int32] {
    attributes[attribute]?.rankOfMember ?? Array(repeating: 0, count: memberCount)
  }

  /// A role's rank as kernels number it: -1 for none.
  static func roleNumber(ofRank rank: Int32) -> Int32 { rank == 0 ? -1 : rank }

  /// A member's rank among the values of an attribute; 0 is absent.
  func rank(of attribute: PersonAttribute, member: Int) -> Int32 {
    attributes[attribute]?.rankOfMember[member] ?? 0
  }
}

/// What a window makes of the roster's rows, by roster person.
private struct RosterStanding {
  /// The row that holds on the person's last active day of the window; -1 when there is none.
  private(set) var lastRow: [Int32]
  /// Days of the window on which some row holds.
  private(set) var activeDays: [Int32]
  private var isService: [Bool]

  /// People who belong to the organisation on some day of the window, and are people.
  var members: [Int32] {
    lastRow.indices.filter { lastRow[$0] >= 0 && !isService[$0] }.map { Int32(truncatingIfNeeded: $0) }
  }

  init(_ roster: PeopleColumns, window: Window) {
    let count = roster.rosterPersonCount
    lastRow = [Int32](repeating: -1, count: count)
    activeDays = [Int32](repeating: 0, count: count)
    isService = [Bool](repeating: false, count: count)
    var lastEnd = [Int32](repeating: .min, count: count)
    for row in 0..<roster.rowCount {
      let person = Int(roster.personOfRow[row])
      if roster.isService[row] != 0 { isService[person] = true }
      let from = max(window.from.number, roster.activeFrom[row])
      let to = min(window.to.number, roster.activeTo[row])
      guard from < to else { continue }
      activeDays[person] += to - from
      if to > lastEnd[person] {
        lastEnd[person] = to
        lastRow[person] = Int32(truncatingIfNeeded: row)
      }
    }
  }
}
