/// One call for help at the service desk.
package struct DemoTicket: Equatable, Sendable {
  /// Running number, from 1, in order of opening within each day.
  package internal(set) var number = 0
  /// Index into `DemoPlan.people`.
  package var person: Int
  /// Whether the desk knows the requester by address instead of by the roster's name.
  package var namesAddress: Bool
  /// Index into `DemoPlan.applicationNames`; nil if the ticket is about none.
  package var application: Int?
  /// When it was opened, in milliseconds since 1970-01-01.
  package var openedMilliseconds: Int64
  /// When someone first answered, in milliseconds since 1970-01-01.
  package var firstResponseMilliseconds: Int64
  /// When it was resolved, in milliseconds since 1970-01-01; nil if it still is open.
  package var resolvedMilliseconds: Int64?
  /// How often it was opened again.
  package var reopenCount: Int
  /// How often it went from one group to another.
  package var reassignmentCount: Int
  /// What it is about.
  package var category: String
  /// 1 (urgent) … 4.
  package var priority: Int
  /// 1 … 5; nil if the requester did not answer.
  package var satisfaction: Int?
  /// The desk's work on it, in minutes.
  package var effortMinutes: Int
  /// The group in charge.
  package var group: String
  /// Who in the group; nil if nobody.
  package var owner: String?
  /// 1 (first line) … 3.
  package var level: Int

  /// What the requester wrote; the same words come again, as they do.
  package var comment: String {
    let texts = OrganisationNames.ticketComments[category] ?? []
    guard !texts.isEmpty else { return "" }
    // No draw of its own, so that the rest of the organisation stays what its seed made it.
    return texts[(person &* 31 &+ Int(openedMilliseconds / 60_000)) % texts.count]
  }

  init(
    person: Int, application: Int?, isAboutFailure: Bool, openedMilliseconds: Int64,
    random: inout SplitMix64
  ) {
    self.person = person
    self.application = application
    self.openedMilliseconds = openedMilliseconds
    let categories = OrganisationNames.ticketCategories
    category = isAboutFailure ? categories[0] : categories[1 + random.below(categories.count - 1)]
    namesAddress = random.chance(0.3)
    let response = Int64(random.logNormal(median: 1_800_000, spread: 0.9))
    firstResponseMilliseconds = openedMilliseconds + response
    let resolution = Int64(random.logNormal(median: 18_000_000, spread: 1.2))
    resolvedMilliseconds = random.chance(0.9) ? firstResponseMilliseconds + resolution : nil
    reopenCount = random.chance(0.07) ? 1 + random.below(2) : 0
    reassignmentCount = random.chance(0.2) ? 1 + random.below(3) : 0
    priority = 1 + random.index(weights: [0.05, 0.2, 0.5, 0.25])
    satisfaction = random.chance(0.35) ? 1 + random.index(weights: [0.06, 0.09, 0.2, 0.4, 0.25]) : nil
    effortMinutes = Int(random.logNormal(median: 15, spread: 0.8))
    let groups = OrganisationNames.ticketGroups
    group = groups[random.below(groups.count)]
    owner = random.chance(0.95) ? "agent" + padded(1 + random.below(12), width: 2) : nil
    level = 1 + random.index(weights: [0.7, 0.25, 0.05])
  }
}
