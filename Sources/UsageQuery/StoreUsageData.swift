import Aggregation
import ColumnChunk
import EventStore
import GRDB
import UsageModel
import WireFormat

/// The event store as reports read it, on one snapshot.
package struct StoreUsageData: UsageData {
  let database: Database
  /// Chunks that turned out to be damaged and are not set aside yet.
  let unreadable: [Int64: ChunkRow]
  /// Rollups of pruned events that cannot be read.
  let unreadableRollups: [Rollup]
  private let rollupUse: RollupUse

  /// When daily cells stand for events; answers are the same either way.
  package enum RollupUse: String, Sendable {
    /// Events alone are read.
    case never
    /// Where cells spare work.
    case worthwhile
    /// Even where everything has to be counted first.
    case always
  }

  /// - Parameters:
  ///   - database: a connection inside a read transaction, as `EventStore.read` gives it.
  ///   - unreadable: chunks to leave out, and to report as damaged.
  ///   - unreadableRollups: rollups of pruned events to leave out, and to report as damaged.
  package init(
    _ database: Database, unreadable: [ChunkRow] = [], unreadableRollups: [Rollup] = [],
    rollupUse: RollupUse = .worthwhile
  ) {
    self.database = database
    self.unreadable = Dictionary(uniqueKeysWithValues: unreadable.map { ($0.id, $0) })
    self.unreadableRollups = unreadableRollups
    self.rollupUse = rollupUse
  }

  package func damage() throws -> [DataDamage] {
    try DamagedChunks.all(in: database).map {
      DataDamage(
        eventCount: $0.rowCount,
        span: $0.timeMinimumMilliseconds...max($0.timeMinimumMilliseconds, $0.timeMaximumMilliseconds))
    }
      + unreadable.values.map {
        DataDamage(
          eventCount: $0.rowCount,
          span: $0.timeMinimumMilliseconds...max($0.timeMinimumMilliseconds, $0.timeMaximumMilliseconds))
      }
      + unreadableRollups.map { DataDamage(eventCount: $0.eventCount, span: $0.span) }
  }

  package func prunedSpans() throws -> [PrunedSpan] {
    let sql = """
      SELECT time_min_ms, time_max_ms, end_max_ms FROM rollup WHERE kind = 1 AND pruned_ms IS NOT NULL ORDER BY day
      """
    return try Row.fetchAll(database, sql: sql).map { row in
      let first: Int64 = row[0]
      return PrunedSpan(starts: first...max(first, row[1]), endMilliseconds: row[2])
    }
  }

  private func chunks(overlapping range: ClosedRange<Int64>?) throws -> [ChunkRow] {
    let all = try ChunkRow.all(overlapping: range, in: database)
    return unreadable.isEmpty ? all : all.filter { unreadable[$0.id] == nil }
  }

  package func roster() throws -> [RosterRow] { try OrganisationStore.roster(in: database) }

  package func catalog() throws -> [CatalogRow] { try OrganisationStore.catalog(in: database) }

  package func tickets() throws -> [Ticket] { try OrganisationStore.tickets(in: database) }

  package func ticketCalls() throws -> [TicketCall] { try OrganisationStore.ticketCalls(in: database) }

  package func initiatives(_ sort: Initiative.Sort) throws -> [Initiative] {
    try OrganisationStore.initiatives(sort, in: database)
  }

  package func setting(_ name: String) throws -> String? { try SettingStore.get(name, in: database) }

  package func userNames() throws -> [String] { try names(of: "user_name") }

  package func sourceNames() throws -> [String] { try names(of: "source") }

  package func labelNames() throws -> [String] { try names(of: "label") }

  package func people() throws -> PeopleColumns { try PeopleStore.people(in: database) }

  package func sourceCount() throws -> Int {
    Int(try Int64.fetchOne(database, sql: "SELECT max(id) FROM source") ?? 0) + 1
  }

  package func startOfEvents(
    reaching momentMilliseconds: Int64, before limitMilliseconds: Int64
  ) throws -> Int64 {
    // Nothing that started earlier can still go on.
    let earliest = momentMilliseconds - EventLimits.durationMillisecondsMax
    guard earliest < limitMilliseconds else { return limitMilliseconds }
    let reader = ChunkReader(database)
    var start = limitMilliseconds
    for chunk in try chunks(overlapping: earliest...limitMilliseconds)
    where chunk.timeMinimumMilliseconds < start {
      // Damage of other columns shows when they are read.
      let longest = try reader.withColumn(.durationPlusOne, of: chunk) { bytes in
        try bytes.map { try ColumnHeader(decoding: $0).maximum } ?? 0
      }
      if chunk.timeMaximumMilliseconds + max(0, longest - 1) >= momentMilliseconds {
        start = min(start, chunk.timeMinimumMilliseconds)
      }
    }
    return start
  }

  package func chunkFeed(_ range: Range<Int64>?) throws -> any ChunkFeed {
    let bounds = range.map { $0.lowerBound...max($0.lowerBound, $0.upperBound - 1) }
    let chunks = range?.isEmpty ?? false ? [] : try chunks(overlapping: bounds)
    return ChunkSweep(chunks, try SharedChunkReader(database))
  }

  package func featureNames() throws -> [FeatureName] {
    var result: [FeatureName] = []
    let rows = try Row.fetchCursor(database, sql: "SELECT id, app, feature FROM feature_name ORDER BY id")
    while let row = try rows.next() {
      Self.place(FeatureName(app: row[1], feature: row[2]), at: row[0], in: &result) {
        FeatureName(app: "", feature: nil)
      }
    }
    return result
  }

  private func names(of table: String) throws -> [String] {
    var result: [String] = []
    let rows = try Row.fetchCursor(database, sql: "SELECT id, name FROM \(table) ORDER BY id")
    while let row = try rows.next() { Self.place(row[1], at: row[0], in: &result) { "" } }
    return result
  }

  private static func place<Value>(
    _ value: Value, at number: Int, in result: inout [Value], filler: () -> Value
  ) {
    while result.count < number { result.append(filler()) }
    result.append(value)
  }

  package func sequenceGaps() throws -> [SequenceGap] {
    try MissingNumbers.all(in: database).map {
      SequenceGap(
        source: UInt32($0.source), edgeBeforeMilliseconds: $0.timeBeforeMilliseconds,
        edgeAfterMilliseconds: $0.timeAfterMilliseconds, missingCount: $0.count)
    }
  }

  package func kernelDrops() throws -> [KernelDrops] { try KernelDrops.all(in: database) }

  package func eventBounds() throws -> ClosedRange<Int64>? {
    let row = try Row.fetchOne(
      database,
      sql: """
        SELECT min(time_min_ms), max(time_max_ms) FROM (SELECT time_min_ms, time_max_ms FROM chunk
          UNION ALL SELECT time_min_ms, time_max_ms FROM rollup WHERE pruned_ms IS NOT NULL)
        """)
    guard let row, let low = row[0] as Int64?, let high = row[1] as Int64? else { return nil }
    return low...high
  }

  package func newestEventMilliseconds(before limitMilliseconds: Int64) throws -> Int64? {
    // Of pruned events the last is known; between the first and the last of a rollup nothing more is.
    var newest = try prunedSpans().compactMap { span in
      [span.starts.upperBound, span.starts.lowerBound].first { $0 < limitMilliseconds }
    }.max()
    let reader = ChunkReader(database)
    for chunk in try chunks(overlapping: Int64.min...(limitMilliseconds - 1))
    where chunk.timeMaximumMilliseconds > newest ?? .min {
      if chunk.timeMaximumMilliseconds < limitMilliseconds {
        newest = chunk.timeMaximumMilliseconds
        continue
      }
      let times = try [Int64](unsafeUninitializedCapacity: chunk.rowCount) { buffer, count in
        if let start = buffer.baseAddress { try reader.read(.time, of: chunk, into: start) }
        count = chunk.rowCount
      }
      for time in times where time < limitMilliseconds { newest = max(newest ?? .min, time) }
    }
    return newest
  }

  package func events(
    startingIn range: Range<Int64>?, columns: EventColumns.Selection
  ) throws -> EventColumns {
    if let range {
      if range.isEmpty { return EventColumns() }
      // What is missing must not pass for what was not done.
      try prunedSpans().filter { $0.starts.overlaps(range) }.refuse()
    }
    let bounds = range.map { $0.lowerBound...($0.upperBound - 1) }
    let chunks = try chunks(overlapping: bounds)
    var loader = EventColumnsLoader(chunks, ChunkReader(database))
    return try loader.load(startingIn: range, columns)
  }

  package func dailyCells(of bounds: WindowBounds) throws -> (any DailyCellSource)? {
    guard rollupUse != .never else { return nil }
    let cells = try StoreCells(
      database, bounds: bounds, chunks: try chunks(overlapping: nil),
      unreadable: Set(unreadableRollups.map(\.id)))
    return try rollupUse == .always || cells.isWorthIt() ? cells : nil
  }
}
