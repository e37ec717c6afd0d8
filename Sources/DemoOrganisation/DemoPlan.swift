/// A made-up organisation, decided in full before its first event.
///
/// Who works there, with what, and what goes wrong.
///
/// Pure and deterministic: the same scale gives the same people, events and bytes on every machine.
/// Everything happens in UTC. Events come from ``EventGenerator``, or in one go from ``forEachEvent(_:)``.
package struct DemoPlan: Sendable {
  /// The seed and size.
  package let scale: DemoScale
  /// The features planted as bottlenecks, in order of feature.
  package let bottlenecks: [DemoBottleneck]
  /// The departments planted as not having taken up a feature.
  package let adoptionGaps: [DemoAdoptionGap]
  /// The new version planted as failing.
  package let rollout: DemoRollout
  /// The planted lost numbers, in order of source, then number.
  package let sequenceGaps: [DemoSequenceGap]
  /// The version of each application, then the rolled-out one; `DemoEvent.version` is an index.
  package let versionNames: [String]

  let roster: RosterPlan
  let catalog: CatalogPlan
  let friction: FrictionPlan
  let habits: HabitPlan
  let attendance: AttendancePlan

  /// Plans an organisation.
  ///
  /// - Parameters:
  ///   - seed: Chooses everything random.
  ///   - people: People on the roster, the service account not among them; at least 20.
  ///   - applications: Applications in the catalog, 1 … 100.
  ///   - features: Features of all applications together.
  ///   - days: Days of events, weekends included.
  ///   - events: Events that come out, exactly. Up to about 150 a person and working day look natural.
  ///   - lastDay: The last day with events, in days since 1970-01-01 (UTC).
  /// - Complexity: O(people × (features + days)); about 50 ms at the default scale.
  package init(
    seed: UInt64, people: Int = 2_000, applications: Int = 12, features: Int = 300, days: Int = 28,
    events: Int = 2_000_000, lastDay: Int
  ) {
    let scale = DemoScale(
      seed: seed, people: people, applications: applications, features: features, days: days, events: events,
      lastDay: lastDay)
    let roster = RosterPlan(scale: scale)
    var catalog = CatalogPlan(scale: scale)
    let estimate = UsageEstimate(scale: scale, roster: roster, catalog: catalog)
    catalog.setTargets(estimate: estimate, days: scale.days)
    let friction = FrictionPlan(scale: scale, catalog: catalog, estimate: estimate)
    let gaps = AdoptionGapPlan(scale: scale, roster: roster, catalog: catalog, friction: friction)
    let attendance = AttendancePlan(scale: scale, roster: roster)
    self.scale = scale
    self.roster = roster
    self.catalog = catalog
    self.friction = friction
    self.attendance = attendance
    habits = HabitPlan(scale: scale, roster: roster, catalog: catalog, gaps: gaps)
    bottlenecks = friction.bottlenecks
    rollout = friction.rollout
    adoptionGaps = gaps.gaps
    sequenceGaps = SequenceGapPlan(scale: scale, attendance: attendance).gaps
    versionNames = Self.versionNames(scale: scale, rollout: friction.rollout)
  }

  private static func versionNames(scale: DemoScale, rollout: DemoRollout) -> [String] {
    var random = SplitMix64(seed: scale.seed, purpose: .catalog, -1)
    var names = (0..<scale.applications).map { _ in
      "\(1 + random.below(9)).\(random.below(10)).\(random.below(5))"
    }
    names[rollout.application] = rollout.oldVersion
    return names + [rollout.newVersion]
  }
}

// The tables that the numbers in events, people and features point into.
extension DemoPlan {
  /// Everyone on the roster; the service account is the last.
  package var people: [DemoPerson] { roster.people }
  /// The catalog's features, in order of application, then popularity.
  package var features: [DemoFeature] { catalog.features }
  /// The names of the applications.
  package var applicationNames: [String] { catalog.applicationNames }
  /// The name of each feature within its application.
  package var featureNames: [String] { catalog.features.map(\.name) }
  /// The name that each person's events carry: the roster's, or for some a login that is an alias.
  package var userNames: [String] {
    roster.people.map { $0.sendsLogin ? $0.aliases[0] : $0.user }
  }
  /// The name of each source: a person's workstation, or the service account's server.
  package var sourceNames: [String] {
    roster.people.map { $0.isService ? "srv-" + $0.user.dropFirst(4) : "ws-" + $0.user.dropFirst() }
  }
  /// The causes of interruptions.
  package var causeNames: [String] { OrganisationNames.causes }
  /// The names of the departments.
  package var departmentNames: [String] { OrganisationNames.departments.map(\.name) }
  /// The names of the roles.
  package var roleNames: [String] { OrganisationNames.roles.map(\.name) }
  /// The names of the sites.
  package var siteNames: [String] { OrganisationNames.sites.map(\.name) }

  /// The session id that events carry.
  package func sessionName(_ session: Int32) -> String {
    "s" + String(session)
  }
}

// What comes out, known before the first event is drawn.
extension DemoPlan {
  /// Events of all people and of the service account.
  package var eventCount: Int { scale.events }

  /// Events of the service account.
  package var serviceEventCount: Int { attendance.serviceEventsPerDay * scale.days }

  /// Events of each person of `people`.
  package var eventCountPerPerson: [Int] { people.indices.map { attendance.total(person: $0) } }

  /// People planted as having trouble and staying silent: they fail often, never call and never ask.
  package var silentPeople: [Int] { roster.silentPeople }

  /// People of the roster without any event.
  package var unobservedPeople: [Int] {
    people.indices.filter { !people[$0].isService && attendance.total(person: $0) == 0 }
  }

  /// People with two rows in the roster.
  package var movers: [Int] { roster.movers }

  /// Accounts of machines: on the roster, and marked there as no person.
  package var serviceAccounts: [Int] { [roster.serviceAccount] }
}
