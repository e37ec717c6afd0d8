import CEventTable

/// The dictionaries of a database in memory, and how people's names are shown.
final class NameTables {
  private var users: [String?] = []
  private var shownUsers: [String?] = []
  private var shownPeople: [String?] = []
  private var apps: [String?] = []
  private var features: [String?] = []
  private var labels: [String?] = []
  private var sources: [String?] = []
  private var hosts: [String?] = []
  private let pseudonyms: Pseudonyms

  init(_ database: OpaquePointer) throws(ScanError) {
    pseudonyms = try Pseudonyms(database)
    users = try Self.column("SELECT id, name FROM user_name ORDER BY id", database)
    apps = try Self.column("SELECT id, app FROM feature_name ORDER BY id", database)
    features = try Self.column("SELECT id, feature FROM feature_name ORDER BY id", database)
    labels = try Self.column("SELECT id, name FROM label ORDER BY id", database)
    sources = try Self.column("SELECT id, name FROM source ORDER BY id", database)
    // A login that the roster knows as an alias shows as its person in the column `person`.
    let people = try Self.column(
      """
      SELECT u.id, ifnull((SELECT r.user FROM roster_alias r WHERE r.alias = u.name
        AND NOT EXISTS (SELECT 1 FROM roster p WHERE p.user = u.name)), u.name)
      FROM user_name u ORDER BY u.id
      """, database)
    shownUsers = users.map { $0.map(pseudonyms.shown) }
    shownPeople = people.map { $0.map(pseudonyms.shown) }
    // A source or a host is usually one person's workstation: as telling as a name.
    sources = sources.map { $0.map(pseudonyms.shown) }
    hosts = labels.map { $0.map(pseudonyms.shown) }
  }

  func shownUser(_ number: Int64) -> String? { Self.at(number, shownUsers) }
  func shownPerson(_ number: Int64) -> String? { Self.at(number, shownPeople) }
  func app(_ feature: Int64) -> String? { Self.at(feature, apps) }
  func feature(_ feature: Int64) -> String? { Self.at(feature, features) }
  func label(_ number: Int64) -> String? { number == 0 ? nil : Self.at(number, labels) }
  func host(_ number: Int64) -> String? { number == 0 ? nil : Self.at(number, hosts) }
  /// Session ids often hold a login.
  func shownSession(_ text: [UInt8]) -> String { pseudonyms.shown(String(decoding: text, as: UTF8.self)) }
  func source(_ number: Int64) -> String? { number == 0 ? nil : Self.at(number, sources) }

  private static func at(_ number: Int64, _ table: [String?]) -> String? {
    number >= 0 && number < Int64(table.count) ? table[Int(number)] : nil
  }

  private static func column(_ sql: String, _ database: OpaquePointer) throws(ScanError) -> [String?] {
    var result: [String?] = []
    let select = try PreparedSelect(database, sql)
    while try select.next() {
      let number = select.integer(0)
      // Numbers are dense in a sound file; a wild one must not make a huge table.
      guard number >= Int64(result.count), number < Int64(result.count) + 1_000_000 else {
        throw ScanError("the name tables are damaged; run 'waterline doctor'")
      }
      while Int64(result.count) < number { result.append(nil) }
      result.append(select.text(1))
    }
    return result
  }
}
