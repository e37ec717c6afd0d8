import EventStore
import UsageModel
import WireFormat

/// Who is behind the store's users: aliases resolved to roster people, everybody else themselves.
///
/// People are numbered: first the roster's, in order of first appearance, then the store's users that no
/// roster person owns, then requesters of tickets that never had an event.
struct PersonDirectory {
  /// By person.
  let names: NameList
  /// By the store's user number.
  let personOfUser: [Int32]
  /// By ticket, in the order given.
  let personOfTicket: [Int32]
  /// By roster person: indices of their rows.
  let rosterRows: RosterRowLists
  /// The roster, and everyone but requesters of tickets who never had an event.
  let people: PeopleColumns

  /// - Parameter requesters: of tickets.
  /// - Complexity: O(people + tickets).
  init(_ people: PeopleColumns, requesters: [String]) {
    self.people = people
    personOfUser = people.personOfUser
    rosterRows = RosterRowLists(people)
    guard !requesters.isEmpty else {
      names = people.names
      personOfTicket = []
      return
    }
    var builder = PeopleBuilder(resuming: people)
    personOfTicket = requesters.map { requester in
      var requester = requester
      return requester.withUTF8 { builder.person(named: $0) }
    }
    names = builder.finish().names
  }

  /// The people behind names or aliases; nil where nobody has one.
  ///
  /// - Complexity: O(people + names).
  func people(named wanted: [String]) -> [Int32?] {
    var builder = PeopleBuilder(resuming: people)
    return wanted.map { name in
      var name = name
      let person = name.withUTF8 { builder.person(named: $0) }
      return person < people.names.count ? person : nil
    }
  }
}

/// By roster person, the indices of their rows in the order of import.
struct RosterRowLists: RandomAccessCollection {
  /// By person: first index into ``rows``; one more at the end.
  private let offsets: [Int32]
  private let rows: [Int32]

  init(_ people: PeopleColumns) {
    var offsets = [Int32](repeating: 0, count: people.rosterPersonCount + 1)
    for person in people.personOfRow { offsets[Int(person) + 1] += 1 }
    for person in 0..<people.rosterPersonCount { offsets[person + 1] += offsets[person] }
    var next = offsets
    var rows = [Int32](repeating: 0, count: people.rowCount)
    for (row, person) in people.personOfRow.enumerated() {
      rows[Int(next[Int(person)])] = Int32(truncatingIfNeeded: row)
      next[Int(person)] += 1
    }
    self.offsets = offsets
    self.rows = rows
  }

  var startIndex: Int { 0 }
  var endIndex: Int { offsets.count - 1 }

  subscript(person: Int) -> [Int] {
    rows[Int(offsets[person])..<Int(offsets[person + 1])].map(Int.init)
  }
}
