import Testing

@testable import DemoOrganisation

struct SequenceTests {
  let small = SmallOrganisation.shared

  @Test func eventsComeInOrderOfTimeWithinTheWindow() {
    let times = small.events.map(\.timeMilliseconds)
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    let scale = small.plan.scale
    #expect(times.allSatisfy { scale.firstDay...scale.lastDay ~= Int($0 / millisecondsPerDay) })
  }

  /// Numbers rise strictly per source, and exactly the planted ones are missing.
  @Test func numbersMissExactlyThePlantedGaps() {
    var last = [UInt32](repeating: 0, count: small.plan.sourceNames.count)
    var found: [DemoSequenceGap] = []
    for event in small.events {
      let source = Int(event.source)
      #expect(event.sequence > last[source])
      if event.sequence > last[source] + 1 {
        found.append(
          DemoSequenceGap(
            source: source, afterSequence: last[source], lostNumbers: event.sequence - last[source] - 1))
      }
      last[source] = event.sequence
    }
    found.sort { ($0.source, $0.afterSequence) < ($1.source, $1.afterSequence) }
    #expect(found == small.plan.sequenceGaps)
    #expect(found.count >= 3)
  }

  @Test func nobodyWorksOutsideTheirAssignments() {
    for event in small.events {
      let day = Int(event.timeMilliseconds / millisecondsPerDay)
      #expect(small.plan.people[Int(event.person)].assignmentIndex(day: day) != nil)
    }
  }
}
