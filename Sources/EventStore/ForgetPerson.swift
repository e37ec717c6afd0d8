import ColumnChunk
import Foundation
import GRDB

/// What was erased of a person, and what could not be reached.
package struct ForgetReceipt: Codable, Equatable, Sendable {
  package struct Item: Codable, Equatable, Sendable {
    /// `events`, or a table's name.
    package var place: String
    package var count: Int
    /// `removed`, `changed` (the name taken out) or `added`.
    package var what: String
  }

  package var items: [Item] = []
  /// What this program cannot erase, for whoever can.
  package var notReached: [String] = []
  package var warnings: [String] = []

  package init() {}

  /// Whether anything of the person was there.
  package var isEmpty: Bool { items.allSatisfy { $0.what == "added" || $0.count == 0 } }

  mutating func add(_ place: String, _ count: Int, _ what: String) {
    guard count > 0 else { return }
    if let index = items.firstIndex(where: { $0.place == place && $0.what == what }) {
      items[index].count += count
    } else {
      items.append(Item(place: place, count: count, what: what))
    }
  }
}

extension EventWriter {
  /// Chunks rewritten in one transaction, so that events are taken in between.
  private static let chunksAtOnce = 32

  /// Erases a person from the database: events, cells, tickets, letters, log, roster and names.
  ///
  /// First a tombstone for each of their names refuses what arrives meanwhile; the names themselves go last, so
  /// that a run that was cut short can be run again. Not undoable.
  /// - Parameter user: a roster user, an alias, or a name as events carry it.
  /// - Throws: `DatabaseError`, `UnmendablePage`; what was erased until then stays erased.
  package func forget(
    person user: String, nowMilliseconds: Int64, progress: (Int) -> Void = { _ in }
  ) throws -> ForgetReceipt {
    try withoutTransaction { try $0.execute(sql: "PRAGMA secure_delete = ON") }
    defer { try? withoutTransaction { try $0.execute(sql: "PRAGMA secure_delete = FAST") } }
    var receipt = ForgetReceipt()
    // What stands on damaged pages could not be deleted.
    try PageMender.mend(store.path, nowMilliseconds: nowMilliseconds)
    let person = try maintain { try PersonNames(user, in: $0) }
    let tombstones = try maintain { database in
      try Tombstones.add(person.all, nowMilliseconds: nowMilliseconds, in: database)
      return person.all.count
    }
    try forgetEvents(of: person, nowMilliseconds, &receipt, progress)
    try maintain { database in
      try person.removeFromTables(nowMilliseconds: nowMilliseconds, &receipt, in: database)
      try PeopleStore.refresh(in: database)
    }
    receipt.add("forgotten", tombstones, "added")
    try giveBackFreePages()
    if try !WalKeeper.truncate(store) {
      receipt.warnings.append(
        "a reader holds the WAL, which still has old pages: end it, and run this again"
          + ReaderProcesses.text(databasePath: store.path))
    }
    receipt.notReached = [
      "backups and copies of the database", "agents' spools and the files that events were imported from",
      "exports and reports made before; answers in caches (groups without names)",
      "journals and logs of other programs",
      "published benchmarks: medians without names, which stay",
      "names of features and categories; sessions, attributes, hosts and versions of others' events to come",
      "blocks of the disk that the file no longer uses",
    ]
    return receipt
  }

  private func forgetEvents(
    of person: PersonNames, _ now: Int64, _ receipt: inout ForgetReceipt, _ progress: (Int) -> Void
  ) throws {
    func step(_ body: (inout ForgetReceipt, Database) throws -> Void) throws {
      receipt = try mending(nowMilliseconds: now) {
        try maintain { database in
          var next = receipt
          try body(&next, database)
          return next
        }
      }
    }
    var rest = try maintain { try ChunkRow.all(in: $0) }[...]
    while !rest.isEmpty {
      let some = rest.prefix(Self.chunksAtOnce)
      rest = rest.dropFirst(some.count)
      try step { receipt, database in
        for chunk in some {
          try person.remove(from: chunk, nowMilliseconds: now, &receipt, in: database)
        }
      }
      progress(some.reduce(0) { $0 + $1.rowCount })
      // Merging may have moved rows to new chunks meanwhile.
      if rest.isEmpty { rest = try maintain { try person.chunksWithEvents(in: $0) }[...] }
    }
    try step { try person.removeFromRollups(&$0, in: $1) }
    try step { receipt, database in
      let damaged = try DamagedChunks.removeAll(in: database)
      guard damaged.chunks > 0 else { return }
      receipt.add("damaged_chunk", damaged.chunks, "removed")
      receipt.warnings.append(
        "\(damaged.events) events in damaged chunks were removed too: nobody can tell whose they were")
    }
  }

  /// Bytes of pages given back at once: so few that events do not wait.
  private static let bytesAtOnce = 4 << 20

  /// Gives some free pages back to the file system; between two commits.
  ///
  /// - Returns: whether there are more.
  package func giveBackSomePages() throws -> Bool {
    try withoutTransaction { database in
      guard try Int.fetchOne(database, sql: "PRAGMA auto_vacuum") == 2 else { return false }
      let before = try Int.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
      let pageBytes = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4_096
      try database.execute(sql: "PRAGMA incremental_vacuum(\(Self.bytesAtOnce / pageBytes))")
      let after = try Int.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
      return after > 0 && after < before
    }
  }

  /// Gives all free pages back: what they held goes with them.
  private func giveBackFreePages() throws {
    try withoutTransaction { database in
      if try Int.fetchOne(database, sql: "PRAGMA auto_vacuum") == 2 {
        try database.execute(sql: "PRAGMA incremental_vacuum")
      } else {
        try database.execute(sql: "VACUUM")
      }
    }
  }
}

/// All names of one person, and where they stand.
struct PersonNames {
  /// The roster's name first, then aliases.
  let all: [[UInt8]]
  /// Their numbers in `user_name`.
  let numbers: Set<Int64>
  private let mention: NameMention

  init(_ user: String, in database: Database) throws {
    let isUser = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM roster WHERE user = ?)", arguments: [user])
    let owner = try String.fetchOne(
      database, sql: "SELECT user FROM roster_alias WHERE alias = ?", arguments: [user])
    let name = isUser == true ? user : owner ?? user
    let aliases = try String.fetchAll(
      database, sql: "SELECT alias FROM roster_alias WHERE user = ? ORDER BY alias", arguments: [name])
    // A name that is itself a roster user is that user, even if someone else has it as an alias.
    let users = try Set(
      String.fetchAll(database, sql: "SELECT DISTINCT user FROM roster").map { Array($0.utf8) })
    all = [Array(name.utf8)] + aliases.map { Array($0.utf8) }.filter { !users.contains($0) }
    var numbers: Set<Int64> = []
    for name in all {
      let number = try Int64.fetchOne(
        database, sql: "SELECT id FROM user_name WHERE name = ?",
        arguments: [String(decoding: name, as: UTF8.self)])
      if let number { numbers.insert(number) }
    }
    self.numbers = numbers
    mention = NameMention(all)
  }

  // MARK: Chunks

  func chunksWithEvents(in database: Database) throws -> [ChunkRow] {
    let reader = ChunkReader(database)
    return try ChunkRow.all(in: database).filter { chunk in
      guard !numbers.isEmpty else { return false }
      return try users(of: chunk, reader).contains(where: numbers.contains)
    }
  }

  /// Removes the person's events from a chunk, and mentions of them from what others' events carry.
  func remove(
    from chunk: ChunkRow, nowMilliseconds: Int64, _ receipt: inout ForgetReceipt, in database: Database
  ) throws {
    let isThere = try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM chunk WHERE id = ?)", arguments: [chunk.id])
    guard isThere == true else { return }
    let reader = ChunkReader(database)
    do {
      let users = try users(of: chunk, reader)
      let kept = users.indices.filter { !numbers.contains(users[$0]) }
      let mentions = try [ChunkColumn.session, .attributes].reduce(0) { count, column in
        count + (try reader.readTexts(column, of: chunk).strings.count(where: mention.isFound))
      }
      guard kept.count < users.count || mentions > 0 else { return }
      let content = try ChunkContent(chunk, reader)
      try ChunkRewriter.replace(chunk, content, keeping: kept, text: mention.removed, in: database)
      receipt.add("events", users.count - kept.count, "removed")
      if kept.count == users.count { receipt.add("texts of others' events", mentions, "changed") }
      try Counters.add(["forgotten_events": Int64(users.count - kept.count)], in: database)
    } catch is ChunkDamage {
      _ = try DamagedChunks.setAside(chunk.id, nowMilliseconds: nowMilliseconds, in: database)
    }
  }

  private func users(of chunk: ChunkRow, _ reader: ChunkReader) throws -> [Int64] {
    var users = [Int64](repeating: 0, count: chunk.rowCount)
    try users.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { try reader.read(.user, of: chunk, into: start) }
    }
    return users
  }

  // MARK: Tables

  func removeFromTables(
    nowMilliseconds: Int64, _ receipt: inout ForgetReceipt, in database: Database
  ) throws {
    func run(_ place: String, _ what: String, _ sql: String) throws {
      for name in all {
        try database.execute(sql: sql, arguments: [String(decoding: name, as: UTF8.self)])
        receipt.add(place, database.changesCount, what)
      }
    }
    try removeLetters(&receipt, in: database)
    try run("ticket", "removed", "DELETE FROM ticket WHERE requester = ?")
    try run("ticket", "changed", "UPDATE ticket SET owner = '' WHERE owner = ?")
    try run("roster", "changed", "UPDATE roster SET manager = '' WHERE manager = ?")
    try run("roster", "removed", "DELETE FROM roster WHERE user = ?")
    try run("roster_alias", "removed", "DELETE FROM roster_alias WHERE alias = ?")
    try run("roster_alias", "removed", "DELETE FROM roster_alias WHERE user = ?")
    for (table, column) in [
      ("ticket", "comment"), ("ticket", "group"), ("purpose_log", "login"), ("purpose_log", "command"),
      ("purpose_log", "purpose"), ("intervention", "name"), ("intervention", "note"),
      ("intervention", "cohort"),
      ("change", "name"), ("change", "note"), ("change", "cohort"),
    ] {
      try redact(table, column, &receipt, in: database)
    }
    try run("source", "changed", "UPDATE source SET owner = NULL WHERE owner = ?")
    try removeSenders(&receipt, in: database)
    try renameSources(nowMilliseconds: nowMilliseconds, &receipt, in: database)
    try renameLabels(&receipt, in: database)
    try run("user_name", "removed", "DELETE FROM user_name WHERE name = ?")
  }

  /// What is known of senders that are called after the person; their batches would be refused as forgotten.
  private func removeSenders(_ receipt: inout ForgetReceipt, in database: Database) throws {
    for table in ["delivered_batch", "delivery_spool", "packet_refusal"] {
      for sender in try String.fetchAll(database, sql: "SELECT DISTINCT sender FROM \(table)")
      where mention.isFound(in: Array(sender.utf8)) {
        try database.execute(sql: "DELETE FROM \(table) WHERE sender = ?", arguments: [sender])
        receipt.add(table, database.changesCount, "removed")
      }
    }
  }

  private func removeLetters(_ receipt: inout ForgetReceipt, in database: Database) throws {
    let tombstones = try Tombstones(in: database)
    var removed: [Int64] = []
    let letters = try Row.fetchCursor(database, sql: "SELECT id, bytes, source, speaker FROM dead_letter")
    while let letter = try letters.next() {
      let bytes = [UInt8](letter[1] as Data)
      let texts = [bytes] + [letter[2] as String?, letter[3]].map { Array(($0 ?? "").utf8) }
      if tombstones.areNamed(in: bytes) || texts.contains(where: mention.isFound) {
        removed.append(letter[0])
      }
    }
    for id in removed { try database.execute(sql: "DELETE FROM dead_letter WHERE id = ?", arguments: [id]) }
    receipt.add("dead_letter", removed.count, "removed")
  }

  /// Takes the names out of a text column that others wrote.
  private func redact(
    _ table: String, _ column: String, _ receipt: inout ForgetReceipt, in database: Database
  ) throws {
    let texts = try Set(String.fetchAll(database, sql: "SELECT \"\(column)\" FROM \"\(table)\""))
    for text in texts where mention.isFound(in: Array(text.utf8)) {
      try database.execute(
        sql: "UPDATE OR REPLACE \"\(table)\" SET \"\(column)\" = ? WHERE \"\(column)\" = ?",
        arguments: [mention.removed(from: text), text])
      receipt.add(table, database.changesCount, "changed")
    }
  }

  /// A source named after the person keeps its ledger under a number; its own name gets a tombstone too.
  private func renameSources(
    nowMilliseconds: Int64, _ receipt: inout ForgetReceipt, in database: Database
  ) throws {
    for (id, name) in try named("source", in: database) {
      try Tombstones.add([Array(name.utf8)], nowMilliseconds: nowMilliseconds, in: database)
      try giveNewName("source", id, in: database)
      receipt.add("source", 1, "changed")
    }
  }

  private func renameLabels(_ receipt: inout ForgetReceipt, in database: Database) throws {
    for (id, _) in try named("label", in: database) {
      try giveNewName("label", id, in: database)
      receipt.add("label", 1, "changed")
    }
  }

  /// Names a row by its number; by more, where somebody has called a source or version of theirs so.
  private func giveNewName(_ table: String, _ id: Int64, in database: Database) throws {
    var name = "forgotten-\(id)"
    while try Bool.fetchOne(
      database, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE name = ?)", arguments: [name]) == true
    {
      name += "-\(id)"
    }
    try database.execute(sql: "UPDATE \(table) SET name = ? WHERE id = ?", arguments: [name, id])
  }

  private func named(_ table: String, in database: Database) throws -> [(Int64, String)] {
    try Row.fetchAll(database, sql: "SELECT id, name FROM \(table)").map { ($0[0], $0[1]) }
      .filter { mention.isFound(in: Array($0.1.utf8)) }
  }
}
