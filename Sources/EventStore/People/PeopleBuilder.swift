import UsageModel
import WireFormat

/// Numbers people and their roster rows' values, name by name; a name costs a hash and a comparison.
///
/// Order matters: roster rows, then aliases, then users by ascending number.
package struct PeopleBuilder: ~Copyable {
  private var people = PeopleColumns()
  /// Every name and alias seen.
  private var texts = StringTable(slotCount: 1 << 16)
  /// By number in ``texts``: whose it is, or -1 for nobody's yet.
  private var personOfText: [Int32] = [-1]
  private var department = StringTable()
  private var role = StringTable()
  private var site = StringTable()
  private var manager = StringTable()

  package init() {}

  /// Goes on where columns that are finished ended: only users can be added.
  package init(resuming people: consuming PeopleColumns) {
    for person in 0..<people.names.count {
      people.names.withBytes(of: person) { own($0, person: Int32(truncatingIfNeeded: person)) }
    }
    for alias in 0..<people.aliases.count {
      let person = people.personOfAlias[alias]
      people.aliases.withBytes(of: alias) { own($0, person: person) }
    }
    self.people = people
  }

  // MARK: Roster

  /// One cell of a roster row, as bytes.
  package typealias Bytes = UnsafeBufferPointer<UInt8>

  /// Adds a row; its texts may be empty.
  package mutating func addRow(
    user: Bytes, attributes: (department: Bytes, role: Bytes, site: Bytes, manager: Bytes), from: Int32,
    to: Int32, isService: Bool
  ) {
    let person = person(named: user)
    people.rosterPersonCount = max(people.rosterPersonCount, Int(person) + 1)
    people.personOfRow.append(person)
    people.activeFrom.append(from)
    people.activeTo.append(to)
    people.isService.append(isService ? 1 : 0)
    people.attributes[0].numberOfRow.append(Self.number(of: attributes.department, in: &department))
    people.attributes[1].numberOfRow.append(Self.number(of: attributes.role, in: &role))
    people.attributes[2].numberOfRow.append(Self.number(of: attributes.site, in: &site))
    people.attributes[3].numberOfRow.append(Self.number(of: attributes.manager, in: &manager))
  }

  /// Adds a row that is an object already.
  mutating func add(_ row: RosterRow) {
    Self.withBytes(of: row.user) { user in
      Self.withBytes(of: row.department) { department in
        Self.withBytes(of: row.role) { role in
          Self.withBytes(of: row.site) { site in
            Self.withBytes(of: row.manager) { manager in
              addRow(
                user: user, attributes: (department, role, site, manager),
                from: row.activeFrom?.number ?? PeopleColumns.openFrom,
                to: row.activeTo?.number ?? PeopleColumns.openTo, isService: row.isService)
            }
          }
        }
      }
    }
  }

  /// Adds an alias of a roster user; one that is a roster user's name, or somebody's alias already, stays theirs.
  package mutating func addAlias(_ alias: Bytes, of user: Bytes) {
    let owner = personOfText[Int(textNumber(of: user))]
    let number = Int(textNumber(of: alias))
    guard owner >= 0, personOfText[number] < 0 else { return }
    personOfText[number] = owner
    people.aliases.append(alias)
    people.personOfAlias.append(owner)
  }

  mutating func addAlias(_ alias: String, of user: String) {
    Self.withBytes(of: alias) { alias in Self.withBytes(of: user) { addAlias(alias, of: $0) } }
  }

  // MARK: Users

  /// Adds a user of the store; numbers ascend, and those left out belong to a person without a name.
  package mutating func addUser(_ name: Bytes, number: Int) {
    while people.personOfUser.count < number {
      people.personOfUser.append(person(named: Bytes(start: nil, count: 0)))
    }
    people.personOfUser.append(person(named: name))
  }

  mutating func addUser(_ name: String, number: Int) {
    Self.withBytes(of: name) { addUser($0, number: number) }
  }

  /// The person with a name or alias; a new one if nobody has it.
  package mutating func person(named name: Bytes) -> Int32 {
    let number = Int(textNumber(of: name))
    if personOfText[number] >= 0 { return personOfText[number] }
    let person = Int32(truncatingIfNeeded: people.names.count)
    personOfText[number] = person
    people.names.append(name)
    return person
  }

  /// The finished columns.
  package consuming func finish() -> PeopleColumns {
    Self.sort(&people.attributes[0], department)
    Self.sort(&people.attributes[1], role)
    Self.sort(&people.attributes[2], site)
    Self.sort(&people.attributes[3], manager)
    return people
  }

  // MARK: Parts

  private mutating func own(_ name: Bytes, person: Int32) {
    let number = Int(textNumber(of: name))
    if personOfText[number] < 0 { personOfText[number] = person }
  }

  /// The name's number among all texts; the empty name is number 0.
  private mutating func textNumber(of name: Bytes) -> UInt32 {
    guard let start = name.baseAddress, !name.isEmpty else { return 0 }
    let number = texts.intern(start, name.count)
    if Int(number) == personOfText.count { personOfText.append(-1) }
    return number
  }

  private static func number(of text: Bytes, in table: inout StringTable) -> UInt32 {
    guard let start = text.baseAddress, !text.isEmpty else { return 0 }
    return table.intern(start, text.count)
  }

  /// Renumbers an attribute's values from order of first appearance to the order of their bytes.
  private static func sort(_ attribute: inout PeopleColumns.Attribute, _ table: borrowing StringTable) {
    // Columns that were finished before have nothing in the table, and are sorted.
    guard table.count > 1 else { return }
    var values: [(number: UInt32, bytes: [UInt8])] = []
    for number in 1..<UInt32(table.count) {
      values.append((number, table.withBytes(of: number) { Array($0) }))
    }
    values.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    var placeOfNumber = [UInt32](repeating: 0, count: table.count)
    for (place, value) in values.enumerated() {
      placeOfNumber[Int(value.number)] = UInt32(place + 1)
      value.bytes.withUnsafeBufferPointer { attribute.values.append($0) }
    }
    for row in attribute.numberOfRow.indices {
      attribute.numberOfRow[row] = placeOfNumber[Int(attribute.numberOfRow[row])]
    }
  }

  private static func withBytes<Result>(of text: String, _ body: (Bytes) -> Result) -> Result {
    var copy = text
    return copy.withUTF8(body)
  }
}
