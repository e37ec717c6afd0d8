/// The people of the population behind one row: how many, and who while they are few.
///
/// Suppression needs to know which people small rows hold together; larger rows need only their number.
package struct RowPeople: Equatable, Sendable {
  package private(set) var count = 0
  /// Everyone, while ``count`` is below the limit given to ``insert(_:below:)``; else empty.
  package private(set) var members: [Int32] = []

  package init() {}

  /// A row whose people were counted elsewhere; `members` is everyone, or empty when they are many.
  package init(count: Int, members: [Int32]) {
    self.count = count
    self.members = members
  }

  /// Adds a person who is not in yet; forgets who everyone is when they reach `limit`.
  package mutating func insert(_ person: Int32, below limit: Int) {
    count += 1
    if count < limit {
      members.append(person)
    } else if !members.isEmpty {
      members = []
    }
  }

  /// Adds other people, none of whom is in yet; forgets who everyone is when they reach `limit`.
  package mutating func insert(_ others: RowPeople, below limit: Int) {
    count += others.count
    members = count < limit ? members + others.members : []
  }
}
