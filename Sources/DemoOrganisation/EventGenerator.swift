/// Draws the events of a plan, day by day, each day in order of time.
///
///     var generator = EventGenerator(plan: plan)
///     while let events = generator.nextDay() { … }
///     let tickets = generator.tickets
///
/// A source's sequence numbers rise in order of time. Memory holds one day.
package struct EventGenerator {
  /// The tickets opened so far, in order of opening within each day; complete after the last day.
  package private(set) var tickets: [DemoTicket] = []

  private let plan: DemoPlan
  private var dayIndex = 0
  private var numbering: SequenceNumbering

  /// A generator that starts at the plan's first day.
  package init(plan: DemoPlan) {
    self.plan = plan
    numbering = SequenceNumbering(sources: plan.people.count, gaps: plan.sequenceGaps)
  }

  /// The events of the next day in order of time, none on a day nobody worked; nil after the last day.
  package mutating func nextDay() -> [DemoEvent]? {
    guard dayIndex < plan.scale.days else { return nil }
    var draft = DayDraft(plan: plan, dayIndex: dayIndex)
    for person in plan.people.indices {
      let quota = Int(plan.attendance.quotas[person][dayIndex])
      guard quota > 0 else { continue }
      if plan.people[person].isService {
        ServiceDay(plan: plan, dayIndex: dayIndex).run(quota: quota, into: &draft)
      } else {
        var day = PersonDay(plan: plan, person: person, dayIndex: dayIndex, quota: quota)
        day.run(into: &draft)
      }
    }
    addTickets(draft.tickets)
    dayIndex += 1
    return numbering.number(draft.events)
  }

  private mutating func addTickets(_ drafted: [DemoTicket]) {
    for var ticket in drafted.sorted(by: { $0.openedMilliseconds < $1.openedMilliseconds }) {
      ticket.number = tickets.count + 1
      tickets.append(ticket)
    }
  }
}

extension DemoPlan {
  /// Draws all events in order of time and gives each to `body`.
  ///
  /// - Returns: The tickets that people opened meanwhile.
  /// - Throws: What `body` throws, at once.
  @discardableResult
  package func forEachEvent<Failure: Error>(
    _ body: (borrowing DemoEvent) throws(Failure) -> Void
  ) throws(Failure) -> [DemoTicket] {
    var generator = EventGenerator(plan: self)
    while let events = generator.nextDay() {
      for event in events { try body(event) }
    }
    return generator.tickets
  }
}
