import GRDB
import UsageModel

/// How long events are kept; imported ones always are.
package struct Retention: Equatable, Sendable {
  /// Whole days, today among them, of which all events are kept; nil: all days.
  package var eventDays: Int?
  /// Bytes that chunks may take; the oldest days go first; nil: any number.
  package var byteCount: Int64?

  package static let eventDaysSetting = "retention.events_days"
  package static let byteCountSetting = "retention.bytes"
  /// A day of the organisation's zone may begin a UTC day before, and end a UTC day after its number.
  private static let zoneDays = 2
  /// The newest event may be so many days old for the clock to be believed.
  ///
  /// Where collection stopped, or the clock stands years ahead, age says nothing: what is left stays.
  package static let silentDaysMax = 14

  package init(eventDays: Int? = nil, byteCount: Int64? = nil) {
    self.eventDays = eventDays
    self.byteCount = byteCount
  }

  /// What the settings say; a value that is no positive number limits nothing.
  package init(in database: Database) throws {
    func number(_ name: String) throws -> Int64? {
      try SettingStore.get(name, in: database).flatMap(Int64.init).flatMap { $0 > 0 ? $0 : nil }
    }
    eventDays = try number(Self.eventDaysSetting).map { Int(clamping: $0) }
    byteCount = try number(Self.byteCountSetting)
  }

  /// For people, such as `90 days are kept`.
  package var text: String {
    let parts = [eventDays.map { "\($0) days are kept" }, byteCount.map { "\($0) bytes are kept" }]
      .compactMap { $0 }
    return parts.isEmpty ? "off: all events are kept" : parts.joined(separator: ", ")
  }

  package var isOff: Bool { eventDays == nil && byteCount == nil }

  /// UTC days whose collected events are to go.
  ///
  /// - Parameters:
  ///   - chunks: the whole chunk index.
  ///   - today: the last day that is believed (``BelievedClock``).
  package func dueDays(_ chunks: [ChunkRow], today: Int32) -> Set<Int32> {
    let collected = chunks.filter { !$0.isImported }
    guard !isOff, let newest = collected.map(\.timeMaximumMilliseconds).max() else { return [] }
    let believed = Int64(CivilDay(localMilliseconds: newest).number) + Int64(Self.silentDaysMax)
    let today = min(Int64(today), believed)
    let days = Dictionary(grouping: collected.filter { $0.day != nil }) { $0.day ?? 0 }
    var due: Set<Int32> = []
    if let eventDays {
      due = Set(days.keys.filter { Int64($0) <= today - Int64(eventDays) - Int64(Self.zoneDays) })
    }
    if let byteCount {
      var rest = collected.reduce(Int64(0)) { $0 + Int64($1.byteCount) }
      for day in days.keys.sorted() where rest > byteCount && Int64(day) <= today - Int64(Self.zoneDays) {
        due.insert(day)
        rest -= (days[day] ?? []).reduce(Int64(0)) { $0 + Int64($1.byteCount) }
      }
    }
    return due
  }
}

/// Deletes the events of rollups, which stand for them from then on.
package enum Pruning {
  /// Numbers of the next rollups whose events are to go: each has all its chunks, and none is of an import.
  package static func due(_ retention: Retention, today: Int32, in database: Database) throws -> [Int64] {
    guard !retention.isOff else { return [] }
    let chunks = try ChunkRow.all(in: database)
    let days = retention.dueDays(chunks, today: today)
    guard !days.isEmpty, let rules = try ZoneLoading.organisationRules(chunks, in: database) else {
      return []
    }
    let known = Set(chunks.map(\.id))
    return try Rollup.all(.dayCells, in: database).filter {
      !$0.isPruned && !$0.isImported && days.contains($0.day)
        && RollupPlan.isUsable($0, chunks: known, offsets: rules.offsets(ofUTCDay: $0.day))
    }.map(\.id)
  }

  /// Deletes the chunks that a rollup covers, at most ``RollupPlan/rowsMax`` events.
  ///
  /// Its cells are read and added up first: what cannot be read must not be all that is left.
  /// - Returns: the events deleted; nil, and no change, when the rollup is void or gone.
  /// - Throws: `RollupDamage`, `DatabaseError`.
  package static func apply(
    _ rollup: Int64, nowMilliseconds: Int64, in database: Database
  ) throws -> Int? {
    guard let found = try Rollup.all(.dayCells, in: database).first(where: { $0.id == rollup }),
      !found.isPruned, !found.isImported
    else { return nil }
    let covered = Set(found.covered)
    let chunks = try ChunkRow.all(in: database).filter { covered.contains($0.id) }
    let cells = try RollupReader(database).cells(of: found)
    let counted = cells.reduce(0) { $0 + $1.eventCount }
    guard chunks.count == covered.count, !chunks.isEmpty, !chunks.contains(where: \.isImported) else {
      return nil
    }
    guard counted == Int64(found.eventCount), found.eventCount == chunks.reduce(0, { $0 + $1.rowCount })
    else {
      throw RollupDamage(rollup: rollup, reason: "its cells do not add up to its events")
    }
    for chunk in chunks { try ChunkMerger.delete(chunk, in: database) }
    try database.execute(sql: "DELETE FROM rollup_cover WHERE rollup = ?", arguments: [rollup])
    try database.execute(
      sql: "UPDATE rollup SET pruned_ms = ? WHERE id = ?", arguments: [nowMilliseconds, rollup])
    return found.eventCount
  }
}

/// What retention deleted so far.
package struct PrunedEvents: Equatable, Sendable {
  package var eventCount: Int64
  /// Starts of the first and the last of them.
  package var firstMilliseconds: Int64?
  package var lastMilliseconds: Int64?
  package var lastPrunedMilliseconds: Int64?

  package init(in database: Database) throws {
    let row = try Row.fetchOne(
      database,
      sql: """
        SELECT ifnull(sum(event_count), 0), min(time_min_ms), max(time_max_ms), max(pruned_ms)
        FROM rollup WHERE kind = 1 AND pruned_ms IS NOT NULL
        """)
    eventCount = row?[0] ?? 0
    firstMilliseconds = row?[1]
    lastMilliseconds = row?[2]
    lastPrunedMilliseconds = row?[3]
  }
}
