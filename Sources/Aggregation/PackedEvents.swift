import Synchronization
import UsageModel

/// Events of a stretch of time by feature, in few bytes: what the kernels of single features read.
///
/// Day chunks bring a feature's rows together, so that a feature is a list of stretches of rows, one or two a
/// day, and no row is moved. Filled by several workers at a time, each chunk by one of them; then read.
package final class PackedEvents: @unchecked Sendable {
  /// What is kept of an event besides user, duration and flags.
  package struct Contents: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let start = Contents(rawValue: 1)
    /// Source and number: they decide the order of events that start together.
    package static let order = Contents(rawValue: 2)
  }

  /// Appends the numbers of those of some rows of a feature that count.
  package typealias KeptRows = (_ rank: Int32, _ rows: Range<Int>, _ listed: inout [UInt32]) -> Void

  /// Rows of one feature out of one chunk.
  struct Stretch {
    var rank: Int32
    var first: UInt32
    var count: UInt32
  }

  /// An event's kind, outcome and whether it has a duration, in one byte.
  struct Flags {
    var rawValue: UInt8

    @inline(__always)
    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Unknown kinds and outcomes become the last one of two bits.
    @inline(__always)
    init(kind: UInt8, outcome: UInt8, hasDuration: Bool) {
      rawValue = min(kind, 3) | min(outcome, 3) << 2 | (hasDuration ? 16 : 0)
    }

    @inline(__always) var kind: UInt8 { rawValue & 3 }
    @inline(__always) var outcome: UInt8 { (rawValue >> 2) & 3 }
    @inline(__always) var hasDuration: Bool { rawValue & 16 != 0 }
    @inline(__always) var isOk: Bool { outcome == EventCode.outcomeOk }
    @inline(__always) var isUse: Bool { kind == EventCode.use }
  }

  package let contents: Contents
  let user: UnsafeMutablePointer<UInt32>
  /// Milliseconds; 0 when absent.
  let duration: UnsafeMutablePointer<UInt32>
  let flags: UnsafeMutablePointer<UInt8>
  /// Only with ``Contents/start``.
  let start: UnsafeMutablePointer<Int64>
  /// Only with ``Contents/order``.
  let source: UnsafeMutablePointer<UInt32>
  let sequence: UnsafeMutablePointer<Int64>
  private let capacity: Int

  /// Rows in use, and by chunk its stretches, as workers fill them in.
  private let filling: Mutex<(rowCount: Int, stretches: [[Stretch]])>
  /// Feature by feature, in the order of chunks.
  private(set) var stretches: [Stretch] = []
  /// By rank, the first of its stretches; one more at the end.
  private(set) var offsets: [Int] = [0]

  /// - Parameters:
  ///   - capacity: most rows there will be.
  ///   - chunkCount: chunks that will be added, numbered from 0 in the order of time.
  package init(capacity: Int, chunkCount: Int, contents: Contents) {
    precondition(capacity <= Int(UInt32.max), "BUG: more rows than a stretch can number")
    self.capacity = capacity
    self.contents = contents
    user = .allocate(capacity: capacity)
    duration = .allocate(capacity: capacity)
    flags = .allocate(capacity: capacity)
    start = .allocate(capacity: contents.contains(.start) ? capacity : 0)
    source = .allocate(capacity: contents.contains(.order) ? capacity : 0)
    sequence = .allocate(capacity: contents.contains(.order) ? capacity : 0)
    filling = Mutex((0, Array(repeating: [], count: chunkCount)))
  }

  deinit {
    user.deallocate()
    duration.deallocate()
    flags.deallocate()
    start.deallocate()
    source.deallocate()
    sequence.deallocate()
  }

  /// Rows that were added.
  package var rowCount: Int { filling.withLock { $0.rowCount } }

  // MARK: Filling

  /// Copies the rows whose feature has a rank among those wanted, by rank and else in the order of the chunk.
  ///
  /// May be called by several workers at the same time, for different chunks.
  /// - Parameters:
  ///   - isWanted: by rank.
  ///   - keptRows: lists those of some rows of one feature that count; nil when all do.
  /// - Throws: `RowsExceedCapacity`; what was added means nothing then.
  /// - Complexity: O(rows of the chunk).
  package func add(
    _ chunk: DecodedChunk, number: Int, rankOfFeature: UnsafeBufferPointer<Int32>, isWanted: [Bool]?,
    keptRows: KeptRows?
  ) throws(RowsExceedCapacity) {
    let runs = FeatureRuns(chunk, rankOfFeature: rankOfFeature, isWanted: isWanted, keptRows: keptRows)
    guard runs.rowCount > 0 else { return }
    let first = filling.withLock { state in
      let first = state.rowCount
      state.rowCount += runs.rowCount
      return first
    }
    guard first + runs.rowCount <= capacity else { throw RowsExceedCapacity() }
    var stretches: [Stretch] = []
    stretches.reserveCapacity(runs.runs.count)
    var next = first
    for run in runs.runs {
      if let order = runs.order {
        for index in run.start..<run.end { copy(chunk, row: Int(order[index]), to: next + index - run.start) }
      } else {
        copy(chunk, rows: run.start..<run.end, to: next)
      }
      stretches.append(
        Stretch(
          rank: run.rank, first: UInt32(truncatingIfNeeded: next),
          count: UInt32(truncatingIfNeeded: run.end - run.start)))
      next += run.end - run.start
    }
    filling.withLock { [stretches] in $0.stretches[number] = stretches }
  }

  /// Puts the stretches together by feature; to be called once, when all chunks are in.
  package func finish(featureCount: Int) {
    let chunks = filling.withLock { state in
      defer { state.stretches = [] }
      return state.stretches
    }
    var offsets = [Int](repeating: 0, count: featureCount + 1)
    for chunk in chunks { for stretch in chunk { offsets[Int(stretch.rank) + 1] += 1 } }
    for rank in 0..<featureCount { offsets[rank + 1] += offsets[rank] }
    var next = offsets
    var sorted = [Stretch](repeating: Stretch(rank: 0, first: 0, count: 0), count: offsets[featureCount])
    for chunk in chunks {
      for stretch in chunk {
        sorted[next[Int(stretch.rank)]] = stretch
        next[Int(stretch.rank)] += 1
      }
    }
    stretches = sorted
    self.offsets = offsets
  }

  /// A feature's stretches, in the order of chunks.
  func stretches(ofRank rank: Int) -> ArraySlice<Stretch> { stretches[offsets[rank]..<offsets[rank + 1]] }

  private func copy(_ chunk: DecodedChunk, rows: Range<Int>, to place: Int) {
    (user + place).update(from: chunk.user + rows.lowerBound, count: rows.count)
    for offset in 0..<rows.count { pack(chunk, row: rows.lowerBound + offset, to: place + offset) }
    if contents.contains(.start) {
      (start + place).update(from: chunk.start + rows.lowerBound, count: rows.count)
    }
    if contents.contains(.order) {
      (source + place).update(from: chunk.source + rows.lowerBound, count: rows.count)
      (sequence + place).update(from: chunk.sequence + rows.lowerBound, count: rows.count)
    }
  }

  private func copy(_ chunk: DecodedChunk, row: Int, to place: Int) {
    copy(chunk, rows: row..<row + 1, to: place)
  }

  @inline(__always)
  private func pack(_ chunk: DecodedChunk, row: Int, to place: Int) {
    let stored = chunk.durationPlusOne[row]
    // The longest duration there may be fits 32 bits; stored bytes that say more are cut to it.
    duration[place] = UInt32(clamping: max(0, stored &- 1))
    flags[place] = Flags(kind: chunk.kind[row], outcome: chunk.outcome[row], hasDuration: stored > 0).rawValue
  }
}

/// More events were to be packed than there is room for.
package struct RowsExceedCapacity: Error {}

/// The rows of one chunk by feature: as they stand in a day chunk, sorted where they do not.
private struct FeatureRuns {
  struct Run {
    var rank: Int32
    /// Rows of the chunk, or indices into ``FeatureRuns/order``.
    var start: Int
    var end: Int
  }

  private(set) var runs: [Run] = []
  private(set) var rowCount = 0
  /// Row numbers by run; nil when runs are rows as they stand.
  private(set) var order: [UInt32]?

  init(
    _ chunk: DecodedChunk, rankOfFeature: UnsafeBufferPointer<Int32>, isWanted: [Bool]?,
    keptRows: PackedEvents.KeptRows?
  ) {
    var isSorted = true
    var row = 0
    while row < chunk.rowCount {
      let feature = chunk.feature[row]
      let start = row
      repeat { row += 1 } while row < chunk.rowCount && chunk.feature[row] == feature
      if row < chunk.rowCount, chunk.feature[row] < feature { isSorted = false }
      let rank = rankOfFeature[Int(feature)]
      guard rank >= 0, isWanted?[Int(rank)] ?? true else { continue }
      runs.append(Run(rank: rank, start: start, end: row))
      rowCount += row - start
    }
    if !isSorted || keptRows != nil { sort(keptRows) }
  }

  /// Lists the rows that count, by rank and else in their order.
  private mutating func sort(_ keptRows: PackedEvents.KeptRows?) {
    var listed: [UInt32] = []
    var sorted: [Run] = []
    listed.reserveCapacity(rowCount)
    // Stable: runs of a feature stay in the order of the chunk.
    for run in runs.enumerated().sorted(by: { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }) {
      let first = listed.count
      let rows = run.element.start..<run.element.end
      if let keptRows {
        keptRows(run.element.rank, rows, &listed)
      } else {
        listed.append(contentsOf: rows.lazy.map { UInt32(truncatingIfNeeded: $0) })
      }
      guard listed.count > first else { continue }
      if let last = sorted.last, last.rank == run.element.rank {
        sorted[sorted.count - 1].end = listed.count
      } else {
        sorted.append(Run(rank: run.element.rank, start: first, end: listed.count))
      }
    }
    runs = sorted
    rowCount = listed.count
    order = listed
  }
}
