import Testing

@testable import DemoOrganisation

struct PlantedTests {
  let small = SmallOrganisation.shared

  private func failedShare(_ events: [DemoEvent]) -> Double {
    let uses = events.count { $0.kind == .use }
    return Double(events.count { $0.outcome != .success }) / Double(max(1, uses))
  }

  private func meanDuration(_ events: [DemoEvent]) -> Double {
    let durations = events.filter { $0.outcome == .success }.compactMap(\.durationMilliseconds)
    return durations.reduce(0) { $0 + Double($1) } / Double(max(1, durations.count))
  }

  private func uses(of feature: Int) -> [DemoEvent] {
    small.events.filter { $0.kind == .use && Int($0.feature ?? -1) == feature }
  }

  private func isRemote(_ person: Int32) -> Bool {
    small.plan.people[Int(person)].assignments[0].site != 0
  }

  @Test func failingFeaturesFailFarMoreThanOthers() {
    let planted = Set(small.plan.bottlenecks.filter { $0.kind == .failing }.map { Int16($0.feature) })
    #expect(!planted.isEmpty)
    let others = small.events.filter { event in event.feature.map { !planted.contains($0) } ?? true }
    for feature in planted {
      #expect(failedShare(uses(of: Int(feature))) > 4 * failedShare(others))
    }
  }

  @Test func slowFeaturesDragAwayFromTheFirstSite() {
    let planted = small.plan.bottlenecks.filter { $0.kind == .slow }
    #expect(!planted.isEmpty)
    for bottleneck in planted {
      let events = uses(of: bottleneck.feature)
      let near = meanDuration(events.filter { !isRemote($0.person) })
      #expect(meanDuration(events.filter { isRemote($0.person) }) > 1.5 * near)
    }
  }

  @Test func theNewVersionRunsFromItsDayOnAndFailsMore() {
    let plan = small.plan
    let events = small.events.filter { Int($0.application) == plan.rollout.application }
    let after = events.filter { plan.versionNames[Int($0.version)] == plan.rollout.newVersion }
    let before = events.filter { plan.versionNames[Int($0.version)] == plan.rollout.oldVersion }
    let firstMoment = Int64(plan.rollout.fromDay) * millisecondsPerDay
    #expect(after.count + before.count == events.count)
    #expect(after.allSatisfy { $0.timeMilliseconds >= firstMoment })
    #expect(before.allSatisfy { $0.timeMilliseconds < firstMoment })
    #expect(failedShare(after) > 3 * failedShare(before))
  }

  @Test func silentPeopleFailOftenAndNeverCallOrAsk() {
    let silent = Set(small.plan.silentPeople.map { Int32($0) })
    let theirs = small.events.filter { silent.contains($0.person) }
    #expect(failedShare(theirs) > 3 * failedShare(small.events))
    #expect(!theirs.contains { $0.kind == .help })
    #expect(!small.tickets.contains { silent.contains(Int32($0.person)) })
  }

  @Test func unobservedPeopleHaveNoEventsAndEveryoneElseHas() {
    let seen = Set(small.events.map { Int($0.person) })
    let unseen = small.plan.people.indices.filter { !seen.contains($0) }
    #expect(unseen == small.plan.unobservedPeople)
    #expect(!unseen.isEmpty)
  }

  @Test func moversHaveTwoAdjoiningRowsInTwoDepartments() {
    for person in small.plan.movers {
      let rows = small.plan.people[person].assignments
      #expect(rows.count == 2)
      #expect(rows.first?.activeToDay == rows.last?.activeFromDay)
      #expect(rows.first?.department != rows.last?.department)
    }
  }

  @Test func departmentsWithAGapHardlyUseTheFeature() {
    #expect(small.plan.adoptionGaps.count == 10)
    for gap in small.plan.adoptionGaps {
      let role = small.plan.features[gap.feature]
      let expected = small.plan.people.indices.filter { index in
        let row = small.plan.people[index].assignments.last
        return row?.department == gap.department && role.isExpected(role: row?.role ?? 0)
      }
      let users = Set(uses(of: gap.feature).map { Int($0.person) })
      #expect(expected.count >= 5)
      #expect(Double(expected.count { users.contains($0) }) <= 0.35 * Double(expected.count))
    }
  }

  @Test func theServiceAccountNeverSleeps() {
    let account = Int32(small.plan.serviceAccounts[0])
    let theirs = small.events.filter { $0.person == account }
    let hours = Set(theirs.map { $0.timeMilliseconds % millisecondsPerDay / 3_600_000 })
    #expect(hours.count == 24)
  }

  @Test func lostTimeIsAPlausibleShareOfFaceTime() {
    func hours(_ events: [DemoEvent]) -> Double {
      events.reduce(0) { $0 + Double($1.durationMilliseconds ?? 0) } / 3_600_000
    }
    let face = hours(small.events.filter { $0.kind == .focus })
    let uses = hours(small.events.filter { $0.kind == .use })
    #expect(2...5 ~= face / uses)
    let lost = hours(
      small.events.filter { $0.outcome != .success || $0.kind == .help || $0.kind == .interruption })
    #expect(0.02...0.12 ~= lost / face)
  }
}
