import UsageModel

/// Who is behind the store's users: aliases resolved to roster people, everybody else themselves.
///
/// People are numbered: first the roster's, in order of first appearance, then the store's users that no
/// roster person owns, then requesters of tickets that never had an event.
struct PersonDirectory {
  /// By person.
  private(set) var names: [String] = []
  /// By the store's user number.
  private(set) var personOfUser: [Int32] = []
  /// By ticket, in the order given.
  private(set) var personOfTicket: [Int32] = []
  /// By roster person: indices of their rows.
  private(set) var rosterRows: [[Int]] = []

  private var personOfName: [Utf8Key: Int32] = [:]

  /// - Complexity: O(roster + users + tickets).
  init(roster: [RosterRow], userNames: [String], tickets: [Ticket]) {
    personOfName.reserveCapacity(roster.count + userNames.count)
    for (index, row) in roster.enumerated() {
      let person = number(of: row.user)
      if Int(person) == rosterRows.count { rosterRows.append([]) }
      rosterRows[Int(person)].append(index)
    }
    // A name that is itself a roster user is that user, even if someone else has it as an alias.
    for row in roster {
      let person = number(of: row.user)
      for alias in row.aliases where personOfName[Utf8Key(alias)] == nil {
        personOfName[Utf8Key(alias)] = person
      }
    }
    personOfUser = userNames.map { number(of: $0) }
    personOfTicket = tickets.map { number(of: $0.requester) }
  }

  /// The person behind a name or alias; nil when nobody has it.
  func person(named name: String) -> Int32? { personOfName[Utf8Key(name)] }

  private mutating func number(of name: String) -> Int32 {
    let key = Utf8Key(name)
    if let known = personOfName[key] { return known }
    let person = Int32(truncatingIfNeeded: names.count)
    names.append(name)
    personOfName[key] = person
    return person
  }
}
