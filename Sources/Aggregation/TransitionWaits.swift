import Synchronization

/// The waits of transitions as they were met, eight bytes each: what quantiles are taken from at the end.
struct TransitionWaits {
  /// Waits of a block; blocks are never copied to grow.
  private static let blockCount = 1 << 17
  /// Milliseconds of a wait that fit beside the transition's number: 8.7 years.
  private static let waitBits: UInt64 = 38
  private static let waitMask: UInt64 = 1 << waitBits - 1
  private static let transitionLimit = 1 << (64 - waitBits)
  /// Waits that are grouped at once: 64 MiB.
  private static let rangeCount = 8 << 20

  /// Transition, then wait.
  private var blocks: [[UInt64]] = []
  /// Those that do not fit, which are few.
  private var large: [(transition: Int, milliseconds: Int64)] = []

  mutating func append(transition: Int, milliseconds: Int64) {
    guard transition < Self.transitionLimit, milliseconds <= Int64(Self.waitMask) else {
      return large.append((transition, milliseconds))
    }
    if blocks.last.map({ $0.count == Self.blockCount }) ?? true {
      blocks.append([])
      blocks[blocks.count - 1].reserveCapacity(Self.blockCount)
    }
    blocks[blocks.count - 1].append(UInt64(transition) << Self.waitBits | UInt64(milliseconds))
  }

  /// Takes over waits of transitions that have other numbers here.
  ///
  /// - Complexity: O(waits).
  mutating func absorb(_ other: consuming TransitionWaits, numbers: [Int]) {
    large += other.large.map { (numbers[$0.transition], $0.milliseconds) }
    guard numbers.allSatisfy({ $0 < Self.transitionLimit }) else {
      for value in other.blocks.joined() {
        append(
          transition: numbers[Int(value >> Self.waitBits)], milliseconds: Int64(value & Self.waitMask))
      }
      return
    }
    var taken = other.blocks
    other.blocks = []
    for block in taken.indices {
      taken[block].withUnsafeMutableBufferPointer { block in
        for place in block.indices {
          let transition = numbers[Int(block[place] >> Self.waitBits)]
          block[place] = UInt64(transition) << Self.waitBits | block[place] & Self.waitMask
        }
      }
    }
    // Blocks that are not full may stand anywhere but last.
    blocks = taken + blocks
  }

  /// Calls the body with the waits of every transition, in any order and by several workers at a time.
  ///
  /// - Parameters:
  ///   - counts: by transition, how many waits were added.
  ///   - body: may reorder the waits.
  /// - Complexity: O(waits × ranges), where a range holds ``rangeCount`` waits.
  func forEachTransition(
    counts: [Int], _ body: (_ transition: Int, _ waits: UnsafeMutableBufferPointer<Int64>) -> Void
  ) {
    let ranges = Self.ranges(counts)
    let next = Atomic(0)
    Workers.run(Workers.count(forParts: ranges.count)) { _ in
      while true {
        let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard turn < ranges.count else { return }
        group(ranges[turn], counts, body)
      }
    }
  }

  private func group(
    _ range: Range<Int>, _ counts: [Int],
    _ body: (_ transition: Int, _ waits: UnsafeMutableBufferPointer<Int64>) -> Void
  ) {
    var grouped = [Int64](repeating: 0, count: counts[range].reduce(0, +))
    // Where the next wait of a transition goes: its start at first, its end at last.
    var places: [Int] = []
    places.reserveCapacity(range.count)
    var total = 0
    for count in counts[range] {
      places.append(total)
      total += count
    }
    place(range, &places, &grouped)
    grouped.withUnsafeMutableBufferPointer { grouped in
      var start = 0
      for (transition, end) in zip(range, places) {
        body(transition, UnsafeMutableBufferPointer(rebasing: grouped[start..<end]))
        start = end
      }
    }
  }

  private func place(_ range: Range<Int>, _ places: inout [Int], _ grouped: inout [Int64]) {
    places.withUnsafeMutableBufferPointer { places in
      grouped.withUnsafeMutableBufferPointer { grouped in
        for block in blocks {
          block.withUnsafeBufferPointer { block in
            for value in block {
              let place = Int(value >> Self.waitBits) &- range.lowerBound
              guard place >= 0, place < range.count else { continue }
              grouped[places[place]] = Int64(value & Self.waitMask)
              places[place] &+= 1
            }
          }
        }
        for (transition, milliseconds) in large where range.contains(transition) {
          grouped[places[transition - range.lowerBound]] = milliseconds
          places[transition - range.lowerBound] += 1
        }
      }
    }
  }

  /// Neighbouring transitions together: as many ranges as there are workers, or more where memory asks for it.
  private static func ranges(_ counts: [Int]) -> [Range<Int>] {
    let workers = Workers.count(forParts: .max)
    let target = max(1, min(rangeCount, counts.reduce(0, +) / workers + 1))
    var ranges: [Range<Int>] = []
    var start = 0
    var waits = 0
    for (transition, count) in counts.enumerated() {
      waits += count
      if waits >= target {
        ranges.append(start..<transition + 1)
        start = transition + 1
        waits = 0
      }
    }
    return start < counts.count ? ranges + [start..<counts.count] : ranges
  }
}
