import UsageModel

/// The roster and the store's users as columns of numbers: what reports know of people.
///
/// People are numbered: first the roster's, in order of first appearance, then the store's users that no
/// roster person owns. A report over 100,000 people reads these columns instead of making an object for each.
package struct PeopleColumns: Equatable, Sendable {
  /// One attribute of the roster's rows.
  package struct Attribute: Equatable, Sendable {
    /// Distinct values in the order of their bytes.
    package var values = NameList()
    /// By roster row: 1 + index of its value, or 0 when it is absent.
    package var numberOfRow: [UInt32] = []

    package init() {}
  }

  /// The attributes in the order in which ``attributes`` holds them.
  package enum AttributeName: Int, CaseIterable, Sendable {
    case department
    case role
    case site
    case manager
  }

  /// An open end of a row's days.
  package static let openFrom = Int32.min
  package static let openTo = Int32.max

  /// By person.
  package var names = NameList()
  /// People on the roster; they come first.
  package var rosterPersonCount = 0
  /// Aliases that are not themselves names of roster people.
  package var aliases = NameList()
  /// By alias.
  package var personOfAlias: [Int32] = []
  /// By the store's user number; numbers that it does not use belong to a person without a name.
  package var personOfUser: [Int32] = []

  /// By roster row, in the order of import: whose it is.
  package var personOfRow: [Int32] = []
  /// By roster row: first active day as a number since 1970, or ``openFrom``.
  package var activeFrom: [Int32] = []
  /// By roster row: first day no longer active, or ``openTo``.
  package var activeTo: [Int32] = []
  /// By roster row: 1 for an account that is not a person.
  package var isService: [UInt8] = []
  /// By ``AttributeName``.
  package var attributes: [Attribute] = AttributeName.allCases.map { _ in Attribute() }

  package init() {}

  package var rowCount: Int { personOfRow.count }

  package subscript(name: AttributeName) -> Attribute { attributes[name.rawValue] }

  /// Whether all numbers are indices of what they number, so that readers need not check each.
  ///
  /// - Complexity: O(people + users + rows).
  package var isConsistent: Bool {
    func areBelow(_ numbers: [Int32], _ limit: Int) -> Bool { numbers.allSatisfy { $0 >= 0 && $0 < limit } }
    return rosterPersonCount <= names.count && personOfAlias.count == aliases.count
      && areBelow(personOfUser, names.count) && areBelow(personOfAlias, rosterPersonCount)
      && areBelow(personOfRow, rosterPersonCount)
      && activeFrom.count == rowCount && activeTo.count == rowCount && isService.count == rowCount
      && attributes.count == AttributeName.allCases.count
      && attributes.allSatisfy { attribute in
        attribute.numberOfRow.count == rowCount
          && attribute.numberOfRow.allSatisfy { Int($0) <= attribute.values.count }
      }
  }
}

extension PeopleColumns {
  /// The columns of rows that are at hand already.
  ///
  /// - Parameter userNames: by the store's number.
  package init(roster: [RosterRow], userNames: [String]) {
    var builder = PeopleBuilder()
    for row in roster { builder.add(row) }
    for row in roster {
      for alias in row.aliases { builder.addAlias(alias, of: row.user) }
    }
    for (number, name) in userNames.enumerated() { builder.addUser(name, number: number) }
    self = builder.finish()
  }
}
