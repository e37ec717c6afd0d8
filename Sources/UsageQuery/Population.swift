import Aggregation
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
  init(roster: [RosterRow], directory: PersonDirectory, window: Window) {
    var people: [Int32] = []
    var lastRows: [RosterRow] = []
    var activeDays: [Int] = []
    for (person, rowIndices) in directory.rosterRows.enumerated() {
      let rows = rowIndices.map { roster[$0] }
      guard !rows.contains(where: \.isService) else { continue }
      let active = rows.map { (row: $0, days: Self.activeDays(of: $0, in: window)) }
        .filter { !$0.days.isEmpty }
      guard let last = active.max(by: { $0.days.upperBound < $1.days.upperBound }) else { continue }
      people.append(Int32(truncatingIfNeeded: person))
      lastRows.append(last.row)
      activeDays.append(active.reduce(0) { $0 + $1.days.count })
    }
    self.init(
      kind: "roster", people: people, personCount: directory.names.count, activeDays: activeDays,
      attributes: [
        .department: AttributeTable(lastRows.map(\.department)), .role: AttributeTable(lastRows.map(\.role)),
        .site: AttributeTable(lastRows.map(\.site)), .manager: AttributeTable(lastRows.map(\.manager)),
      ])
  }

  /// Without a roster: everyone who was seen; active on every day, of no department or role.
  ///
  /// - Parameter isSeen: by person.
  init(observed isSeen: [Bool], window: Window) {
    let people = isSeen.indices.filter { isSeen[$0] }.map { Int32(truncatingIfNeeded: $0) }
    let absent = AttributeTable(Array(repeating: "", count: people.count))
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

  /// A member's rank among the values of an attribute; 0 is absent.
  func rank(of attribute: PersonAttribute, member: Int) -> Int32 {
    attributes[attribute]?.rankOfMember[member] ?? 0
  }

  /// Days (numbers since 1970) of the window on which a roster row holds.
  private static func activeDays(of row: RosterRow, in window: Window) -> Range<Int> {
    let from = max(Int(window.from.number), row.activeFrom.map { Int($0.number) } ?? Int.min)
    let to = min(Int(window.to.number), row.activeTo.map { Int($0.number) } ?? Int.max)
    return from..<max(from, to)
  }
}
