/// The events and tickets of one day while they are drawn, in no order and without sequence numbers.
struct DayDraft {
  var events: [DemoEvent] = []
  var tickets: [DemoTicket] = []
  /// The start of the day, in milliseconds since 1970-01-01.
  let startMilliseconds: Int64
  /// The version that each application runs on this day.
  let versions: [Int16]

  init(plan: DemoPlan, dayIndex: Int) {
    let day = plan.scale.firstDay + dayIndex
    startMilliseconds = Int64(day) * millisecondsPerDay
    var versions = plan.applicationNames.indices.map { Int16($0) }
    if day >= plan.rollout.fromDay {
      versions[plan.rollout.application] = Int16(plan.applicationNames.count)
    }
    self.versions = versions
    events.reserveCapacity(plan.eventCount / plan.scale.days * 2)
  }

  /// The time of a moment of the day; a moment after its end becomes its last millisecond.
  func time(_ millisecondsAfterMidnight: Double) -> Int64 {
    startMilliseconds + min(Int64(millisecondsAfterMidnight), millisecondsPerDay - 1)
  }
}
