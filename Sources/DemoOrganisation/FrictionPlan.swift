/// A feature planted as a bottleneck.
package struct DemoBottleneck: Equatable, Sendable {
  /// What is wrong with it.
  package enum Kind: String, Sendable {
    /// Many attempts fail, after a long wait.
    case failing
    /// Uses take several times as long at every site but the first.
    case slow
  }

  /// Index into `DemoPlan.features`.
  package var feature: Int
  /// What is wrong with it.
  package var kind: Kind
  /// Whether people open tickets because of it; if not, it is a silent bottleneck.
  package var isTicketed: Bool
}

/// A new version of one application, whose error rate jumps.
package struct DemoRollout: Equatable, Sendable {
  /// Index into `DemoPlan.applicationNames`.
  package var application: Int
  /// The version before.
  package var oldVersion: String
  /// The version that fails more.
  package var newVersion: String
  /// The first day of the new version, in days since 1970-01-01.
  package var fromDay: Int
}

/// What makes work with each feature fail or drag.
struct FrictionPlan: Sendable {
  /// What was planted about one feature.
  struct Friction: Sendable {
    /// The share of first attempts that fail.
    var failureShare: Double
    /// How much longer failed attempts take than good ones.
    var failedDurationFactor = 1.0
    /// How much longer uses take away from the first site.
    var remoteDurationFactor = 1.0
    /// Whether people open tickets because of it.
    var isTicketed = true
  }

  /// Per feature.
  var frictions: [Friction]
  var bottlenecks: [DemoBottleneck]
  var rollout: DemoRollout
  /// Added to the failure share of every feature of the rolled-out application from its first day on.
  var rolloutFailureShare: Double

  init(scale: DemoScale, catalog: CatalogPlan, estimate: UsageEstimate) {
    var random = SplitMix64(seed: scale.seed, purpose: .friction)
    rollout = Self.rollout(scale: scale, catalog: catalog, estimate: estimate, random: &random)
    rolloutFailureShare = random.uniform(0.09..<0.15)
    frictions = catalog.features.map { Friction(failureShare: $0.failureShare) }
    bottlenecks = []
    let chosen = Self.eligible(
      catalog: catalog, estimate: estimate, rolledOut: rollout.application, random: &random)
    let ticketed = random.permutation(chosen.count)
    for (index, feature) in chosen.enumerated() {
      plant(
        DemoBottleneck(
          feature: feature, kind: index % 2 == 0 ? .failing : .slow, isTicketed: ticketed[index] % 5 < 3),
        random: &random)
    }
    bottlenecks.sort { $0.feature < $1.feature }
  }

  private mutating func plant(_ bottleneck: DemoBottleneck, random: inout SplitMix64) {
    switch bottleneck.kind {
    case .failing:
      frictions[bottleneck.feature].failureShare = random.uniform(0.16..<0.42)
      frictions[bottleneck.feature].failedDurationFactor = random.uniform(1.8..<3.2)
    case .slow:
      frictions[bottleneck.feature].remoteDurationFactor = random.uniform(2.0..<4.5)
    }
    frictions[bottleneck.feature].isTicketed = bottleneck.isTicketed
    bottlenecks.append(bottleneck)
  }

  /// Features whose use is heavy, the very heaviest left out, in a random order.
  private static func eligible(
    catalog: CatalogPlan, estimate: UsageEstimate, rolledOut: Int, random: inout SplitMix64
  ) -> [Int] {
    let count = catalog.features.count
    let byTime = catalog.features.indices.sorted {
      estimate.uses[$0] * catalog.features[$0].typicalMilliseconds
        > estimate.uses[$1] * catalog.features[$1].typicalMilliseconds
    }
    let heavy = byTime[min(count / 60, count - 1)..<max(count / 6, min(2, count))].filter {
      !catalog.features[$0].isAutomatic
        && (catalog.features[$0].application != rolledOut || catalog.applicationNames.count == 1)
    }
    let order = random.permutation(heavy.count).map { heavy[$0] }
    return Array(order.prefix(min(max(count / 30, 2), 10)))
  }

  /// A new version, about a week before the last day, of an application that is not among the three most
  /// used.
  private static func rollout(
    scale: DemoScale, catalog: CatalogPlan, estimate: UsageEstimate, random: inout SplitMix64
  ) -> DemoRollout {
    let uses = catalog.featureRanges.map { estimate.uses[$0].reduce(0, +) }
    let byUse = catalog.applicationNames.indices.sorted { uses[$0] > uses[$1] }
    let candidates = byUse.count > 6 ? Array(byUse.dropFirst(3).dropLast(2)) : [byUse[byUse.count - 1]]
    let major = 2 + random.below(7)
    let minor = random.below(8)
    return DemoRollout(
      application: candidates[random.below(candidates.count)], oldVersion: "\(major).\(minor).1",
      newVersion: "\(major).\(minor + 1).0",
      fromDay: max(scale.firstDay, scale.lastDay - min(7, scale.days / 2) + random.below(3)))
  }
}
