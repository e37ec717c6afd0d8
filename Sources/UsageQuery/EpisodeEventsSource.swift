import Aggregation
import ColumnChunk
import EventStore
import UsageModel

/// Packs the attempts of those who failed with a feature as often as makes a strike-out, and events of help.
///
/// Read twice: first to count failures, then to keep the events that can decide. Where people try a feature now and
/// then, that is hardly one attempt in ten; where they do all day, it is most. They come at once while they fit
/// ``bytesMax``, else in passes of some applications.
struct EpisodeEventsSource {
  /// Memory of one pass.
  static let bytesMax = 512 << 20

  /// Events of the window, by user.
  let census: WindowCensus
  /// By rank: whether the feature has a `use` event by anyone, before the window's end, among those read.
  let isUsed: [Bool]
  /// Where the events end that were read; nil when no later ones are stored.
  let end: Int64?
  let request: PackRequest
  var workerCount: Int { feed.workerCount }
  private let feed: any ChunkFeed
  private let personOfUser: [Int32]
  private let failures: FailureSketch
  private let bytesMax: Int

  /// What one worker counts at first.
  private struct Survey {
    var census: PackCensus
    var failures: FailureSketch
  }

  /// The events of one pass; nil when they did not fit.
  private struct Loaded {
    var events: PackedEvents?
    /// By rank: rows that are kept.
    var rowsOfRank: [Int]
  }

  /// - Parameters:
  ///   - feed: the chunks that overlap what is requested.
  ///   - request: with a range.
  ///   - personOfUser: by the store's number: the person, whether or not of the population.
  ///   - end: where the range ends; nil when no later events are stored.
  ///   - bytesMax: memory of one pass.
  /// - Throws: `QueryError.inconsistentStore`, and whatever decoding throws.
  init(
    _ feed: any ChunkFeed, _ request: PackRequest, personOfUser: [Int32], end: Int64?,
    bytesMax: Int = EpisodeEventsSource.bytesMax
  ) throws {
    self.feed = feed
    self.request = request
    self.personOfUser = personOfUser
    self.end = end
    self.bytesMax = bytesMax
    var parts = try Self.survey(feed, request, personOfUser: personOfUser, end: end)
    var all = parts.removeFirst()
    for part in parts {
      all.census.add(part.census)
      all.failures.add(part.failures)
    }
    census = all.census.census
    isUsed = all.census.isUsed
    failures = all.failures
  }

  /// Calls the body with the events of each pass.
  ///
  /// - Parameters:
  ///   - isChosen: by the store's number of a user: others' events are left out.
  ///   - isSelected: by rank: attempts with other features are left out, help is not.
  ///   - withOrder: whether source and number are packed too.
  func forEachPass(
    isChosen: [Bool], isSelected: [Bool], withOrder: Bool, _ body: (PackedEvents) throws -> Void
  ) throws {
    let contents: PackedEvents.Contents = withOrder ? [.start, .order] : .start
    let rowsMax = max(1, bytesMax / contents.bytesPerRow)
    let chosen = zip(personOfUser, isChosen).map { person, isChosen in isChosen ? person : EventKeys.none }
    func load(_ pass: PackPass) throws -> Loaded {
      try self.load(pass, contents, personOfUser: chosen, isSelected: isSelected)
    }
    let all = try load(PackPass(isWanted: nil, rowCount: min(rowsMax, Self.rowCount(of: feed))))
    if let events = all.events { return try body(events) }
    for pass in PackPass.plan(rowsOfRank: all.rowsOfRank, appOfRank: request.appOfRank, rowsMax: rowsMax) {
      guard let events = try load(pass).events else {
        preconditionFailure("BUG: more rows than were counted")
      }
      try body(events)
    }
  }

  // MARK: Parts

  private static func rowCount(of feed: any ChunkFeed) -> Int { feed.spans.reduce(0) { $0 + $1.rowCount } }

  private static func survey(
    _ feed: any ChunkFeed, _ request: PackRequest, personOfUser: [Int32], end: Int64?
  ) throws -> [Survey] {
    let rowCount = rowCount(of: feed)
    var parts = (0..<max(1, feed.workerCount)).map { _ in
      Survey(census: PackCensus(request), failures: FailureSketch(rowCount: rowCount))
    }
    try parts.withUnsafeMutableBufferPointer { parts in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let parts = parts
      try feed.forEach(
        columns: {
          [.user, .feature, .kind, .outcome]
            + (end == nil ? request.startColumn(feed.spans[$0]) : [.time, .durationPlusOne])
        },
        { worker, number, chunk in
          try request.check(chunk)
          let span = feed.spans[number]
          parts[worker].census.add(chunk, request, isWithin: span.isWithin(request.bounds))
          var test = WindowTest(request.bounds)
          personOfUser.withUnsafeBufferPointer { people in
            request.rankOfFeature.withUnsafeBufferPointer { ranks in
              parts[worker].failures.add(
                chunk, personOfUser: people, rankOfFeature: ranks,
                isKept: request.isWhole(span) ? nil : { request.isRead(chunk.start[$0], &test) }, end: end)
            }
          }
        })
    }
    return parts
  }

  private func load(
    _ pass: PackPass, _ contents: PackedEvents.Contents, personOfUser: [Int32], isSelected: [Bool]
  ) throws -> Loaded {
    let events = PackedEvents(capacity: pass.rowCount, chunkCount: feed.spans.count, contents: contents)
    var parts = (0..<max(1, workerCount)).map { _ in
      Loaded(events: events, rowsOfRank: [Int](repeating: 0, count: request.appOfRank.count))
    }
    try parts.withUnsafeMutableBufferPointer { parts in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let parts = parts
      try feed.forEach(
        columns: { _ in
          [.user, .feature, .kind, .outcome, .time, .durationPlusOne]
            + (contents.contains(.order) ? [.source, .sequence] : [])
        },
        { worker, number, chunk in
          try request.check(chunk, hasSources: contents.contains(.order))
          personOfUser.withUnsafeBufferPointer { people in
            add(
              chunk, number, of: pass, to: events, personOfUser: people, isSelected: isSelected,
              &parts[worker])
          }
        })
    }
    let hasAll = parts.allSatisfy { $0.events != nil }
    if hasAll { events.finish(featureCount: request.appOfRank.count) }
    return Loaded(
      events: hasAll ? events : nil,
      rowsOfRank: request.appOfRank.indices.map { rank in parts.reduce(0) { $0 + $1.rowsOfRank[rank] } })
  }

  /// Packs what is kept of one chunk; what does not fit any more is only counted.
  private func add(
    _ chunk: DecodedChunk, _ number: Int, of pass: PackPass, to events: PackedEvents,
    personOfUser: UnsafeBufferPointer<Int32>, isSelected: [Bool], _ part: inout Loaded
  ) {
    let isWhole = request.isWhole(feed.spans[number])
    var test = WindowTest(request.bounds)
    var kept: [(rank: Int32, rowCount: Int)] = []
    do throws(RowsExceedCapacity) {
      try request.rankOfFeature.withUnsafeBufferPointer { ranks throws(RowsExceedCapacity) in
        try events.add(chunk, number: number, rankOfFeature: ranks, isWanted: pass.isWanted) {
          rank, rows, listed in
          let first = listed.count
          failures.listRows(
            rows, of: chunk, rank: rank, personOfUser: personOfUser, withAttempts: isSelected[Int(rank)],
            into: &listed)
          if !isWhole { listed[first...].removeAll { !request.isRead(chunk.start[Int($0)], &test) } }
          kept.append((rank, listed.count - first))
        }
      }
    } catch {
      part.events = nil
    }
    for (rank, rowCount) in kept { part.rowsOfRank[Int(rank)] += rowCount }
  }
}
