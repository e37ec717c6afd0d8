import Aggregation
import ColumnChunk
import EventStore
import UsageModel

/// Packs events: at once while they fit ``bytesMax``, else in passes of some applications.
struct PackedEventsSource {
  /// Memory of one pass: 50 million events of a window fit, and a report stays well under 1 GiB.
  static let bytesMax = 512 << 20

  /// Events of the window, by user.
  let census: WindowCensus
  /// By rank: whether the feature has a `use` event by anyone, before the window's end, among those packed.
  let isUsed: [Bool]
  var workerCount: Int { feed.workerCount }
  private let request: PackRequest
  private let feed: any ChunkFeed
  /// Ranks of each pass; nil for all at once.
  private let passes: [[Bool]?]
  private let rowsOfPass: [Int]
  /// The events, if they fit.
  private let loaded: PackedEvents?

  /// - Parameters:
  ///   - feed: the chunks that overlap what is requested.
  ///   - bytesMax: memory of one pass.
  /// - Throws: `QueryError.inconsistentStore`, and whatever decoding throws.
  init(_ feed: any ChunkFeed, _ request: PackRequest, bytesMax: Int = PackedEventsSource.bytesMax) throws {
    self.request = request
    self.feed = feed
    let rowCount = feed.spans.reduce(0) { $0 + $1.rowCount }
    let rowsMax = max(1, bytesMax / request.contents.bytesPerRow)
    var counted = (0..<feed.workerCount).map { _ in PackCensus(request) }
    if rowCount <= rowsMax {
      passes = [nil]
      rowsOfPass = [rowCount]
      loaded = try Self.load(feed, request, rowCount: rowCount, isWanted: nil, census: &counted)
    } else {
      let rowsOfRank = try Self.survey(feed, request, &counted)
      (passes, rowsOfPass) = Self.plan(rowsOfRank, request, rowsMax: rowsMax)
      loaded = nil
    }
    for worker in 1..<max(1, feed.workerCount) { counted[0].add(counted[worker]) }
    census = counted[0].census
    isUsed = counted[0].isUsed
  }

  func forEachPass(_ body: (PackedEvents) throws -> Void) throws {
    if let loaded { return try body(loaded) }
    for (pass, rowCount) in zip(passes, rowsOfPass) {
      var nothing: [PackCensus] = []
      try body(try Self.load(feed, request, rowCount: rowCount, isWanted: pass, census: &nothing))
    }
  }

  // MARK: Parts

  /// Whether all rows of a chunk are packed, so that none need be asked for its start.
  private static func isWhole(_ span: ChunkSpan, _ request: PackRequest) -> Bool {
    (request.range.map(span.isWithin) ?? true) && (!request.isWindowOnly || span.isWithin(request.bounds))
  }

  private static func columns(_ span: ChunkSpan, _ request: PackRequest) -> [ChunkColumn] {
    var columns: [ChunkColumn] = [.user, .feature, .kind, .outcome, .durationPlusOne]
    if request.contents.contains(.start) || !isWhole(span, request) || !span.isWithin(request.bounds) {
      columns.append(.time)
    }
    if request.contents.contains(.order) { columns += [.source, .sequence] }
    return columns
  }

  /// - Parameter census: one a worker, or none when it was taken before.
  private static func load(
    _ feed: any ChunkFeed, _ request: PackRequest, rowCount: Int, isWanted: [Bool]?,
    census: inout [PackCensus]
  ) throws -> PackedEvents {
    let events = PackedEvents(capacity: rowCount, chunkCount: feed.spans.count, contents: request.contents)
    let isCounted = !census.isEmpty
    try census.withUnsafeMutableBufferPointer { census in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let census = census
      try feed.forEach(columns: { columns(feed.spans[$0], request) }) { worker, number, chunk in
        try check(chunk, request, hasSources: request.contents.contains(.order))
        let span = feed.spans[number]
        if isCounted { census[worker].add(chunk, request, isWithin: span.isWithin(request.bounds)) }
        var test = WindowTest(request.bounds)
        request.rankOfFeature.withUnsafeBufferPointer { ranks in
          events.add(
            chunk, number: number, rankOfFeature: ranks, isWanted: isWanted,
            isKept: isWhole(span, request) ? nil : { request.isPacked(chunk.start[$0], &test) })
        }
      }
    }
    events.finish(featureCount: request.appOfRank.count)
    return events
  }

  private static func check(_ chunk: DecodedChunk, _ request: PackRequest, hasSources: Bool) throws {
    guard
      chunk.isConsistent(
        users: request.userCount, features: request.rankOfFeature.count,
        sources: hasSources ? request.sourceCount : nil)
    else { throw QueryError.inconsistentStore }
  }

  /// Counts rows by rank, and takes the census, without keeping any row.
  private static func survey(
    _ feed: any ChunkFeed, _ request: PackRequest, _ census: inout [PackCensus]
  ) throws -> [Int] {
    var rowsOfRank = census.map { _ in [Int](repeating: 0, count: request.appOfRank.count) }
    try census.withUnsafeMutableBufferPointer { census in
      try rowsOfRank.withUnsafeMutableBufferPointer { rowsOfRank in
        // Each worker has one element of the buffers to itself.
        nonisolated(unsafe) let census = census
        nonisolated(unsafe) let rowsOfRank = rowsOfRank
        try feed.forEach(
          columns: { [.user, .feature, .kind] + (feed.spans[$0].isWithin(request.bounds) ? [] : [.time]) },
          { worker, number, chunk in
            try check(chunk, request, hasSources: false)
            census[worker].add(chunk, request, isWithin: feed.spans[number].isWithin(request.bounds))
            for row in 0..<chunk.rowCount {
              let rank = Int(request.rankOfFeature[Int(chunk.feature[row])])
              if rank >= 0 { rowsOfRank[worker][rank] += 1 }
            }
          })
      }
    }
    return (0..<request.appOfRank.count).map { rank in rowsOfRank.reduce(0) { $0 + $1[rank] } }
  }

  /// Puts applications together while they fit; one that does not fit has a pass to itself.
  private static func plan(
    _ rowsOfRank: [Int], _ request: PackRequest, rowsMax: Int
  ) -> (passes: [[Bool]?], rows: [Int]) {
    var passes: [[Bool]?] = []
    var rows: [Int] = []
    var current = [Bool](repeating: false, count: rowsOfRank.count)
    var currentRows = 0
    var rank = 0
    while rank < rowsOfRank.count {
      var end = rank
      var appRows = 0
      while end < rowsOfRank.count, request.appOfRank[end] == request.appOfRank[rank] {
        appRows += rowsOfRank[end]
        end += 1
      }
      if currentRows > 0, currentRows + appRows > rowsMax {
        passes.append(current)
        rows.append(currentRows)
        current = [Bool](repeating: false, count: rowsOfRank.count)
        currentRows = 0
      }
      for index in rank..<end { current[index] = true }
      currentRows += appRows
      rank = end
    }
    passes.append(current)
    rows.append(currentRows)
    return (passes, rows)
  }
}

extension PackedEvents.Contents {
  /// What a row takes: user, duration and flags, and what else is kept.
  var bytesPerRow: Int { 9 + (contains(.start) ? 8 : 0) + (contains(.order) ? 12 : 0) }
}
