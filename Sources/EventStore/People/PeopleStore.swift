import GRDB
import UsageModel

/// Reads people's columns: from the block that the writer keeps beside the tables, or from the tables.
///
/// Triggers drop the block whenever roster or aliases change or a user goes, whoever changes them; users that
/// came since it was made are read from their table. So the block is never wrong, only sometimes missing.
package enum PeopleStore {
  /// New users that are not worth a new block, however small the one that is there.
  static let newUsersKept: Int64 = 1_000
  /// A block is made anew when so many times fewer users than it holds came since: all the blocks of a growing
  /// database together cost a few times the last one.
  static let newUsersShare: Int64 = 4

  /// Roster and users of the snapshot.
  ///
  /// - Complexity: O(people); without a block some 30 ms more for 100,000.
  package static func people(in database: Database) throws -> PeopleColumns {
    let newest = try Int64.fetchOne(database, sql: "SELECT max(id) FROM user_name") ?? 0
    guard let people = try block(in: database) else { return try read(from: database) }
    if newest < people.personOfUser.count { return people }
    var builder = PeopleBuilder(resuming: people)
    try addUsers(to: &builder, from: Int64(people.personOfUser.count), in: database)
    return builder.finish()
  }

  /// Makes the block anew when there is none or many users came since; to be called now and then by the writer.
  package static func refreshIfStale(in database: Database) throws {
    let covered = try Int64.fetchOne(database, sql: "SELECT user_count FROM people_block")
    let newest = try Int64.fetchOne(database, sql: "SELECT max(id) FROM user_name") ?? 0
    if let covered, newest - covered <= max(newUsersKept, covered / newUsersShare) { return }
    try refresh(in: database)
  }

  /// Makes the block anew, in the transaction that changed the tables.
  static func refresh(in database: Database) throws {
    let people = try read(from: database)
    let bytes = PeopleBlock.encode(people)
    let insert = try RawStatement(
      database, "INSERT OR REPLACE INTO people_block (id, user_count, data) VALUES (1, ?1, ?2)")
    insert.bind(Int64(people.personOfUser.count), at: 1)
    try bytes.withUnsafeBytes { bytes in
      insert.bind(blob: bytes, at: 2)
      try insert.run()
    }
  }

  private static func block(in database: Database) throws -> PeopleColumns? {
    let select = try RawStatement(database, "SELECT data FROM people_block")
    guard try select.next() else { return nil }
    defer { select.finish() }
    return PeopleBlock.decode(select.bytes(0))
  }

  private static func read(from database: Database) throws -> PeopleColumns {
    var builder = PeopleBuilder()
    let roster = try RawStatement(
      database,
      """
      SELECT user, department, role, site, manager, active_from, active_to, service FROM roster ORDER BY id
      """)
    while try roster.next() {
      builder.addRow(
        user: roster.textBytes(0),
        attributes: (roster.textBytes(1), roster.textBytes(2), roster.textBytes(3), roster.textBytes(4)),
        from: day(roster, 5) ?? PeopleColumns.openFrom, to: day(roster, 6) ?? PeopleColumns.openTo,
        isService: roster.integer(7) != 0)
    }
    let aliases = try RawStatement(database, "SELECT alias, user FROM roster_alias")
    while try aliases.next() { builder.addAlias(aliases.textBytes(0), of: aliases.textBytes(1)) }
    try addUsers(to: &builder, from: 0, in: database)
    return builder.finish()
  }

  /// A day kept as `YYYY-MM-DD`; nil is open.
  private static func day(_ row: RawStatement, _ column: Int32) -> Int32? {
    row.isNull(column) ? nil : CivilDay(row.text(column))?.number
  }

  private static func addUsers(
    to builder: inout PeopleBuilder, from first: Int64, in database: Database
  ) throws {
    let users = try RawStatement(database, "SELECT id, name FROM user_name WHERE id >= ?1 ORDER BY id")
    users.bind(first, at: 1)
    while try users.next() { builder.addUser(users.textBytes(1), number: Int(users.integer(0))) }
  }
}
