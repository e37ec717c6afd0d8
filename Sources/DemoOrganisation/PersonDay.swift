/// One person's working day.
///
/// Stretches of work with one application after another, until the day's quota of events is used up.
struct PersonDay {
  private let plan: DemoPlan
  private let person: Int
  private let traits: PersonTraits
  private let habit: Habit
  private let isRemote: Bool
  /// The day, in days since 1970-01-01.
  private let day: Int
  private let session: Int32?
  private var remaining: Int
  private var random: SplitMix64
  /// Milliseconds after midnight.
  private var clock: Double

  /// When people go home, in milliseconds after midnight.
  private static let endOfWork = 17.5 * 3_600_000
  /// What an event takes with the thinking around it, on average, in milliseconds: for spreading work over
  /// the day.
  private static let usualPace = 75_000.0

  init(plan: DemoPlan, person: Int, dayIndex: Int, quota: Int) {
    self.plan = plan
    self.person = person
    day = plan.scale.firstDay + dayIndex
    traits = plan.roster.traits[person]
    let row = plan.people[person].assignmentIndex(day: day) ?? 0
    habit = plan.habits.habits[person][row]
    isRemote = plan.people[person].assignments[row].site != 0
    session = traits.namesSessions ? Int32(person * plan.scale.days + dayIndex) : nil
    remaining = quota
    random = SplitMix64(seed: plan.scale.seed, purpose: .personDay, person, dayIndex)
    clock = max(0, traits.startMilliseconds + random.normal() * 900_000)
  }

  mutating func run(into draft: inout DayDraft) {
    logOn(into: &draft)
    while remaining > 0 {
      workStretch(into: &draft)
      pause()
    }
    openOrdinaryTicket(into: &draft)
  }

  private mutating func logOn(into draft: inout DayDraft) {
    guard remaining > 3, random.chance(0.14) else { return }
    let application = habit.applications[habit.drawApplication(random: &random)].application
    interrupt(application, cause: 3, medianMilliseconds: 100_000, into: &draft)
  }

  /// Time until the next stretch of work: what is left of the day, shared out.
  private mutating func pause() {
    let idle = max(0, Self.endOfWork - clock - Double(remaining) * Self.usualPace)
    let stretches = max(1, Double(remaining) / 8)
    clock += 20_000 + idle / stretches * random.uniform(0.3..<1.5)
  }

  private mutating func emit(
    _ kind: DemoEventKind, _ application: Int, feature: Int? = nil, outcome: DemoOutcome = .success,
    cause: Int8? = nil, duration: Double?, into draft: inout DayDraft
  ) {
    draft.events.append(
      DemoEvent(
        timeMilliseconds: draft.time(clock), person: Int32(person), sequence: 0,
        durationMilliseconds: duration.map { UInt32($0) }, session: session,
        feature: feature.map { Int16($0) }, application: Int16(application),
        version: draft.versions[application], cause: cause, kind: kind, outcome: outcome,
        namesHost: kind == .focus || kind == .interruption))
    remaining -= 1
  }
}

// A stretch of work with one application.
extension PersonDay {
  private mutating func workStretch(into draft: inout DayDraft) {
    let entry = habit.applications[habit.drawApplication(random: &random)]
    let begin = clock
    let focus = remaining > 1 ? draft.events.count : nil
    // The duration of the focus is filled in when the stretch is over.
    if focus != nil { emit(.focus, entry.application, duration: 0, into: &draft) }
    if remaining > 1 && random.chance(0.12) { interrupt(entry.application, into: &draft) }
    useFeatures(of: entry, into: &draft)
    if let focus {
      clock += random.uniform(1_000..<30_000)
      draft.events[focus].durationMilliseconds = UInt32(clock - begin)
    }
  }

  private mutating func useFeatures(of entry: Habit.Application, into draft: inout DayDraft) {
    var position = entry.drawPosition(random: &random)
    for _ in 0..<(2 + random.below(9)) where remaining > 0 {
      let feature = entry.features[position]
      attempt(feature, into: &draft)
      let typical = plan.catalog.features[feature].typicalMilliseconds
      clock += typical * random.logNormal(median: 1.5, spread: 0.6)
      // Some features follow one another, as steps of a piece of work do.
      position =
        random.chance(0.2)
        ? (position + 1) % entry.features.count : entry.drawPosition(random: &random)
    }
  }

  private mutating func interrupt(_ application: Int, into draft: inout DayDraft) {
    switch random.unit() {
    case ..<0.25: interrupt(application, cause: 0, medianMilliseconds: 75_000, into: &draft)
    case ..<0.37: interrupt(application, cause: 1, medianMilliseconds: 360_000, into: &draft)
    default: interrupt(application, cause: 2, medianMilliseconds: 7_000, into: &draft)
    }
  }

  private mutating func interrupt(
    _ application: Int, cause: Int8, medianMilliseconds: Double, into draft: inout DayDraft
  ) {
    let duration = random.logNormal(median: medianMilliseconds, spread: 0.4)
    emit(.interruption, application, cause: cause, duration: duration, into: &draft)
    clock += duration
  }
}

// Attempts, retries, and what people do when nothing helps.
extension PersonDay {
  private mutating func attempt(_ feature: Int, into draft: inout DayDraft) {
    let begin = clock
    var failures = 0
    while remaining > 0 {
      let fails = random.chance(failureProbability(feature, failuresBefore: failures))
      use(feature, fails: fails, into: &draft)
      guard fails else { break }
      failures += 1
      seekHelp(feature, failures: failures, into: &draft)
      guard failures < 6, random.chance(0.8) else { break }
      clock += random.uniform(2_000..<15_000)
    }
    if failures > 1 { openTicket(feature, failures: failures, begin: begin, into: &draft) }
  }

  private func failureProbability(_ feature: Int, failuresBefore: Int) -> Double {
    let friction = plan.friction.frictions[feature]
    var first = friction.failureShare
    if traits.isSilent { first += 0.12 }
    let rollout = plan.rollout
    if plan.catalog.features[feature].application == rollout.application && day >= rollout.fromDay {
      first += plan.friction.rolloutFailureShare
    }
    // What has just failed is likelier to fail again.
    return failuresBefore == 0 ? first : max(traits.isSilent ? 0.6 : 0.25, first + 0.15)
  }

  private mutating func use(_ feature: Int, fails: Bool, into draft: inout DayDraft) {
    let entry = plan.catalog.features[feature]
    let friction = plan.friction.frictions[feature]
    var factor = traits.slowness
    if fails { factor *= friction.failedDurationFactor }
    if isRemote { factor *= friction.remoteDurationFactor }
    let duration = random.logNormal(median: entry.typicalMilliseconds * factor, spread: 0.45)
    let failure: DemoOutcome = random.chance(0.8) ? .error : .abandoned
    emit(
      .use, entry.application, feature: feature, outcome: fails ? failure : .success,
      duration: random.chance(0.99) ? duration : nil, into: &draft)
    clock += duration
  }

  private mutating func seekHelp(_ feature: Int, failures: Int, into draft: inout DayDraft) {
    guard failures > 1, remaining > 0, !traits.isSilent, random.chance(0.35) else { return }
    let duration = random.logNormal(median: 75_000, spread: 0.5)
    let application = plan.catalog.features[feature].application
    emit(.help, application, feature: feature, duration: duration, into: &draft)
    clock += duration
  }
}

// Tickets.
extension PersonDay {
  /// A ticket because of failures, unless the person or the feature was planted as silent.
  private mutating func openTicket(
    _ feature: Int, failures: Int, begin: Double, into draft: inout DayDraft
  ) {
    let probability = (failures > 2 ? 0.25 : 0.04) * min(traits.callReadiness, 3)
    guard plan.friction.frictions[feature].isTicketed, random.chance(probability) else { return }
    let delay = random.uniform(120_000..<5_400_000)
    draft.tickets.append(
      DemoTicket(
        person: person, application: plan.catalog.features[feature].application, isAboutFailure: true,
        openedMilliseconds: draft.time(clock) + Int64(delay), random: &random))
  }

  /// A ticket about something no event tells of: a password, a question, a wish.
  private mutating func openOrdinaryTicket(into draft: inout DayDraft) {
    guard random.chance(0.02 * traits.callReadiness) else { return }
    let application = habit.applications[habit.drawApplication(random: &random)].application
    draft.tickets.append(
      DemoTicket(
        person: person, application: random.chance(0.7) ? application : nil, isAboutFailure: false,
        openedMilliseconds: draft.time(random.uniform(28_800_000..<61_200_000)), random: &random))
  }
}
