import Aggregation
import ColumnChunk
import EventStore
import UsageModel

/// Events by person, for sessions: at once while they fit ``bytesMax``, else in passes of some people.
///
/// Read twice: first to count what every user will bring, then to copy. Sessions of the window that had events
/// earlier are looked for in the older chunks, of which only the sessions are decoded.
struct SessionEventsSource {
  /// Memory of one pass.
  static let bytesMax = 448 << 20

  /// Events of the window, by user.
  let census: WindowCensus
  /// By rank: whether the feature has a `use` event by anyone, before the window's end, among those loaded.
  let isUsed: [Bool]
  var workerCount: Int { feed.workerCount }
  private let request: PackRequest
  private let feed: any ChunkFeed
  /// Chunks with events from ``start`` on, and those with earlier ones.
  private let numbers: [Int]
  private let earlierNumbers: [Int]
  /// By worker and user: events from ``start`` on.
  private let counts: [[UInt32]]
  private let bytesMax: Int

  /// - Parameters:
  ///   - feed: all chunks.
  ///   - request: with the range from the first event on that may reach into a session of the window.
  init(_ feed: any ChunkFeed, _ request: PackRequest, bytesMax: Int = SessionEventsSource.bytesMax) throws {
    self.feed = feed
    self.request = request
    self.bytesMax = bytesMax
    let start = request.range?.lowerBound ?? .min
    numbers = feed.spans.indices.filter { feed.spans[$0].timeMaximumMilliseconds >= start }
    earlierNumbers = feed.spans.indices.filter { feed.spans[$0].timeMinimumMilliseconds < start }
    var census = (0..<feed.workerCount).map { _ in PackCensus(request) }
    var counts = census.map { _ in [UInt32](repeating: 0, count: request.userCount) }
    try Self.count(feed, request, numbers, &census, &counts)
    for worker in 1..<max(1, feed.workerCount) { census[0].add(census[worker]) }
    self.census = census[0].census
    isUsed = census[0].isUsed
    self.counts = counts
  }

  /// Calls the body with the events of each pass, and the sessions that began earlier.
  ///
  /// - Parameters:
  ///   - keys: of the population.
  ///   - isChosen: by person; others' events are left out.
  ///   - withOrder: whether source and number are loaded too.
  ///   - body: says whether to go on.
  func forEachPass(
    keys: EventKeys, isChosen: [Bool], withOrder: Bool,
    _ body: (SessionEvents, EarlierSessions) throws -> Bool
  ) throws {
    let personOfUser = keys.personOfUser.map { $0 >= 0 && isChosen[Int($0)] ? $0 : EventKeys.none }
    let countsOfPerson = counts.map { counts in
      var ofPerson = [UInt32](repeating: 0, count: keys.personCount)
      for (user, count) in counts.enumerated() where personOfUser[user] >= 0 {
        ofPerson[Int(personOfUser[user])] += count
      }
      return ofPerson
    }
    var earlier: EarlierSessions?
    for people in passes(countsOfPerson, bytesPerRow: SessionEvents.bytesPerRow(withOrder: withOrder)) {
      let room = SessionEvents.Room(people: people, counts: countsOfPerson)
      let events = SessionEvents(room, hasOrder: withOrder)
      // Which sessions there are is the same in each pass.
      let filter = earlier == nil && !earlierNumbers.isEmpty ? SessionFilter(workerCount: workerCount) : nil
      try fill(events, personOfUser: personOfUser, withOrder: withOrder, filter: filter)
      let known = try earlier ?? filter.map { try findEarlier(of: $0, personOfUser) } ?? EarlierSessions()
      earlier = known
      guard try body(events, known) else { return }
    }
  }

  // MARK: Parts

  private static func count(
    _ feed: any ChunkFeed, _ request: PackRequest, _ numbers: [Int], _ census: inout [PackCensus],
    _ counts: inout [[UInt32]]
  ) throws {
    try census.withUnsafeMutableBufferPointer { census in
      try counts.withUnsafeMutableBufferPointer { counts in
        // Each worker has one element of the buffers to itself.
        nonisolated(unsafe) let census = census
        nonisolated(unsafe) let counts = counts
        try feed.forEach(
          numbers, isFixed: true,
          columns: { [.user, .feature, .kind] + request.startColumn(feed.spans[$0]) },
          { worker, number, chunk in
            try request.check(chunk)
            let span = feed.spans[number]
            census[worker].add(chunk, request, isWithin: span.isWithin(request.bounds))
            let range = request.isWhole(span) ? nil : request.range
            for row in 0..<chunk.rowCount
            where request.rankOfFeature[Int(chunk.feature[row])] >= 0
              && range?.contains(chunk.start[row]) ?? true
            {
              counts[worker][Int(chunk.user[row])] += 1
            }
          })
      }
    }
  }

  /// Neighbouring people together while they fit; one who does not fit has a pass to themselves.
  private func passes(_ counts: [[UInt32]], bytesPerRow: Int) -> [Range<Int32>] {
    let rowsMax = max(1, bytesMax / bytesPerRow)
    let personCount = counts.first?.count ?? 0
    var passes: [Range<Int32>] = []
    var first = 0
    var rows = 0
    for person in 0..<personCount {
      let own = counts.reduce(0) { $0 + Int($1[person]) }
      if rows > 0, rows + own > rowsMax {
        passes.append(Int32(truncatingIfNeeded: first)..<Int32(truncatingIfNeeded: person))
        first = person
        rows = 0
      }
      rows += own
    }
    passes.append(Int32(truncatingIfNeeded: first)..<Int32(truncatingIfNeeded: personCount))
    return passes
  }

  private func fill(
    _ events: SessionEvents, personOfUser: [Int32], withOrder: Bool, filter: SessionFilter?
  ) throws {
    try feed.forEach(
      numbers, isFixed: true,
      columns: { _ in
        [.user, .feature, .kind, .outcome, .time, .durationPlusOne, .session]
          + (withOrder ? [.source, .sequence] : [])
      },
      { worker, number, chunk in
        try request.check(chunk, hasSources: withOrder)
        filter?.insert(chunk, worker: worker)
        let range = request.isWhole(feed.spans[number]) ? nil : request.range
        personOfUser.withUnsafeBufferPointer { people in
          request.rankOfFeature.withUnsafeBufferPointer { ranks in
            events.add(
              chunk, worker: worker, personOfUser: people, rankOfFeature: ranks,
              isKept: range.map { range in { range.contains(chunk.start[$0]) } })
          }
        }
      })
  }

  /// Looks for the filter's sessions among events before those that are loaded.
  private func findEarlier(of filter: SessionFilter, _ personOfUser: [Int32]) throws -> EarlierSessions {
    filter.finish()
    let start = request.range?.lowerBound ?? .min
    var found = (0..<workerCount).map { _ in EarlierSessions() }
    try found.withUnsafeMutableBufferPointer { found in
      // Each worker has one element of the buffer to itself.
      nonisolated(unsafe) let found = found
      try feed.forEach(
        earlierNumbers, isFixed: false,
        columns: { number in
          [.session, .user, .feature]
            + (feed.spans[number].timeMaximumMilliseconds >= start ? [.time] : [])
        },
        { worker, number, chunk in
          let isMixed = feed.spans[number].timeMaximumMilliseconds >= start
          try request.check(chunk)
          for row in 0..<chunk.rowCount where chunk.session[row] != 0 && filter.mayContain(chunk.session[row])
          {
            let person = personOfUser[Int(chunk.user[row])]
            guard person >= 0, request.rankOfFeature[Int(chunk.feature[row])] >= 0,
              !isMixed || chunk.start[row] < start
            else { continue }
            found[worker].insert(person: person, session: chunk.session[row])
          }
        })
    }
    return found.reduce(into: EarlierSessions()) { $0.formUnion($1) }
  }
}

/// A set of sessions that now and then takes another for one of its own (a Bloom filter with two bits each).
///
/// Nearly all sessions are over within hours: what is not in the filter has not to be looked at, and what is gets
/// looked at exactly.
private final class SessionFilter: @unchecked Sendable {
  /// 8 MiB a worker: of five million sessions, one foreign session in a hundred passes.
  private static let bitCount: UInt64 = 1 << 26

  /// By worker, until finished.
  private var words: [UnsafeMutableBufferPointer<UInt64>]

  init(workerCount: Int) {
    words = (0..<workerCount).map { _ in
      let words = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: Int(Self.bitCount / 64))
      words.initialize(repeating: 0)
      return words
    }
  }

  deinit { for part in words { part.deallocate() } }

  func insert(_ chunk: DecodedChunk, worker: Int) {
    let words = words[worker]
    for row in 0..<chunk.rowCount where chunk.session[row] != 0 {
      let (first, second) = Self.bits(of: chunk.session[row])
      words[Int(first >> 6)] |= 1 << (first & 63)
      words[Int(second >> 6)] |= 1 << (second & 63)
    }
  }

  /// Puts the workers' parts together.
  func finish() {
    for part in words.dropFirst() {
      for index in part.indices { words[0][index] |= part[index] }
    }
  }

  func mayContain(_ session: UInt64) -> Bool {
    let (first, second) = Self.bits(of: session)
    return words[0][Int(first >> 6)] & (1 << (first & 63)) != 0
      && words[0][Int(second >> 6)] & (1 << (second & 63)) != 0
  }

  private static func bits(of session: UInt64) -> (UInt64, UInt64) {
    (session & (bitCount - 1), (session >> 32) & (bitCount - 1))
  }
}
