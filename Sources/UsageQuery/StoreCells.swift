import Aggregation
import ColumnChunk
import EventStore
import GRDB
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

  func visit(_ period: CellPeriod, _ body: (CellColumns) throws -> Void) throws {
    let isHistory = period == .history
    let plan =
      isHistory
      ? try plan(startingBefore: bounds.historyEnd, from: .min, isHistory: true)
      : try plan(startingBefore: bounds.span.upperBound, from: bounds.span.lowerBound, isHistory: false)
    var rest = plan.chunks
    for rollup in plan.rollups {
      do {
        let isBefore = isHistory && isBeforeWindow(rollup)
        for part in try parts(of: rollup, period, isBefore: isBefore) { try body(part) }
      } catch let damage as RollupDamage {
        // What can be counted anew is; the daemon does so too, once doctor has found it.
        guard !rollup.isPruned else { throw damage }
        rest += chunks.filter { rollup.covered.contains($0.id) }
      }
    }
    let reader = ChunkReader(database)
    for chunk in rest {
      var counts = DayCells()
      try counts.add(chunk, reader, rules: bounds.rules)
      counts.combine()
      try body(CellColumns(counts.cells))
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
  private func parts(of rollup: Rollup, _ period: CellPeriod, isBefore: Bool) throws -> [CellColumns] {
    let reader = RollupReader(database)
    return try RollupPart.all(of: rollup.id, in: database).map { part in
      guard (1...ColumnHeader.rowsMax).contains(part.rowCount) else {
        throw RollupDamage(rollup: rollup.id, reason: "part of \(part.rowCount) rows")
      }
      func column(_ column: ChunkColumn) throws -> [UInt32] {
        try [UInt32](unsafeUninitializedCapacity: part.rowCount) { buffer, count in
          if let start = buffer.baseAddress { try reader.read(column, of: part, into: start) }
          count = part.rowCount
        }
      }
      func wide(_ column: ChunkColumn) throws -> [Int64] {
        try [Int64](unsafeUninitializedCapacity: part.rowCount) { buffer, count in
          if let start = buffer.baseAddress { try reader.read(column, of: part, into: start) }
          count = part.rowCount
        }
      }
      var cells = CellColumns()
      cells.rowCount = part.rowCount
      cells.feature = try column(.feature)
      cells.user = try column(.user)
      cells.day = isBefore ? Array(repeating: 0, count: part.rowCount) : try column(.day)
      switch period {
      case .sources: cells.source = try column(.source)
      case .window:
        cells.eventCount = try column(.eventCount)
        cells.useCount = try column(.useCount)
        cells.okCount = try column(.okCount)
      case .history:
        cells.useCount = try column(.useCount)
        cells.okCount = try column(.okCount)
      case .times:
        cells.useCount = try column(.useCount)
        cells.useMilliseconds = try wide(.useMilliseconds)
        cells.failedMilliseconds = try wide(.failedMilliseconds)
        cells.focusMilliseconds = try wide(.focusMilliseconds)
        cells.helpMilliseconds = try wide(.helpMilliseconds)
        cells.interruptionMilliseconds = try wide(.interruptionMilliseconds)
      }
      return cells
    }
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
