/// Numbers that a source gave out and nobody received: planted lost datagrams.
package struct DemoSequenceGap: Equatable, Sendable {
  /// Index into `DemoPlan.sourceNames`.
  package var source: Int
  /// The last number received before the gap.
  package var afterSequence: UInt32
  /// How many numbers are missing after it.
  package var lostNumbers: UInt32
}

/// Which sources lose numbers, and where in their count.
struct SequenceGapPlan: Sendable {
  /// In order of source, then number.
  var gaps: [DemoSequenceGap] = []

  init(scale: DemoScale, attendance: AttendancePlan) {
    var random = SplitMix64(seed: scale.seed, purpose: .sequenceGaps)
    let wanted = max(3, scale.people / 100)
    var sources: [Int] = []
    for source in random.permutation(scale.people) where sources.count < wanted {
      if attendance.total(person: source) >= 10 { sources.append(source) }
    }
    for source in sources.sorted() {
      add(source: source, events: attendance.total(person: source), random: &random)
    }
  }

  /// One to three gaps, each between two events that arrive.
  private mutating func add(source: Int, events: Int, random: inout SplitMix64) {
    let count = 1 + random.below(3)
    let places = Set((0..<count).map { _ in 1 + random.below(events - 1) }).sorted()
    var lostBefore: UInt32 = 0
    for place in places {
      let lost = UInt32(1 + random.below(40))
      gaps.append(
        DemoSequenceGap(source: source, afterSequence: UInt32(place) + lostBefore, lostNumbers: lost))
      lostBefore += lost
    }
  }
}
