/// Which applications and features a person turns to in one assignment, and how often.
struct Habit: Sendable {
  /// The features of one application that the person uses.
  struct Application: Sendable {
    var application: Int
    var features: [Int]
    /// Running totals of the features' popularity, for drawing one.
    var cumulative: [Double]
    /// This application's weight added to those of the ones before it.
    var cumulativeWeight: Double
  }

  var applications: [Application] = []

  /// One of the applications, each as likely as its weight.
  func drawApplication(random: inout SplitMix64) -> Int {
    let aim = random.unit() * (applications.last?.cumulativeWeight ?? 0)
    return applications.firstIndex { aim < $0.cumulativeWeight } ?? applications.count - 1
  }
}

extension Habit.Application {
  /// The position of one of the features, each as likely as its popularity.
  func drawPosition(random: inout SplitMix64) -> Int {
    let aim = random.unit() * (cumulative.last ?? 0)
    return cumulative.firstIndex { aim < $0 } ?? cumulative.count - 1
  }
}

/// The habits of everyone, one for each row of the roster.
struct HabitPlan: Sendable {
  /// Per person, then per assignment.
  var habits: [[Habit]]

  init(scale: DemoScale, roster: RosterPlan, catalog: CatalogPlan, gaps: AdoptionGapPlan) {
    habits = roster.people.indices.map { person in
      roster.people[person].assignments.indices.map { row in
        var random = SplitMix64(seed: scale.seed, purpose: .habits, person, row)
        let assignment = roster.people[person].assignments[row]
        return Self.habit(assignment, catalog: catalog, gaps: gaps, random: &random)
      }
    }
  }

  private static func habit(
    _ assignment: DemoAssignment, catalog: CatalogPlan, gaps: AdoptionGapPlan, random: inout SplitMix64
  ) -> Habit {
    // A few people work with an application that nobody expects of them.
    let borrowed = random.chance(0.05) ? random.below(catalog.featureRanges.count) : -1
    var habit = Habit()
    var weight = 0.0
    for application in catalog.featureRanges.indices {
      let features = catalog.featureRanges[application].filter {
        isAdopted(
          $0, assignment, isBorrowed: application == borrowed, catalog: catalog, gaps: gaps, random: &random)
      }
      guard !features.isEmpty else { continue }
      let liking = random.logNormal(median: 1, spread: 0.25)
      weight += catalog.applicationWeights[application] * liking
      habit.applications.append(
        entry(application, features: features, weight: weight, catalog: catalog, random: &random))
    }
    if habit.applications.isEmpty {
      habit.applications = [entry(0, features: [0], weight: 1, catalog: catalog, random: &random)]
    }
    return habit
  }

  private static func isAdopted(
    _ feature: Int, _ assignment: DemoAssignment, isBorrowed: Bool, catalog: CatalogPlan,
    gaps: AdoptionGapPlan, random: inout SplitMix64
  ) -> Bool {
    let isExpected = catalog.features[feature].isExpected(role: assignment.role)
    let usual = CatalogPlan.adoption(rank: catalog.features[feature].rank)
    guard isExpected else { return random.chance(isBorrowed ? usual * 0.2 : 0) }
    let isGap = gaps.contains(department: assignment.department, feature: feature)
    return random.chance(isGap ? usual * AdoptionGapPlan.adoptionFactor : usual)
  }

  private static func entry(
    _ application: Int, features: [Int], weight: Double, catalog: CatalogPlan, random: inout SplitMix64
  ) -> Habit.Application {
    var total = 0.0
    let cumulative = features.map { feature in
      let liking = random.logNormal(median: 1, spread: 0.4)
      total += CatalogPlan.popularity(rank: catalog.features[feature].rank) * liking
      return total
    }
    return Habit.Application(
      application: application, features: features, cumulative: cumulative, cumulativeWeight: weight)
  }
}
