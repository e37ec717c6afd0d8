/// One day of the service account: the same few calls around the clock, quick and even, as no person works.
struct ServiceDay {
  private let plan: DemoPlan
  private let dayIndex: Int

  init(plan: DemoPlan, dayIndex: Int) {
    self.plan = plan
    self.dayIndex = dayIndex
  }

  func run(quota: Int, into draft: inout DayDraft) {
    var random = SplitMix64(seed: plan.scale.seed, purpose: .serviceAccount, dayIndex)
    let step = Double(millisecondsPerDay) / Double(quota)
    // The third application is the one that integrations talk to: the ERP, if there are that many.
    let range = plan.catalog.featureRanges[min(2, plan.catalog.featureRanges.count - 1)]
    for index in 0..<quota {
      let clock = (Double(index) + random.unit() * 0.1) * step
      let feature = range.lowerBound + index % min(3, range.count)
      let duration = UInt32(100 + random.below(80))
      draft.events.append(
        event(feature, clock: clock, duration: duration, fails: random.chance(0.002), draft))
    }
  }

  private func event(
    _ feature: Int, clock: Double, duration: UInt32, fails: Bool, _ draft: borrowing DayDraft
  ) -> DemoEvent {
    let application = plan.catalog.features[feature].application
    return DemoEvent(
      timeMilliseconds: draft.time(clock), person: Int32(plan.roster.serviceAccount), sequence: 0,
      durationMilliseconds: duration, session: nil, feature: Int16(feature), application: Int16(application),
      version: draft.versions[application], cause: nil, kind: .use, outcome: fails ? .error : .success,
      namesHost: true)
  }
}
