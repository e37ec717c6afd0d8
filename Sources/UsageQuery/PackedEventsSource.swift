import Aggregation
import ColumnChunk
import EventStore
import UsageModel

/// Packs the window's events: at once while they fit ``bytesMax``, else in passes of some applications.
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
  private let passes: [PackPass]
  /// The events, if they fit.
  private var loaded: PackedEvents?

  /// - Parameters:
  ///   - feed: the chunks that overlap what is requested.
  ///   - bytesMax: memory of one pass.
  /// - Throws: `QueryError.inconsistentStore`, and whatever decoding throws.
  init(_ feed: any ChunkFeed, _ request: PackRequest, bytesMax: Int = PackedEventsSource.bytesMax) throws {
    self.request = request
    self.feed = feed
    let rowCount = feed.spans.reduce(0) { $0 + $1.rowCount }
    let rowsMax = max(1, bytesMax / PackedEvents.Contents().bytesPerRow)
    var counted = (0..<feed.workerCount).map { _ in PackCensus(request) }
    if rowCount <= rowsMax {
      let all = PackPass(isWanted: nil, rowCount: rowCount)
      passes = [all]
      loaded = try Self.load(feed, request, all, census: &counted)
    } else {
      let rowsOfRank = try Self.survey(feed, request, &counted)
      passes = PackPass.plan(rowsOfRank: rowsOfRank, appOfRank: request.appOfRank, rowsMax: rowsMax)
      loaded = nil
    }
    for worker in 1..<max(1, feed.workerCount) { counted[0].add(counted[worker]) }
    census = counted[0].census
    isUsed = counted[0].isUsed
  }

  /// Gives back the events' memory; asked for again, they are loaded again.
  mutating func release() { loaded = nil }

  func forEachPass(_ body: (PackedEvents) throws -> Void) throws {
    if let loaded { return try body(loaded) }
    for pass in passes {
      var nothing: [PackCensus] = []
      try body(try Self.load(feed, request, pass, census: &nothing))
    }
  }

  // MARK: Parts

  /// - Parameter census: one a worker, or none when it was taken before.
  private static func load(
    _ feed: any ChunkFeed, _ request: PackRequest, _ pass: PackPass, census: inout [PackCensus]
  ) throws -> PackedEvents {
    let events = PackedEvents(capacity: pass.rowCount, chunkCount: feed.spans.count, contents: [])
    let isCounted = !census.isEmpty
    try census.withUnsafeMutableBufferPointer { census in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let census = census
      try feed.forEach(
        columns: {
          [.user, .feature, .kind, .outcome, .durationPlusOne] + request.startColumn(feed.spans[$0])
        },
        { worker, number, chunk in
          try request.check(chunk)
          let span = feed.spans[number]
          if isCounted { census[worker].add(chunk, request, isWithin: span.isWithin(request.bounds)) }
          var test = WindowTest(request.bounds)
          try request.rankOfFeature.withUnsafeBufferPointer { ranks in
            // There is room: the chunks' rows were counted.
            try events.add(
              chunk, number: number, rankOfFeature: ranks, isWanted: pass.isWanted,
              keptRows: request.isWhole(span)
                ? nil
                : { _, rows, listed in
                  for row in rows where request.isRead(chunk.start[row], &test) {
                    listed.append(UInt32(truncatingIfNeeded: row))
                  }
                })
          }
        })
    }
    events.finish(featureCount: request.appOfRank.count)
    return events
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
          columns: { [.user, .feature, .kind] + request.startColumn(feed.spans[$0]) },
          { worker, number, chunk in
            try request.check(chunk)
            census[worker].add(chunk, request, isWithin: feed.spans[number].isWithin(request.bounds))
            chunk.countRows(byRank: &rowsOfRank[worker], rankOfFeature: request.rankOfFeature)
          })
      }
    }
    return (0..<request.appOfRank.count).map { rank in rowsOfRank.reduce(0) { $0 + $1[rank] } }
  }
}
