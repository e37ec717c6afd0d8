/// One feature of the catalog.
package struct DemoFeature: Equatable, Sendable {
  /// Index into `DemoPlan.applicationNames`.
  package var application: Int
  /// The feature's name within its application, such as `order.create`.
  package var name: String
  /// Indices into `DemoPlan.roleNames` of the roles expected to use it; nil for everyone.
  package var roles: [Int]?
  /// Days with a use, per 28 days, that make a person an adopter.
  package var targetDays: Int
  /// The duration that the organisation aims at, in milliseconds, if it has set one.
  package var targetMilliseconds: Int?
  /// What the feature is for; features of one category can replace each other.
  package var category: String
  /// Whether it must stay however rarely it is used.
  package var isCritical: Bool
  /// Whether its uses are no person's acts.
  package var isAutomatic: Bool

  /// Popularity within the application: 0 is used most.
  var rank: Int
  /// Median duration of a use by an average person without friction, in milliseconds.
  var typicalMilliseconds: Double
  /// The share of first attempts that fail without planted friction.
  var failureShare: Double

  /// Whether people of a role are expected to use the feature.
  func isExpected(role: Int) -> Bool {
    roles.map { $0.contains(role) } ?? true
  }
}

/// The applications and features, and how much each is used.
struct CatalogPlan: Sendable {
  var applicationNames: [String]
  /// How much of the working day goes to each application, relative to the others.
  var applicationWeights: [Double]
  /// In order of application, then popularity.
  var features: [DemoFeature]
  /// The features of each application.
  var featureRanges: [Range<Int>]

  init(scale: DemoScale) {
    applicationNames = []
    applicationWeights = []
    features = []
    featureRanges = []
    for application in 0..<scale.applications {
      var random = SplitMix64(seed: scale.seed, purpose: .catalog, application)
      let known = OrganisationNames.applications
      let template = known[application % known.count]
      let copy = application / known.count
      applicationNames.append(copy == 0 ? template.name : template.name + String(copy + 1))
      applicationWeights.append(template.weight)
      let share = scale.features / scale.applications
      let count = share + (application < scale.features % scale.applications ? 1 : 0)
      let first = features.count
      features += Self.features(application, template: template, count: count, random: &random)
      featureRanges.append(first..<features.count)
    }
  }

  private static func features(
    _ application: Int, template: OrganisationNames.Application, count: Int, random: inout SplitMix64
  ) -> [DemoFeature] {
    let order = random.permutation(count)
    return (0..<count).map { rank in
      feature(application, template: template, rank: rank, number: order[rank], random: &random)
    }
  }

  private static func feature(
    _ application: Int, template: OrganisationNames.Application, rank: Int, number: Int,
    random: inout SplitMix64
  ) -> DemoFeature {
    let names = template.featureNames
    let name = names[number % names.count]
    let round = number / names.count
    let typical = 1_000 * powerOfTwo(random.uniform(3.6..<5.6))
    return DemoFeature(
      application: application, name: name + (round == 0 ? "" : String(round + 1)),
      roles: name.hasSuffix(".approve") ? [OrganisationNames.managerRole] : template.roles, targetDays: 1,
      targetMilliseconds: random.chance(0.3) ? Int(typical / 1_000) * 1_000 : nil,
      category: template.category + "." + name.prefix { $0 != "." }, isCritical: random.chance(0.04),
      isAutomatic: OrganisationNames.automaticFeatures.contains(name), rank: rank,
      typicalMilliseconds: typical, failureShare: random.uniform(0.005..<0.02))
  }

  /// The weight of a popularity rank: Zipf's law in Mandelbrot's form, with exponent 1.
  static func popularity(rank: Int) -> Double {
    1 / Double(rank + 3)
  }

  /// The probability that an expected person uses a feature of this rank at all.
  static func adoption(rank: Int) -> Double {
    max(0.25, 0.96 - 0.03 * Double(rank))
  }
}
