/// Who works on which day, and how many events each of those days brings: exact before any event is drawn.
struct AttendancePlan: Sendable {
  /// Events of the service account on one day.
  var serviceEventsPerDay: Int
  /// Events per person, then per day, the service account included.
  private(set) var quotas: [[Int32]]

  init(scale: DemoScale, roster: RosterPlan) {
    let servicePerDay = max(24, scale.events * 15 / 1_000 / scale.days)
    serviceEventsPerDay = servicePerDay
    let weights = roster.people.indices.map { person in
      Self.weights(person: person, scale: scale, roster: roster)
    }
    quotas = Self.shareOut(scale.events - servicePerDay * scale.days, weights: weights)
    quotas[roster.serviceAccount] = [Int32](repeating: Int32(servicePerDay), count: scale.days)
  }

  /// Events of a person over all days.
  func total(person: Int) -> Int {
    quotas[person].reduce(0) { $0 + Int($1) }
  }

  /// How much of the work each day brings: nothing on days off, little at weekends.
  private static func weights(person: Int, scale: DemoScale, roster: RosterPlan) -> [Double] {
    let member = roster.people[person]
    guard !member.isService, !roster.traits[person].isUnobserved else {
      return [Double](repeating: 0, count: scale.days)
    }
    var random = SplitMix64(seed: scale.seed, purpose: .attendance, person)
    let vacation = vacation(scale: scale, random: &random)
    return (0..<scale.days).map { index in
      let day = scale.firstDay + index
      let isWeekend = isWeekend(daysSince1970: day)
      let comes = random.chance(isWeekend ? 0.03 : 0.94)
      let amount = random.logNormal(median: isWeekend ? 0.3 : 1, spread: 0.2)
      let isAway = vacation.contains(index) || member.assignmentIndex(day: day) == nil
      return comes && !isAway ? amount * roster.traits[person].activity : 0
    }
  }

  /// Some people are away for a week or so.
  private static func vacation(scale: DemoScale, random: inout SplitMix64) -> Range<Int> {
    guard random.chance(0.12) else { return 0..<0 }
    let first = random.below(scale.days)
    return first..<(first + min(5 + random.below(7), scale.days / 2))
  }

  /// Divides `events` in proportion to the weights, rounding so that the sum is exact.
  private static func shareOut(_ events: Int, weights: [[Double]]) -> [[Int32]] {
    let total = weights.reduce(0) { $0 + $1.reduce(0, +) }
    var running = 0.0
    var given = 0
    var last = (person: 0, day: 0)
    var quotas = weights.map { [Int32](repeating: 0, count: $0.count) }
    for person in weights.indices {
      for day in weights[person].indices where weights[person][day] > 0 {
        running += weights[person][day]
        let upTo = min(events, Int(running / total * Double(events)))
        quotas[person][day] = Int32(upTo - given)
        given = upTo
        last = (person, day)
      }
    }
    quotas[last.person][last.day] += Int32(events - given)
    return quotas
  }
}
