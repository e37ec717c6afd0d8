/// A feature that a department, planted so, has hardly taken up.
package struct DemoAdoptionGap: Equatable, Sendable {
  /// Index into `DemoPlan.departmentNames`.
  package var department: Int
  /// Index into `DemoPlan.features`.
  package var feature: Int
}

/// Which departments have hardly taken up which features.
struct AdoptionGapPlan: Sendable {
  /// The probability that a person there uses the feature all the same, as part of the usual one.
  static let adoptionFactor = 0.06

  /// In order of department, then feature.
  var gaps: [DemoAdoptionGap]
  private var planted: Set<Int>

  init(scale: DemoScale, roster: RosterPlan, catalog: CatalogPlan, friction: FrictionPlan) {
    var random = SplitMix64(seed: scale.seed, purpose: .adoptionGaps)
    let expected = Self.expectedPeople(roster: roster, catalog: catalog)
    let taken = Set(friction.bottlenecks.map(\.feature))
    let popular = catalog.features.indices.filter {
      catalog.features[$0].rank < 8 && !taken.contains($0) && !catalog.features[$0].isAutomatic
    }
    // A gap shows if the department has people to miss and the others tell what is usual.
    let smallest = max(5, scale.people / 50)
    var candidates: [DemoAdoptionGap] = []
    for feature in popular {
      for department in expected[feature].indices where expected[feature][department] >= smallest {
        candidates.append(DemoAdoptionGap(department: department, feature: feature))
      }
    }
    let order = random.permutation(candidates.count).map { candidates[$0] }
    gaps = Self.spread(order, count: min(max(catalog.features.count / 30, 2), 10))
    planted = Set(gaps.map { Self.key($0.department, $0.feature) })
  }

  /// Whether people of the department were planted as not using the feature.
  func contains(department: Int, feature: Int) -> Bool {
    planted.contains(Self.key(department, feature))
  }

  private static func key(_ department: Int, _ feature: Int) -> Int {
    feature * OrganisationNames.departments.count + department
  }

  /// The first `count` with no feature twice and no department more than twice.
  private static func spread(_ candidates: [DemoAdoptionGap], count: Int) -> [DemoAdoptionGap] {
    var chosen: [DemoAdoptionGap] = []
    for candidate in candidates where chosen.count < count {
      let isFree = !chosen.contains { $0.feature == candidate.feature }
      if isFree && chosen.count(where: { $0.department == candidate.department }) < 2 {
        chosen.append(candidate)
      }
    }
    return chosen.sorted { ($0.department, $0.feature) < ($1.department, $1.feature) }
  }

  /// People expected to use each feature, per department.
  private static func expectedPeople(roster: RosterPlan, catalog: CatalogPlan) -> [[Int]] {
    let departments = OrganisationNames.departments.count
    let roles = OrganisationNames.roles.count
    var counts = [[Int]](repeating: [Int](repeating: 0, count: departments), count: roles)
    for person in roster.people where !person.isService {
      let assignment = person.assignments[person.assignments.count - 1]
      counts[assignment.role][assignment.department] += 1
    }
    return catalog.features.map { feature in
      (0..<departments).map { department in
        (0..<roles).filter { feature.isExpected(role: $0) }.map { counts[$0][department] }.reduce(0, +)
      }
    }
  }
}
