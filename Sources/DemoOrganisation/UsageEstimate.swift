/// How much each feature will be used, estimated before any event is drawn.
///
/// What is planted goes where use is heavy enough for it to matter, and the catalog's targets fit the scale.
struct UsageEstimate: Sendable {
  /// Uses of each feature by all people over all days.
  var uses: [Double]
  /// Uses of each feature by one person who has adopted it, over all days.
  var usesPerAdopter: [Double]

  init(scale: DemoScale, roster: RosterPlan, catalog: CatalogPlan) {
    let roleCounts = Self.roleCounts(roster)
    // Focus, help and interruptions take about a fifth of the events.
    let usesPerPerson = 0.8 * Double(scale.events) / Double(scale.people)
    uses = [Double](repeating: 0, count: catalog.features.count)
    var adopterUses = uses
    var adopters = uses
    for (role, count) in roleCounts.enumerated() where count > 0 {
      let shares = Self.shares(role: role, catalog: catalog)
      for feature in shares.indices where shares[feature] > 0 {
        let adoption = CatalogPlan.adoption(rank: catalog.features[feature].rank)
        uses[feature] += count * usesPerPerson * shares[feature] * adoption
        adopterUses[feature] += count * usesPerPerson * shares[feature]
        adopters[feature] += count
      }
    }
    usesPerAdopter = zip(adopterUses, adopters).map { $0 / max(1, $1) }
  }

  private static func roleCounts(_ roster: RosterPlan) -> [Double] {
    var counts = [Double](repeating: 0, count: OrganisationNames.roles.count)
    for person in roster.people where !person.isService {
      counts[person.assignments[0].role] += 1
    }
    return counts
  }

  /// The share of a person's uses that goes to each feature if they have adopted it, by role.
  private static func shares(role: Int, catalog: CatalogPlan) -> [Double] {
    var shares = [Double](repeating: 0, count: catalog.features.count)
    var total = 0.0
    for application in catalog.featureRanges.indices {
      let expected = catalog.featureRanges[application].filter { catalog.features[$0].isExpected(role: role) }
      guard !expected.isEmpty else { continue }
      let weight = catalog.applicationWeights[application]
      total += weight
      let popularities = expected.map { CatalogPlan.popularity(rank: catalog.features[$0].rank) }
      let adopted = zip(expected, popularities).map {
        $1 * CatalogPlan.adoption(rank: catalog.features[$0].rank)
      }.reduce(0, +)
      for (feature, popularity) in zip(expected, popularities) {
        shares[feature] = weight * popularity / adopted
      }
    }
    return shares.map { $0 / max(total, 1e-9) }
  }
}

extension CatalogPlan {
  /// Sets the days that make an adopter to about a third of the days an adopter is likely to come.
  mutating func setTargets(estimate: UsageEstimate, days: Int) {
    for feature in features.indices {
      let per28Days = estimate.usesPerAdopter[feature] * 28 / Double(days)
      features[feature].targetDays = min(max(1, Int(min(per28Days, 20) / 4)), 4)
    }
  }
}
