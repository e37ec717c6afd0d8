import Aggregation
import ColumnChunk
import EventStore
import GRDB
import Synchronization
import UsageModel

/// Daily cells out of the store: from rollups where they say what the chunks say, the rest counted here.
///
/// A rollup is taken while all chunks that it covers are there, and if the report's zone cuts its day as it was
/// cut then. Whatever no such rollup covers is read from its chunks: events of today, late ones, days of another
/// zone. So what comes out is the same whatever the daemon has, or has not, counted so far.
struct StoreCells: DailyCellSource, @unchecked Sendable {
  private let database: Database
  private let bounds: WindowBounds
  /// All chunks that may be read.
  private let chunks: [ChunkRow]
  private let rollups: [Rollup]
  private let reader: SharedRollupReader
  let workerCount: Int

  /// - Parameters:
  ///   - database: a connection inside a read transaction; used on the thread that holds it.
  ///   - chunks: all chunks of the store that can be read.
  ///   - unreadable: numbers of rollups to leave out.
  init(
    _ database: Database, bounds: WindowBounds, chunks: [ChunkRow], unreadable: Set<Int64>
  ) throws {
    self.database = database
    self.bounds = bounds
    self.chunks = chunks
    rollups = try Rollup.all(.dayCells, in: database).filter { !unreadable.contains($0.id) }
    reader = try SharedRollupReader(database)
    workerCount = Workers.count(forParts: rollups.count)
  }

  /// Whether cells spare work: rollups cover at least half of the events up to the window's end, or events of that
  /// time are there as cells only.
  func isWorthIt() throws -> Bool {
    let end = bounds.span.upperBound
    if rollups.contains(where: { $0.isPruned && $0.timeMinimumMilliseconds < end }) { return true }
    let plan = try plan(startingBefore: end, from: .min, isHistory: false)
    let counted = plan.rollups.reduce(0) { $0 + $1.eventCount }
    return counted > 0 && counted >= plan.chunks.reduce(0) { $0 + $1.rowCount }
  }

  func visit(_ period: CellPeriod, _ body: (_ worker: Int, CellColumns) throws -> Void) throws {
    let plan =
      period.isHistory
      ? try plan(startingBefore: bounds.historyEnd, from: .min, isHistory: true)
      : try plan(startingBefore: bounds.span.upperBound, from: bounds.span.lowerBound, isHistory: false)
    let parts = try RollupPart.all(of: plan.rollups.map(\.id), in: database)
    let damaged = Mutex<[Rollup]>([])
    try Workers.run(workerCount, parts: plan.rollups.count, isFixed: false) { _ in
      RollupMemory()
    } _: { worker, place, memory in
      let rollup = plan.rollups[place]
      do {
        // All of it before any is taken: a damaged rollup counts as a whole or not at all.
        try decode(parts[rollup.id] ?? [], of: rollup, period, into: &memory)
      } catch let damage as RollupDamage {
        // What can be counted anew is; the daemon does so too, once doctor has found it.
        guard !rollup.isPruned else { throw damage }
        return damaged.withLock { $0.append(rollup) }
      }
      for index in 0..<memory.partCount { try body(worker, memory.parts[index]) }
    }
    let uncounted = Set(damaged.withLock { $0.flatMap(\.covered) })
    let reader = ChunkReader(database)
    for chunk in plan.chunks + chunks.filter({ uncounted.contains($0.id) }) {
      var counts = DayCells()
      try counts.add(chunk, reader, rules: bounds.rules)
      counts.combine()
      try body(0, CellColumns(counts.cells))
    }
  }

  private struct Plan {
    var rollups: [Rollup]
    /// Chunks that none of them covers.
    var chunks: [ChunkRow]
  }

  /// - Throws: `QueryError.prunedInOtherZone` when days cannot be told apart any more.
  private func plan(startingBefore end: Int64, from start: Int64, isHistory: Bool) throws -> Plan {
    guard start < end else { return Plan(rollups: [], chunks: []) }
    let span = start...(end - 1)
    let known = Set(chunks.map(\.id))
    let taken = try rollups.filter { rollup in
      guard rollup.span.overlaps(span) else { return false }
      // Days that lie before the window in every zone need not be told apart.
      let offsets =
        isHistory && isBeforeWindow(rollup) ? rollup.offsets : bounds.rules.offsets(ofUTCDay: rollup.day)
      let isUsable = RollupPlan.isUsable(rollup, chunks: known, offsets: offsets)
      guard isUsable || !rollup.isPruned else {
        throw QueryError.prunedInOtherZone(
          day: CivilDay(number: rollup.day).description, zone: bounds.rules.name)
      }
      return isUsable
    }
    let covered = Set(taken.flatMap(\.covered))
    return Plan(
      rollups: taken,
      chunks: chunks.filter { chunk in
        chunk.timeMaximumMilliseconds >= span.lowerBound && chunk.timeMinimumMilliseconds <= span.upperBound
          && !covered.contains(chunk.id)
      })
  }

  private func isBeforeWindow(_ rollup: Rollup) -> Bool {
    rollup.timeMaximumMilliseconds < min(bounds.historyEnd, bounds.span.lowerBound)
  }

  /// Decodes what the period needs of all parts.
  private func decode(
    _ parts: [RollupPart], of rollup: Rollup, _ period: CellPeriod, into memory: inout RollupMemory
  ) throws {
    let isBefore = period.isHistory && isBeforeWindow(rollup)
    let columns = period.columns + (isBefore ? [] : [.day])
    memory.partCount = parts.count
    while memory.parts.count < parts.count { memory.parts.append(CellColumns()) }
    for (place, part) in parts.enumerated() {
      guard (1...ColumnHeader.rowsMax).contains(part.rowCount) else {
        throw RollupDamage(rollup: rollup.id, reason: "part of \(part.rowCount) rows")
      }
      try reader.read(columns, of: part, into: &memory.bytes)
      memory.parts[place].rowCount = part.rowCount
      do {
        for (index, column) in columns.enumerated() {
          try memory.parts[place].decode(column, memory.bytes[index])
        }
      } catch let error as ChunkError {
        throw RollupDamage(rollup: rollup.id, reason: "\(error)")
      }
      if isBefore { memory.parts[place].clearDays() }
    }
  }
}

/// What a worker decodes rollups into, one after the other.
private struct RollupMemory {
  var bytes: [ColumnBytes] = []
  var parts: [CellColumns] = []
  /// Parts of the present rollup; there may be more in memory.
  var partCount = 0
}

extension CellPeriod {
  fileprivate var isHistory: Bool {
    if case .history = self { true } else { false }
  }

  /// What is read of its cells, apart from the day.
  fileprivate var columns: [ChunkColumn] {
    switch self {
    case .window(let withSources):
      [.feature, .user, .eventCount, .useCount, .okCount] + (withSources ? [.source] : [])
    case .history: [.feature, .user, .useCount, .okCount]
    case .times:
      [
        .feature, .user, .useCount, .useMilliseconds, .failedMilliseconds, .focusMilliseconds,
        .helpMilliseconds, .interruptionMilliseconds,
      ]
    }
  }
}

extension CellColumns {
  fileprivate mutating func decode(_ column: ChunkColumn, _ bytes: ColumnBytes) throws {
    switch column {
    case .feature: try decode(column, bytes, into: &feature)
    case .user: try decode(column, bytes, into: &user)
    case .day: try decode(column, bytes, into: &day)
    case .source: try decode(column, bytes, into: &source)
    case .eventCount: try decode(column, bytes, into: &eventCount)
    case .useCount: try decode(column, bytes, into: &useCount)
    case .okCount: try decode(column, bytes, into: &okCount)
    case .useMilliseconds: try decode(column, bytes, into: &useMilliseconds)
    case .failedMilliseconds: try decode(column, bytes, into: &failedMilliseconds)
    case .focusMilliseconds: try decode(column, bytes, into: &focusMilliseconds)
    case .helpMilliseconds: try decode(column, bytes, into: &helpMilliseconds)
    case .interruptionMilliseconds: try decode(column, bytes, into: &interruptionMilliseconds)
    default: preconditionFailure("BUG: cells have no column \(column)")
    }
  }

  private func decode(_ column: ChunkColumn, _ bytes: ColumnBytes, into rows: inout [UInt32]) throws {
    try withRoom(in: &rows) { output in
      guard bytes.isStored else { return output.update(repeating: 0, count: rowCount) }
      try bytes.withBytes { try ColumnDecoder.decode($0, as: column, rowCount: rowCount, into: output) }
    }
  }

  private func decode(_ column: ChunkColumn, _ bytes: ColumnBytes, into rows: inout [Int64]) throws {
    try withRoom(in: &rows) { output in
      guard bytes.isStored else { return output.update(repeating: 0, count: rowCount) }
      try bytes.withBytes { try ColumnDecoder.decode($0, as: column, rowCount: rowCount, into: output) }
    }
  }

  /// Grows a column if the rows do not fit; else its memory is used again.
  private func withRoom<Value: FixedWidthInteger>(
    in rows: inout [Value], _ body: (UnsafeMutablePointer<Value>) throws -> Void
  ) rethrows {
    if rows.count < rowCount { rows = [Value](repeating: 0, count: rowCount) }
    try rows.withUnsafeMutableBufferPointer { if let start = $0.baseAddress { try body(start) } }
  }

  /// For cells that all lie before the window: their days need not be known.
  fileprivate mutating func clearDays() {
    withRoom(in: &day) { $0.update(repeating: 0, count: rowCount) }
  }
}

extension CellColumns {
  /// Cells that were counted just now.
  fileprivate init(_ cells: [DayCell]) {
    self.init()
    rowCount = cells.count
    feature = cells.map(\.feature)
    day = cells.map { UInt32(clamping: $0.day) }
    user = cells.map(\.user)
    source = cells.map(\.source)
    eventCount = cells.map { UInt32(clamping: $0.eventCount) }
    useCount = cells.map { UInt32(clamping: $0.useCount) }
    okCount = cells.map { UInt32(clamping: $0.okCount) }
    useMilliseconds = cells.map(\.useMilliseconds)
    failedMilliseconds = cells.map(\.failedMilliseconds)
    focusMilliseconds = cells.map(\.focusMilliseconds)
    helpMilliseconds = cells.map(\.helpMilliseconds)
    interruptionMilliseconds = cells.map(\.interruptionMilliseconds)
  }
}
