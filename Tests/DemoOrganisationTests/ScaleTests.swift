import Testing

@testable import DemoOrganisation

struct ScaleTests {
  @Test func defaultScaleIsTheRequiredOne() {
    let plan = DemoPlan(seed: 1, lastDay: 20_777)
    #expect(plan.people.count { !$0.isService } == 2_000)
    #expect(plan.applicationNames.count == 12)
    #expect(plan.features.count == 300)
    #expect(plan.scale.days == 28)
    #expect(plan.eventCount >= 2_000_000)
    #expect(plan.eventCountPerPerson.reduce(0, +) == plan.eventCount)
    #expect(plan.bottlenecks.count == 10)
    #expect(plan.bottlenecks.contains { !$0.isTicketed })
    #expect(plan.silentPeople.count == 10)
    #expect(plan.unobservedPeople.count >= 20)
    #expect(plan.movers.count == 40)
    #expect(plan.serviceAccounts.count == 1)
    #expect(plan.adoptionGaps.count == 10)
    #expect(plan.sequenceGaps.count >= 20)
  }

  @Test func asManyEventsComeOutAsPlanned() {
    let small = SmallOrganisation.shared
    #expect(small.events.count == 20_000)
    var counts = [Int](repeating: 0, count: small.plan.people.count)
    for event in small.events { counts[Int(event.person)] += 1 }
    #expect(counts == small.plan.eventCountPerPerson)
    #expect(counts[small.plan.serviceAccounts[0]] == small.plan.serviceEventCount)
  }

  @Test(arguments: [
    DemoScale(seed: 1, people: 0, applications: 0, features: 0, days: 0, events: 0, lastDay: 0),
    DemoScale(seed: 1, people: 20, applications: 1, features: 3, days: 1, events: 500, lastDay: 20_777),
    DemoScale(seed: 1, people: 30, applications: 13, features: 400, days: 40, events: 9_000, lastDay: 20_777),
    DemoScale(seed: 1, people: 25, applications: 4, features: 40, days: 3, events: 20_000, lastDay: 20_777),
  ])
  func oddScalesStillGiveTheirEvents(scale: DemoScale) {
    let plan = DemoPlan(
      seed: scale.seed, people: scale.people, applications: scale.applications, features: scale.features,
      days: scale.days, events: scale.events, lastDay: scale.lastDay)
    var count = 0
    plan.forEachEvent { _ in count += 1 }
    #expect(count == plan.eventCount)
    #expect(Set(plan.features.map { "\($0.application) \($0.name)" }).count == plan.features.count)
  }

  @Test func aThrowingBodyStopsAtOnce() {
    struct Stop: Error {}
    var count = 0
    #expect(throws: Stop.self) {
      try SmallOrganisation.shared.plan.forEachEvent { _ throws(Stop) in
        count += 1
        if count == 10 { throw Stop() }
      }
    }
    #expect(count == 10)
  }
}
