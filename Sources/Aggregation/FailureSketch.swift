import UsageModel

/// How often people failed with a feature, up to a strike-out's number of failures, in little memory.
///
/// A count–min sketch (Cormode and Muthukrishnan, 2005) of one row, with counters of two bits: it never counts too
/// little. It counts too much for whoever shares a counter, so that a few more events are read than decide anything.
package struct FailureSketch: Sendable {
  /// Most counters: 16 MiB.
  private static let counterBitsMax = 26
  private static let countersPerWord = 32
  private static let fullCount = UInt64(StrikeOuts.failuresMin)

  private var words: [UInt64]
  private let mask: UInt32

  /// - Parameter rowCount: events that will be looked at, about.
  package init(rowCount: Int) {
    precondition(StrikeOuts.failuresMin == 3, "BUG: two bits are full at three")
    // About one event in ten fails: several counters for each that does.
    let wanted = Int.bitWidth - (rowCount / 2).leadingZeroBitCount
    let bits = min(max(wanted, 10), Self.counterBitsMax)
    mask = UInt32(1) << UInt32(bits) - 1
    words = [UInt64](repeating: 0, count: (1 << bits) / Self.countersPerWord)
  }

  /// Counts the failed attempts of a chunk.
  ///
  /// - Parameters:
  ///   - chunk: with users, features, kinds and outcomes; starts and durations too where `isKept` or `end` ask.
  ///   - personOfUser: by the store's number; the same in all calls.
  ///   - isKept: whether a row counts; nil when all do.
  ///   - end: an attempt whose episode may go on from here on counts as many as make a strike-out.
  /// - Complexity: O(rows of the chunk).
  package mutating func add(
    _ chunk: DecodedChunk, personOfUser: UnsafeBufferPointer<Int32>,
    rankOfFeature: UnsafeBufferPointer<Int32>,
    isKept: ((_ row: Int) -> Bool)?, end: Int64?
  ) {
    let mask = mask
    words.withUnsafeMutableBufferPointer { words in
      for row in 0..<chunk.rowCount
      where chunk.kind[row] == EventCode.use && chunk.outcome[row] != EventCode.outcomeOk {
        let rank = rankOfFeature[Int(chunk.feature[row])]
        guard rank >= 0, isKept?(row) ?? true else { continue }
        let index = Self.index(person: personOfUser[Int(chunk.user[row])], rank: rank, mask)
        let shift = UInt64(index & 31) * 2
        let count = (words[Int(index >> 5)] >> shift) & Self.fullCount
        let more = end.map { chunk.episodeReach(ofRow: row) >= $0 } ?? false ? Self.fullCount - count : 1
        if count < Self.fullCount { words[Int(index >> 5)] += more << shift }
      }
    }
  }

  /// Adds what another one of the same size counted.
  package mutating func add(_ other: FailureSketch) {
    precondition(mask == other.mask, "BUG: sketches of different sizes")
    for index in words.indices { words[index] = Self.sum(words[index], other.words[index]) }
  }

  /// Lists the rows that may belong to a strike-out: attempts of those who failed often enough, and events of help.
  ///
  /// - Parameters:
  ///   - rows: of one feature, of a chunk as in ``add(_:personOfUser:rankOfFeature:isKept:end:)``.
  ///   - personOfUser: as there, but negative for people whose events are left out.
  ///   - withAttempts: whether attempts are listed.
  /// - Complexity: O(rows).
  package func listRows(
    _ rows: Range<Int>, of chunk: DecodedChunk, rank: Int32, personOfUser: UnsafeBufferPointer<Int32>,
    withAttempts: Bool, into listed: inout [UInt32]
  ) {
    words.withUnsafeBufferPointer { words in
      for row in rows {
        let person = personOfUser[Int(chunk.user[row])]
        guard person >= 0 else { continue }
        if chunk.kind[row] == EventCode.use {
          guard withAttempts, Self.isFull(words, Self.index(person: person, rank: rank, mask)) else {
            continue
          }
        } else if chunk.kind[row] != EventCode.help {
          continue
        }
        listed.append(UInt32(truncatingIfNeeded: row))
      }
    }
  }

  /// Whether a person may have failed with a feature as often as makes a strike-out.
  @inline(__always)
  private static func isFull(_ words: UnsafeBufferPointer<UInt64>, _ index: UInt32) -> Bool {
    words[Int(index >> 5)] >> (UInt64(index & 31) * 2) & fullCount == fullCount
  }

  /// People with a feature stand side by side, as their events do in a day chunk.
  @inline(__always)
  private static func index(person: Int32, rank: Int32, _ mask: UInt32) -> UInt32 {
    (UInt32(bitPattern: rank) &* 0x9E37_79B1 &+ UInt32(bitPattern: person)) & mask
  }

  /// Sums of 32 pairs of counters, none above the full count.
  private static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let low: UInt64 = 0x5555_5555_5555_5555
    // At least one, two and three, as the low bit of each counter.
    let left = (one: (left | left >> 1) & low, two: left >> 1 & low, three: left & left >> 1 & low)
    let right = (one: (right | right >> 1) & low, two: right >> 1 & low, three: right & right >> 1 & low)
    let one = left.one | right.one
    let two = left.two | right.two | (left.one & right.one)
    let three = left.three | right.three | (left.two & right.one) | (left.one & right.two)
    return two << 1 | (one & ~two) | three
  }
}

extension DecodedChunk {
  /// The last moment at which the next attempt of a row's episode may start.
  @inline(__always)
  fileprivate func episodeReach(ofRow row: Int) -> Int64 {
    let duration = Int64(UInt32(clamping: max(0, durationPlusOne[row] &- 1)))
    return start[row] &+ duration &+ StrikeOuts.episodePauseMilliseconds
  }
}
