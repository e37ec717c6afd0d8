/// One row of the roster: where a person worked from one day to another.
package struct DemoAssignment: Equatable, Sendable {
  /// Index into `DemoPlan.departmentNames`.
  package var department: Int
  /// Index into `DemoPlan.roleNames`.
  package var role: Int
  /// Index into `DemoPlan.siteNames`; the first site has the fast network.
  package var site: Int
  /// Index into `DemoPlan.people`; nil for the head of the organisation and for service accounts.
  package var manager: Int?
  /// The first day, in days since 1970-01-01.
  package var activeFromDay: Int
  /// The day after the last, in days since 1970-01-01; nil while it lasts.
  package var activeToDay: Int?

  /// Whether the person had this assignment on a day, counted from 1970-01-01.
  package func isActive(day: Int) -> Bool {
    guard day >= activeFromDay else { return false }
    return activeToDay.map { day < $0 } ?? true
  }
}

/// A member of the made-up organisation.
package struct DemoPerson: Equatable, Sendable {
  /// The roster's `user`, such as `u0001`.
  package var user: String
  /// Other names of the person: a login and an address.
  package var aliases: [String]
  /// Whether events carry the login instead of the roster's name.
  package var sendsLogin: Bool
  /// Whether this is an account of a machine and not a person.
  package var isService: Bool
  /// One row of the roster each; movers have two.
  package var assignments: [DemoAssignment]

  /// The index of the assignment that holds on a day, counted from 1970-01-01.
  package func assignmentIndex(day: Int) -> Int? {
    assignments.firstIndex { $0.isActive(day: day) }
  }
}

/// What about a person shows in how they work, and nowhere in the roster.
struct PersonTraits: Sendable {
  /// Events compared with the average person's.
  var activity: Double
  /// Durations compared with the average person's.
  var slowness: Double
  /// The usual start of the working day, in milliseconds after midnight.
  var startMilliseconds: Double
  /// How readily the person opens tickets, compared with the average.
  var callReadiness: Double
  /// Whether the person's sender names sessions.
  var namesSessions: Bool
  /// Whether planted as failing often and never calling or asking.
  var isSilent = false
  /// Whether planted as having no events at all.
  var isUnobserved = false
}

/// The people: roster rows, habits of work, and who was planted as what.
struct RosterPlan: Sendable {
  /// The last one is the service account.
  var people: [DemoPerson]
  var traits: [PersonTraits]
  var movers: [Int] = []
  var silentPeople: [Int] = []
  var serviceAccount: Int

  init(scale: DemoScale) {
    let width = max(4, String(scale.people).count)
    var heads = [Int?](repeating: nil, count: OrganisationNames.departments.count)
    people = []
    traits = []
    for index in 0..<scale.people {
      var random = SplitMix64(seed: scale.seed, purpose: .roster, index)
      people.append(Self.person(index, width: width, heads: &heads, scale: scale, random: &random))
      var traitRandom = SplitMix64(seed: scale.seed, purpose: .traits, index)
      traits.append(Self.traits(random: &traitRandom))
    }
    serviceAccount = people.count
    people.append(Self.service(scale: scale))
    traits.append(
      PersonTraits(
        activity: 1, slowness: 1, startMilliseconds: 0, callReadiness: 0, namesSessions: false))
    castSpecialPeople(scale: scale)
  }

  private static func person(
    _ index: Int, width: Int, heads: inout [Int?], scale: DemoScale, random: inout SplitMix64
  ) -> DemoPerson {
    let number = padded(index + 1, width: width)
    let department = random.index(weights: OrganisationNames.departments.map(\.weight))
    let isHead = heads[department] == nil
    let role = isHead ? OrganisationNames.managerRole : drawRole(department: department, random: &random)
    let manager = isHead ? (index == 0 ? nil : 0) : heads[department]
    if isHead { heads[department] = index }
    let assignment = DemoAssignment(
      department: department, role: role,
      site: random.index(weights: OrganisationNames.sites.map(\.weight)), manager: manager,
      activeFromDay: max(0, scale.firstDay - 60 - random.below(4_000)), activeToDay: nil)
    return DemoPerson(
      user: "u" + number, aliases: ["login" + number, "login" + number + "@example.org"],
      sendsLogin: random.chance(0.1), isService: false, assignments: [assignment])
  }

  private static func drawRole(department: Int, random: inout SplitMix64) -> Int {
    if random.chance(0.4) { return OrganisationNames.departments[department].commonRole }
    return random.index(weights: OrganisationNames.roles.map(\.weight))
  }

  private static func traits(random: inout SplitMix64) -> PersonTraits {
    PersonTraits(
      activity: random.logNormal(median: 1, spread: 0.25),
      slowness: random.logNormal(median: 1, spread: 0.12),
      startMilliseconds: 8.25 * 3_600_000 + random.normal() * 1_500_000,
      callReadiness: random.logNormal(median: 0.7, spread: 1),
      namesSessions: random.chance(0.75))
  }

  private static func service(scale: DemoScale) -> DemoPerson {
    let department = OrganisationNames.departments.count - 1
    let assignment = DemoAssignment(
      department: department, role: 3, site: 0, manager: nil,
      activeFromDay: max(0, scale.firstDay - 400), activeToDay: nil)
    return DemoPerson(
      user: "svc-integration", aliases: ["svc-integration@example.org"], sendsLogin: false, isService: true,
      assignments: [assignment])
  }
}

// Who is a mover, a leaver, a joiner, silent or unobserved: nobody is two of them.
extension RosterPlan {
  private mutating func castSpecialPeople(scale: DemoScale) {
    var random = SplitMix64(seed: scale.seed, purpose: .roster, -1)
    // Heads of departments stay: everyone's manager is among the first people of a department.
    let heads = Set(people.flatMap(\.assignments).compactMap(\.manager))
    var cast = random.permutation(scale.people).filter { !heads.contains($0) && $0 != 0 }
    func take(_ share: Double, atLeast: Int, atMost: Int = .max) -> [Int] {
      let count = min(cast.count, max(atLeast, min(atMost, Int(Double(scale.people) * share))))
      defer { cast.removeFirst(count) }
      return Array(cast.prefix(count))
    }
    silentPeople = take(0.005, atLeast: 3, atMost: 10).sorted()
    let unobserved = take(0.03, atLeast: 1)
    movers = take(0.02, atLeast: 1).sorted()
    let leavers = take(0.01, atLeast: 1)
    let joiners = take(0.015, atLeast: 1)
    for index in silentPeople { makeSilent(index, random: &random) }
    for index in unobserved { traits[index].isUnobserved = true }
    for index in movers { move(index, scale: scale, random: &random) }
    for index in leavers {
      people[index].assignments[0].activeToDay = Self.dayInside(scale, random: &random)
    }
    for index in joiners {
      people[index].assignments[0].activeFromDay = Self.dayInside(scale, random: &random)
    }
  }

  private mutating func makeSilent(_ index: Int, random: inout SplitMix64) {
    traits[index].isSilent = true
    traits[index].callReadiness = 0
    traits[index].activity = random.uniform(0.9..<1.3)
  }

  /// Gives a person a second row, in another department, from a day within the events' days on.
  private mutating func move(_ index: Int, scale: DemoScale, random: inout SplitMix64) {
    let day = Self.dayInside(scale, random: &random)
    var second = people[index].assignments[0]
    let departments = OrganisationNames.departments.count
    second.department = (second.department + 1 + random.below(departments - 1)) % departments
    second.role = Self.drawRole(department: second.department, random: &random)
    second.manager = people.firstIndex { $0.assignments[0].department == second.department }
    second.activeFromDay = day
    people[index].assignments[0].activeToDay = day
    people[index].assignments.append(second)
  }

  private static func dayInside(_ scale: DemoScale, random: inout SplitMix64) -> Int {
    scale.firstDay + scale.days / 5 + random.below(max(1, scale.days * 3 / 5))
  }
}

/// A number with leading zeros.
func padded(_ number: Int, width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
