/// How large the made-up organisation is, and over which days it is seen.
package struct DemoScale: Equatable, Sendable {
  /// Chooses everything random: the same seed and scale give the same bytes.
  package var seed: UInt64
  /// People on the roster, the service account not among them; at least 20.
  package var people: Int
  /// Applications in the catalog: 1 … 100.
  package var applications: Int
  /// Features of all applications together; at least one each.
  package var features: Int
  /// Days of events, weekends included; at least 1.
  package var days: Int
  /// Events that come out, exactly; at least one per person and 24 a day.
  package var events: Int
  /// The last day with events, in days since 1970-01-01 (UTC).
  package var lastDay: Int

  /// Numbers below the smallest sensible scale are raised to it.
  package init(
    seed: UInt64, people: Int, applications: Int, features: Int, days: Int, events: Int, lastDay: Int
  ) {
    self.seed = seed
    self.people = max(20, people)
    self.applications = min(max(1, applications), 100)
    self.features = min(max(self.applications, features), 30_000)
    self.days = max(1, days)
    self.events = max(events, self.people + 24 * self.days)
    self.lastDay = max(lastDay, self.days)
  }

  /// The first day with events, in days since 1970-01-01.
  package var firstDay: Int { lastDay - days + 1 }
}
