import ColumnChunk
import Foundation
import GRDB
import Glibc
import UsageModel

/// One thing that `doctor` looked at.
package struct Finding: Equatable, Sendable {
  package enum Verdict: String, Sendable {
    case ok
    /// Worth knowing; nothing is wrong yet.
    case warning
    /// Something is wrong.
    case bad
  }

  package var check: String
  package var verdict: Verdict
  /// What was found.
  package var text: String
  /// What to do; empty when nothing is to be done.
  package var advice: String
}

/// Checks a database from the file's pages up to the sums of its ledger; changes nothing.
package struct StoreDoctor {
  /// Free space under which a warning is due, and under which it is high time.
  static let freeBytesWanted: Int64 = 4 << 30
  static let freeBytesMin: Int64 = 512 << 20
  /// Clocks may differ by this much before it is worth a word.
  static let clockToleranceMilliseconds: Int64 = 5 * 60_000

  private let database: Database
  private let path: String
  private let now: Int64
  private(set) package var findings: [Finding] = []
  /// Chunks that cannot be read and are not set aside yet.
  private(set) package var damaged: [ChunkDamage] = []
  /// Rollups whose cells are not what their chunks say, to be counted anew.
  private(set) package var wrongRollups: [Int64] = []
  /// Whether pages fail their checksum: the writer can mend those of columns.
  private(set) package var hasDamagedPages = false
  /// Rows by source in sound chunks.
  private var rowsOfSource: [Int64: Int64] = [:]

  /// Runs all checks on one snapshot.
  ///
  /// - Parameter progress: called with chunks checked and their number.
  /// - Complexity: O(size of the file).
  package init(
    _ database: Database, path: String, nowMilliseconds: Int64, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    self.database = database
    self.path = path
    now = nowMilliseconds
    try look(at: "pages") { try $0.checkPages() }
    try look(at: "chunks") { try $0.checkChunks(progress) }
    try look(at: "columns") { try $0.checkColumns() }
    try look(at: "damaged") { try $0.checkSetAside() }
    try look(at: "daily_cells") { try $0.checkRollups() }
    try look(at: "ledger") { try $0.checkLedger() }
    try look(at: "events") { try $0.checkTotals() }
    try look(at: "dead_letters") { try $0.checkDeadLetters() }
    try look(at: "clock") { try $0.checkClock() }
    try look(at: "disk") { try $0.checkFile() }
  }

  /// Makes one check; where damaged pages end it, that is its finding, and the next one goes on.
  private mutating func look(at check: String, _ body: (inout Self) throws -> Void) throws {
    do {
      try body(&self)
    } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
      add(check, .bad, StoreError.reason(of: error), Self.restoring)
    }
  }

  package var isHealthy: Bool { !findings.contains { $0.verdict == .bad } }

  private mutating func add(
    _ check: String, _ verdict: Finding.Verdict, _ text: String, _ advice: String = ""
  ) {
    findings.append(Finding(check: check, verdict: verdict, text: text, advice: advice))
  }

  private func integer(_ sql: String) throws -> Int64 { try Int64.fetchOne(database, sql: sql) ?? 0 }

  // MARK: Bytes

  private mutating func checkPages() throws {
    checkPageSums()
    // Where pages are known to be damaged SQLite's own check only stumbles over them.
    guard isHealthy else { return }
    let problems = try String.fetchAll(database, sql: "PRAGMA integrity_check(5)")
    if problems == ["ok"] {
      add("pages", .ok, "SQLite finds no fault")
    } else {
      add("pages", .bad, problems.prefix(2).joined(separator: "; "), Self.restoring)
    }
  }

  private static let restoring =
    "stop the daemon, keep the file, restore the last backup; then look at the disk"

  private mutating func checkPageSums() {
    guard let pages = PageChecksums.survey(path) else {
      return add(
        "page_checksums", .warning, "pages have no room for checksums",
        "start waterlined once, or run any import, to give them some")
    }
    if let first = pages.firstDamaged {
      hasDamagedPages = true
      add(
        "page_checksums", .bad,
        "not what was written: \(pages.damaged) of \(pages.sealed + pages.damaged) pages, the first is \(first)",
        "run doctor again: what held events is mended now; if this stays, " + Self.restoring)
    } else if pages.unsealed > 0 {
      add(
        "page_checksums", .warning,
        "\(pages.sealed) pages are right, \(pages.unsealed) were written by another program without checksums",
        "open the file read-only in other tools: sqlite3 -readonly")
    } else {
      add("page_checksums", .ok, "the checksums of all \(pages.sealed) pages are right")
    }
  }

  private mutating func checkChunks(_ progress: (Int, Int) -> Void) throws {
    let chunks = try ChunkRow.all(in: database)
    let limits = try DictionaryNumbers(database)
    var strangers: [Int64] = []
    var events: Int64 = 0
    for (index, chunk) in chunks.enumerated() {
      progress(index, chunks.count)
      if let damage = try DamagedChunks.damage(of: chunk, in: database) {
        damaged.append(damage)
        continue
      }
      let content = try ChunkContent(chunk, ChunkReader(database))
      if !limits.hold(content) { strangers.append(chunk.id) }
      for source in content[.source] { rowsOfSource[source, default: 0] += 1 }
      events += Int64(chunk.rowCount)
    }
    if damaged.isEmpty {
      add("chunks", .ok, "\(chunks.count) chunks, \(events) events: every checksum is right")
    } else {
      add(
        "chunks", .bad, "\(damaged.count) of \(chunks.count) cannot be read; \(damaged[0])",
        "they are set aside, and reports say so; restore a backup if you need their events")
    }
    try checkNames(strangers)
  }

  private mutating func checkNames(_ strangers: [Int64]) throws {
    var faults: [String] = []
    if let first = strangers.first {
      faults.append("\(strangers.count) chunks refer to names that are not there, the first is \(first)")
    }
    for table in ["user_name", "label", "source"] {
      let repeated = try integer("SELECT count(*) - count(DISTINCT name) FROM \(table)")
      if repeated > 0 { faults.append("\(repeated) names stand in \(table) more than once") }
    }
    if faults.isEmpty {
      add("names", .ok, "every number in a chunk has its name, and every name one number")
    } else {
      add("names", .bad, faults.joined(separator: "; "), "restore the last backup, and report this")
    }
  }

  private mutating func checkColumns() throws {
    let orphans = try integer(
      """
      SELECT count(*) FROM chunk_column c WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE id = c.id / 32)
        AND NOT EXISTS (SELECT 1 FROM damaged_chunk WHERE id = c.id / 32)
      """)
    if orphans > 0 {
      add("columns", .bad, "\(orphans) columns belong to no chunk", "restore the last backup")
    } else {
      add("columns", .ok, "every column belongs to a chunk")
    }
  }

  private mutating func checkSetAside() throws {
    let chunks = try DamagedChunks.all(in: database)
    guard !chunks.isEmpty else { return add("damaged", .ok, "no chunk is set aside") }
    let events = chunks.reduce(0) { $0 + $1.rowCount }
    add(
      "damaged", .bad, "\(chunks.count) chunks with \(events) events are set aside; \(chunks[0].reason)",
      "reports about their days say so; restore a backup if you need them, and look at the disk")
  }

  private mutating func checkRollups() throws {
    let check = try RollupCheck(database)
    wrongRollups = check.wrong.map(\.rollup)
    if let first = check.lost.first {
      add(
        "daily_cells", .bad,
        "cells of \(check.lostEventCount) pruned events cannot be read; \(first)",
        "reports about their days fail; restore a backup")
    } else if let first = check.wrong.first {
      add(
        "daily_cells", .bad, "\(check.wrong.count) of \(check.count) rollups are wrong; \(first)",
        "they are deleted, and the daemon counts them anew; look at the disk")
    } else {
      add(
        "daily_cells", .ok,
        "\(check.count) rollups: \(check.compared) say what their chunks say, \(check.pruned) stand for pruned "
          + "events, \(check.count - check.compared - check.pruned) wait to be counted anew")
    }
    let pruned = try PrunedEvents(in: database)
    let retention = try Retention(in: database)
    let last = pruned.lastPrunedMilliseconds.map {
      "\(pruned.eventCount) events pruned, the last time on \(TimestampText.utc($0))"
    }
    add("retention", .ok, [retention.text, last ?? "nothing was pruned"].joined(separator: "; "))
  }

  // MARK: Sums

  private mutating func checkLedger() throws {
    var faults: [String] = []
    let overlaps = try integer(
      """
      SELECT count(*) FROM (SELECT last, lead(first) OVER (PARTITION BY source ORDER BY first) AS next,
        first FROM sequence_range) WHERE first > last OR next <= last + 1
      """)
    if overlaps > 0 { faults.append("\(overlaps) ranges of numbers overlap or touch") }
    let miscounted = try integer(
      """
      SELECT count(*) FROM source s WHERE s.id <> 0 AND s.stored <>
        (SELECT ifnull(sum(r.last - r.first + 1), 0) FROM sequence_range r WHERE r.source = s.id)
      """)
    if miscounted > 0 { faults.append("\(miscounted) sources count other events than their ranges hold") }
    let refused = try integer(
      """
      SELECT count(*) FROM source s WHERE s.rejected <>
        (SELECT ifnull(sum(count), 0) FROM source_rejection r WHERE r.source = s.id)
      """)
    if refused > 0 { faults.append("\(refused) sources count other refusals than their reasons add up to") }
    if faults.isEmpty { faults = try LedgerCheck.problems(in: database) }
    if faults.isEmpty {
      add("ledger", .ok, "ranges, counts and reasons of all sources add up")
    } else {
      add("ledger", .bad, faults.joined(separator: "; "), "restore the last backup, and report this")
    }
  }

  private mutating func checkTotals() throws {
    let counted = try integer("SELECT sum(stored) FROM source")
    let rows = rowsOfSource.values.reduce(0, +)
    let setAside = try integer("SELECT ifnull(sum(row_count), 0) FROM damaged_chunk")
    let counters = try Counters.all(in: database)
    let forgotten = counters["forgotten_events"] ?? 0
    let unreadable = try damaged.reduce(Int64(0)) { sum, damage in
      sum + (try integer("SELECT row_count FROM chunk WHERE id = \(damage.chunk)"))
    }
    let pruned = try PrunedEvents(in: database).eventCount
    let found = rows + setAside + unreadable + forgotten + pruned
    if counted == found {
      var parts = ["\(rows) in chunks"]
      for (number, name) in [
        (setAside + unreadable, "damaged"), (forgotten, "forgotten"), (pruned, "pruned"),
      ]
      where number > 0 { parts.append("\(number) \(name)") }
      add("events", .ok, "\(counted) stored: \(parts.joined(separator: ", "))")
    } else {
      add(
        "events", .bad, "the ledger counts \(counted) stored events, and \(found) are accounted for",
        "restore the last backup, and report this")
    }
    var faults: [String] = []
    for name in ["stored", "duplicate", "conflict", "rejected"] {
      let sum = counters.filter { $0.key.hasPrefix("\(name).") }.values.reduce(0, +)
      let ledger = try integer("SELECT ifnull(sum(\(name)), 0) FROM source")
      if sum != ledger { faults.append("\(name): \(sum) by transport, \(ledger) by source") }
    }
    if faults.isEmpty {
      add("counters", .ok, "counts by transport equal those by source")
    } else {
      add("counters", .bad, faults.joined(separator: "; "), "restore the last backup, and report this")
    }
  }

  private mutating func checkDeadLetters() throws {
    let count = try integer("SELECT count(*) FROM dead_letter")
    let dropped = try Counters.all(in: database)["dead_letters_dropped"] ?? 0
    add(
      "dead_letters", .ok, "\(count) kept" + (dropped > 0 ? ", \(dropped) dropped" : ""),
      count > 0 ? "look at them: waterline dead-letters" : "")
  }

  // MARK: Surroundings

  private mutating func checkClock() throws {
    let clock = try BelievedClock(nowMilliseconds: now, in: database)
    if clock.isAhead, try !Retention(in: database).isOff {
      return add("clock", .warning, clock.warning, BelievedClock.advice)
    }
    let newest = try Int64.fetchOne(database, sql: "SELECT max(last_received_ms) FROM source") ?? now
    if newest > now + Self.clockToleranceMilliseconds {
      add(
        "clock", .warning, "events were received \((newest - now) / 60_000) minutes in the future",
        "the clock was set back, or was wrong before: set it by NTP")
    } else {
      add("clock", .ok, "nothing was received after now")
    }
  }

  private mutating func checkFile() throws {
    var space = statvfs()
    if statvfs(path, &space) == 0 {
      let free = Int64(space.f_bavail) * Int64(space.f_frsize)
      let text = "\(free >> 20) MiB free beside the database"
      let advice = "make room: when the disk is full nothing more is stored until there is some"
      if free < Self.freeBytesMin {
        add("disk", .bad, text, advice)
      } else {
        add(
          "disk", free < Self.freeBytesWanted ? .warning : .ok, text,
          free < Self.freeBytesWanted ? advice : "")
      }
    }
    let wal = WalKeeper.byteCount(ofDatabaseAt: path)
    if wal > WalKeeper.bytesWarned {
      add("wal", .warning, WalKeeper.warning(wal, path: path), "end the reader that holds it")
    } else {
      add("wal", .ok, "\(wal >> 10) KiB")
    }
    let free = try integer("PRAGMA freelist_count")
    let pages = try integer("PRAGMA page_count")
    if try integer("PRAGMA auto_vacuum") != 2 {
      add(
        "vacuum", .warning, "freed pages stay in the file", "stop the daemon and run VACUUM in sqlite3 once")
    } else {
      add("vacuum", .ok, "\(free) of \(pages) pages are free")
    }
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & 0o007 != 0 {
      add("mode", .warning, "anyone on this machine can read the database", "chmod o= \(path)")
    } else {
      add("mode", .ok, "others cannot read the database")
    }
  }
}

/// Which numbers the dictionaries hold.
private struct DictionaryNumbers {
  private let users: Set<Int64>
  private let features: Set<Int64>
  private let labels: Set<Int64>
  private let sources: Set<Int64>

  init(_ database: Database) throws {
    func numbers(_ table: String) throws -> Set<Int64> {
      try Set(Int64.fetchAll(database, sql: "SELECT id FROM \(table)"))
    }
    users = try numbers("user_name")
    features = try numbers("feature_name")
    labels = try numbers("label").union([0])
    sources = try numbers("source")
  }

  func hold(_ content: ChunkContent) -> Bool {
    func areKnown(_ values: [Int64], _ known: Set<Int64>) -> Bool { Set(values).isSubset(of: known) }
    return areKnown(content[.user], users) && areKnown(content[.feature], features)
      && areKnown(content[.source], sources) && areKnown(content[.host], labels)
      && areKnown(content[.version], labels) && areKnown(content[.cause], labels)
  }
}
