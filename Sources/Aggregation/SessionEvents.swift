import UsageModel

/// Events of a stretch of time by person: what sessions are cut from.
///
/// Day chunks stand by feature; here each person's rows are copied together, chunk by chunk. Every person is
/// given room first (``Room``), for each worker apart, so that workers copy without waiting for each other.
package final class SessionEvents: @unchecked Sendable {
  /// One event.
  struct Event {
    var start: Int64
    /// A number that stands for the session's text; 0 is absent.
    var session: UInt64
    var durationMilliseconds: UInt32
    /// Rank of the feature, and flags in the lowest five bits.
    private var rankAndFlags: UInt32

    static let rankLimit = 1 << 27

    @inline(__always)
    init(start: Int64, session: UInt64, durationMilliseconds: UInt32, rank: Int32, flags: PackedEvents.Flags)
    {
      self.start = start
      self.session = session
      self.durationMilliseconds = durationMilliseconds
      rankAndFlags = UInt32(truncatingIfNeeded: rank) << 5 | UInt32(flags.rawValue)
    }

    @inline(__always) var rank: Int { Int(rankAndFlags >> 5) }
    @inline(__always) var flags: PackedEvents.Flags {
      PackedEvents.Flags(rawValue: UInt8(truncatingIfNeeded: rankAndFlags & 31))
    }
    /// Start plus duration, an absent one counting 0.
    @inline(__always) var end: Int64 { start &+ Int64(durationMilliseconds) }
    /// What the order of events that start together may depend on, as far as they differ.
    @inline(__always) func isSame(as other: Event) -> Bool {
      rankAndFlags == other.rankAndFlags && durationMilliseconds == other.durationMilliseconds
    }
  }

  /// Bytes of memory an event takes.
  package static func bytesPerRow(withOrder: Bool) -> Int {
    MemoryLayout<Event>.stride + (withOrder ? 12 : 0)
  }

  /// The people of a pass, and how many events each worker will bring of them.
  package struct Room: Sendable {
    /// By number; -1 in ``EventKeys/personOfUser`` terms are those that are left out.
    let people: Range<Int32>
    /// By worker, then person: where the worker's rows of the person begin.
    fileprivate var starts: [[Int]]
    /// By person of the pass: where their rows end.
    fileprivate let ends: [Int]

    /// - Parameters:
    ///   - people: the people of this pass.
    ///   - counts: by worker, then by person of the population, the events there will be.
    package init(people: Range<Int32>, counts: [[UInt32]]) {
      self.people = people
      var starts = counts.map { _ in [Int](repeating: 0, count: people.count) }
      var ends: [Int] = []
      ends.reserveCapacity(people.count)
      var total = 0
      for (place, person) in people.enumerated() {
        for worker in counts.indices {
          starts[worker][place] = total
          total += Int(counts[worker][Int(person)])
        }
        ends.append(total)
      }
      self.starts = starts
      self.ends = ends
    }

    package var rowCount: Int { ends.last ?? 0 }
  }

  let people: Range<Int32>
  let hasOrder: Bool
  let events: UnsafeMutablePointer<Event>
  /// Only with the order.
  let source: UnsafeMutablePointer<UInt32>
  let sequence: UnsafeMutablePointer<Int64>
  private let ends: [Int]
  private let cursors: UnsafeMutablePointer<Int>

  package init(_ room: Room, hasOrder: Bool) {
    people = room.people
    self.hasOrder = hasOrder
    ends = room.ends
    events = .allocate(capacity: room.rowCount)
    source = .allocate(capacity: hasOrder ? room.rowCount : 0)
    sequence = .allocate(capacity: hasOrder ? room.rowCount : 0)
    cursors = .allocate(capacity: room.starts.count * room.people.count)
    for (worker, starts) in room.starts.enumerated() {
      for (place, start) in starts.enumerated() { cursors[worker * room.people.count + place] = start }
    }
  }

  deinit {
    events.deallocate()
    source.deallocate()
    sequence.deallocate()
    cursors.deallocate()
  }

  /// A person's rows, in no particular order.
  func rows(ofPlace place: Int) -> Range<Int> { (place == 0 ? 0 : ends[place - 1])..<ends[place] }

  /// Copies the rows of a chunk that are of people of this pass.
  ///
  /// - Parameters:
  ///   - worker: the one that brought the chunk when events were counted.
  ///   - personOfUser: -1 for users who are left out.
  ///   - isKept: whether a row counts; nil when all do.
  /// - Complexity: O(rows of the chunk).
  package func add(
    _ chunk: DecodedChunk, worker: Int, personOfUser: UnsafeBufferPointer<Int32>,
    rankOfFeature: UnsafeBufferPointer<Int32>, isKept: ((_ row: Int) -> Bool)?
  ) {
    let cursors = cursors + worker * people.count
    for row in 0..<chunk.rowCount {
      let person = personOfUser[Int(chunk.user[row])]
      let rank = rankOfFeature[Int(chunk.feature[row])]
      guard person >= people.lowerBound, person < people.upperBound, rank >= 0, isKept?(row) ?? true else {
        continue
      }
      let place = Int(person - people.lowerBound)
      let target = cursors[place]
      cursors[place] = target &+ 1
      let stored = chunk.durationPlusOne[row]
      events[target] = Event(
        start: chunk.start[row], session: chunk.session[row],
        durationMilliseconds: UInt32(clamping: max(0, stored &- 1)), rank: rank,
        flags: PackedEvents.Flags(
          kind: chunk.kind[row], outcome: chunk.outcome[row], hasDuration: stored > 0))
      if hasOrder {
        source[target] = chunk.source[row]
        sequence[target] = chunk.sequence[row]
      }
    }
  }
}
