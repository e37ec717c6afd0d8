// What was planted, for whoever wants to check what the reports find. Write it before the first event is
// sent.

extension DemoPlan {
  /// The planted truth as JSON: everything the reports should find, and the counts that should come out.
  package func plantedJSON() -> [UInt8] {
    JSONText.object([
      ("seed", .number(scale.seed)),
      ("window", window),
      ("bottlenecks", .array(bottlenecks.map { bottleneck($0) })),
      ("silent_people", users(silentPeople)),
      ("unobserved_people", users(unobservedPeople)),
      ("movers", users(movers)),
      ("service_accounts", users(serviceAccounts)),
      ("rollout", rolloutMembers),
      ("adoption_gaps", .array(adoptionGaps.map { adoptionGap($0) })),
      ("expected", expected),
    ]).bytes()
  }

  /// The window's days, the end left out, as every report's.
  private var window: JSONText {
    .object([
      ("from", .text(dateText(scale.firstDay))), ("to", .text(dateText(scale.lastDay + 1))),
      ("timezone", .text("UTC")),
    ])
  }

  private func users(_ indices: [Int]) -> JSONText {
    .array(indices.map { .text(people[$0].user) })
  }

  private func featureMembers(_ index: Int) -> [(String, JSONText)] {
    [
      ("app", .text(applicationNames[features[index].application])), ("feature", .text(features[index].name)),
    ]
  }

  private func bottleneck(_ bottleneck: DemoBottleneck) -> JSONText {
    .object(
      featureMembers(bottleneck.feature) + [
        ("kind", .text(bottleneck.kind.rawValue)), ("ticketed", .bool(bottleneck.isTicketed)),
      ])
  }

  private func adoptionGap(_ gap: DemoAdoptionGap) -> JSONText {
    .object([("department", .text(departmentNames[gap.department]))] + featureMembers(gap.feature))
  }

  private var rolloutMembers: JSONText {
    .object([
      ("app", .text(applicationNames[rollout.application])), ("version", .text(rollout.newVersion)),
      ("before", .text(rollout.oldVersion)), ("from", .text(dateText(rollout.fromDay))),
    ])
  }

  private var expected: JSONText {
    let counts = eventCountPerPerson
    return .object([
      ("events", .number(eventCount)), ("service_events", .number(serviceEventCount)),
      ("people", .number(scale.people)),
      ("roster_rows", .number(people.map(\.assignments.count).reduce(0, +))),
      ("applications", .number(applicationNames.count)), ("features", .number(features.count)),
      ("sources", .number(counts.count { $0 > 0 })),
      ("lost_numbers", .number(sequenceGaps.map { Int($0.lostNumbers) }.reduce(0, +))),
      ("lost_numbers_by_source", .object(lostNumbersBySource)),
    ])
  }

  private var lostNumbersBySource: [(String, JSONText)] {
    let names = sourceNames
    var members: [(source: Int, lost: Int)] = []
    for gap in sequenceGaps {
      if let last = members.last, last.source == gap.source {
        members[members.count - 1].lost += Int(gap.lostNumbers)
      } else {
        members.append((gap.source, Int(gap.lostNumbers)))
      }
    }
    return members.map { (names[$0.source], .number($0.lost)) }
  }
}
