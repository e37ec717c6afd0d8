import Aggregation
import ColumnChunk
import UsageModel

/// Which events a report reads chunk by chunk.
struct PackRequest {
  /// Rows that start in the range; those of the window when nil.
  var range: Range<Int64>?
  /// The report's window: what the census counts.
  var bounds: WindowBounds
  /// As in `EventKeys`.
  var rankOfFeature: [Int32]
  var appOfRank: [Int32]
  /// Entries of the store's name tables.
  var userCount: Int
  var sourceCount: Int

  /// The window's events.
  init(
    bounds: WindowBounds, features: FeatureDirectory, limits: (users: Int, features: Int, sources: Int)
  ) {
    self.bounds = bounds
    rankOfFeature = features.rankOfNumber
    appOfRank = features.appOfRank
    userCount = limits.users
    sourceCount = limits.sources
  }

  /// Whether a row that starts then is read.
  ///
  /// - Parameter test: of ``bounds``.
  func isRead(_ start: Int64, _ test: inout WindowTest) -> Bool {
    range?.contains(start) ?? test.contains(start)
  }

  /// Whether all rows of a chunk are read, so that none need be asked for its start.
  func isWhole(_ span: ChunkSpan) -> Bool { range.map(span.isWithin) ?? span.isWithin(bounds) }

  /// Starts, where a row's start decides whether it is read, or counted in the window.
  func startColumn(_ span: ChunkSpan) -> [ChunkColumn] {
    isWhole(span) && span.isWithin(bounds) ? [] : [.time]
  }

  /// Checks numbers, which kernels look up without asking again.
  ///
  /// - Throws: `QueryError.inconsistentStore`.
  func check(_ chunk: DecodedChunk, hasSources: Bool = false) throws(QueryError) {
    guard
      chunk.isConsistent(
        users: userCount, features: rankOfFeature.count, sources: hasSources ? sourceCount : nil)
    else { throw .inconsistentStore }
  }
}

/// What workers count on the way while chunks are decoded.
struct PackCensus {
  private(set) var eventsOfUser: [Int64]
  private(set) var isUsed: [Bool]
  private var test: WindowTest

  init(_ request: PackRequest) {
    eventsOfUser = [Int64](repeating: 0, count: request.userCount)
    isUsed = [Bool](repeating: false, count: request.appOfRank.count)
    test = WindowTest(request.bounds)
  }

  /// Counts the rows of one chunk.
  ///
  /// - Parameter isWithin: whether all its rows are known to lie in the window, so that starts are not needed.
  mutating func add(_ chunk: DecodedChunk, _ request: PackRequest, isWithin: Bool) {
    request.rankOfFeature.withUnsafeBufferPointer { ranks in
      eventsOfUser.withUnsafeMutableBufferPointer { counts in
        for row in 0..<chunk.rowCount {
          let rank = Int(ranks[Int(chunk.feature[row])])
          guard rank >= 0 else { continue }
          if isWithin || test.contains(chunk.start[row]) {
            counts[Int(chunk.user[row])] &+= 1
          } else if !test.isBefore(chunk.start[row]) || !request.isRead(chunk.start[row], &test) {
            continue
          }
          if !isUsed[rank], chunk.kind[row] == EventKind.use.rawValue { isUsed[rank] = true }
        }
      }
    }
  }

  mutating func add(_ other: PackCensus) {
    for user in eventsOfUser.indices { eventsOfUser[user] += other.eventsOfUser[user] }
    for rank in isUsed.indices where other.isUsed[rank] { isUsed[rank] = true }
  }

  var census: WindowCensus { WindowCensus(eventsOfUser: eventsOfUser) }
}
