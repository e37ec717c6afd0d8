import Aggregation
import UsageModel

/// Whether events were collected as completely after a change as before it.
///
/// Silence is compared over stretches of equal length and weekdays, so that holidays of a few, or a short
/// time after, do not pass for an end of collection.
struct CollectionCheck {
  /// One side.
  private struct Side {
    var events: Int64 = 0
    /// Days without an event by anyone.
    var emptyDays = 0
    /// Known sources without an event in the last week of the stretch.
    var silentSources = 0
    /// Numbers missing in gaps that meet the side.
    var missingNumbers: Int64 = 0
    /// Reached people of that time, and those among them without an event.
    var people = 0
    var dark = 0

    var darkShare: Double? { people > 0 ? Double(dark) / Double(people) : nil }
  }

  /// Days of a stretch in which a source must speak.
  private static let speakingDays = 7
  /// Largest difference of silent sources or dark people between the sides, as a share.
  private static let shareMax = 0.05
  /// Largest share of missing numbers.
  private static let missingMax = 0.01

  private var before = Side()
  private var after = Side()
  private let sourceCount: Int
  /// Whether too few people were reached to say anything about them.
  private let isFew: Bool
  private(set) var warnings: [String] = []

  /// Whether the two sides can be compared.
  var isComplete: Bool { warnings.isEmpty }

  init(_ study: ChangeStudy, gaps: [SequenceGap]) {
    let scope = study.scope
    isFew = study.isFew
    let activity = Activity(study)
    let afterDays = study.after.dayCount
    // The same weekdays four weeks earlier, as far as they lie before the change.
    let earlier = Window(
      from: study.after.from.advanced(by: -ChangeStudy.dayCount),
      to: min(study.before.to, study.after.to.advanced(by: -ChangeStudy.dayCount)))
    sourceCount = activity.lastDays.count
    let speaking = min(Self.speakingDays, afterDays)
    after.silentSources = activity.silentSources(
      Window(from: study.after.to.advanced(by: -speaking), to: study.after.to))
    before.silentSources = activity.silentSources(
      Window(from: earlier.to.advanced(by: -speaking), to: earlier.to))
    (before.people, before.dark) = activity.darkPeople(study, earlier)
    (after.people, after.dark) = activity.darkPeople(study, study.after)
    before.events = activity.events(in: study.before)
    after.events = activity.events(in: study.after)
    before.emptyDays = activity.emptyDays(study.before).count
    after.emptyDays = activity.emptyDays(study.after).count
    before.missingNumbers = Self.missing(gaps, WindowBounds(window: study.before, rules: scope.options.zone))
    after.missingNumbers = Self.missing(gaps, WindowBounds(window: study.after, rules: scope.options.zone))
    judge(study, activity)
  }

  private static func missing(_ gaps: [SequenceGap], _ bounds: WindowBounds) -> Int64 {
    gaps.filter {
      $0.span.upperBound >= bounds.span.lowerBound && $0.span.lowerBound < bounds.span.upperBound
    }.reduce(0) { $0 + $1.missingCount }
  }

  private mutating func judge(_ study: ChangeStudy, _ activity: Activity) {
    for (name, side) in [("before", before), ("after", after)] {
      if side.events == 0 {
        warnings.append("collection \(name) the change: no event at all")
      } else if Double(side.missingNumbers) > Self.missingMax * Double(side.events) {
        warnings.append(
          "collection \(name) the change: \(side.missingNumbers) numbers of sources never arrived, beside "
            + "\(side.events) events that did")
      }
    }
    let moved = after.silentSources - before.silentSources
    if Double(abs(moved)) > Self.shareMax * Double(max(1, sourceCount)) {
      warnings.append(
        "collection: of \(sourceCount) sources \(before.silentSources) were silent in the week compared "
          + "before the change, and \(after.silentSources) in the last one after it")
    }
    if !isFew, let early = before.darkShare, let late = after.darkShare, abs(late - early) > Self.shareMax {
      warnings.append("collection: another share of the people is dark after the change than before it")
    }
    for (name, side, other) in [
      ("before", study.before, study.after), ("after", study.after, study.before),
    ] {
      let odd = activity.emptyDays(side).filter { day in
        let peers = activity.days(other, likeWeekdayOf: day)
        return !peers.isEmpty && peers.allSatisfy(activity.hasEvents)
      }
      if let first = odd.first {
        warnings.append(
          "collection \(name) the change: \(odd.count) days without any event, the first on \(first), where "
            + "such weekdays have some")
      }
    }
  }

  /// The rows of the report that say how complete collection was.
  var rows: [[ReportValue]] {
    func row(_ measure: String, _ before: ReportValue, _ after: ReportValue) -> [ReportValue] {
      [
        .text("collection"), .null, .null, .text(measure), before, after, .null, .null, .null,
        .text(isComplete ? "complete" : "incomplete collection"),
      ]
    }
    return [
      row("events", .integer(before.events), .integer(after.events)),
      row("empty_days", ReportValue(count: before.emptyDays), ReportValue(count: after.emptyDays)),
      row("sources", ReportValue(count: sourceCount), ReportValue(count: sourceCount)),
      row(
        "silent_sources", ReportValue(count: before.silentSources), ReportValue(count: after.silentSources)),
      row("missing_numbers", .integer(before.missingNumbers), .integer(after.missingNumbers)),
      row(
        "dark_share", isFew ? .null : ReportValue(before.darkShare),
        isFew ? .null : ReportValue(after.darkShare)),
    ]
  }
}

/// On which days sources and people spoke, before and after a change.
private struct Activity {
  private let first: CivilDay
  /// By day: events of anyone.
  private var counts: [Int64]
  /// By source: the days (from the first) with an event.
  private(set) var lastDays: [UInt32: Set<Int32>] = [:]
  /// By member reached: the days with an event.
  private var daysOfMember: [Int32: Set<Int32>] = [:]

  init(_ study: ChangeStudy) {
    let scope = study.scope
    first = scope.window.from
    counts = [Int64](repeating: 0, count: scope.window.dayCount)
    var cursor = DayCursor(rules: scope.options.zone)
    let columns = scope.columns
    let span = scope.bounds.span
    for row in 0..<columns.rowCount where span.contains(columns.start[row]) {
      guard scope.keys.rankOfFeature[Int(columns.feature[row])] >= 0 else { continue }
      let day = Int32(truncatingIfNeeded: cursor.day(of: columns.start[row])) - first.number
      guard day >= 0, Int(day) < counts.count else { continue }
      counts[Int(day)] += 1
      if columns.source[row] != 0 { lastDays[columns.source[row], default: []].insert(day) }
      let member = scope.keys.personOfUser[Int(columns.user[row])]
      if member >= 0, study.isReached[Int(member)] { daysOfMember[member, default: []].insert(day) }
    }
  }

  private func place(_ day: CivilDay) -> Int32 { day.number - first.number }

  func hasEvents(_ day: CivilDay) -> Bool {
    let place = Int(place(day))
    return counts.indices.contains(place) && counts[place] > 0
  }

  func events(in window: Window) -> Int64 {
    (0..<window.dayCount).reduce(0) { sum, offset in
      let place = Int(place(window.from)) + offset
      return sum + (counts.indices.contains(place) ? counts[place] : 0)
    }
  }

  func emptyDays(_ window: Window) -> [CivilDay] {
    (0..<window.dayCount).map { window.from.advanced(by: $0) }.filter { !hasEvents($0) }
  }

  /// The days of a stretch that fall on the same weekday as another day.
  func days(_ window: Window, likeWeekdayOf day: CivilDay) -> [CivilDay] {
    (0..<window.dayCount).map { window.from.advanced(by: $0) }.filter {
      (Int($0.number) - Int(day.number)) % 7 == 0
    }
  }

  func silentSources(_ window: Window) -> Int {
    let days = place(window.from)..<max(place(window.from), place(window.to))
    return lastDays.values.count { spoken in !spoken.contains { days.contains($0) } }
  }

  /// Reached people active on some day of a stretch, and those of them without an event in it.
  func darkPeople(_ study: ChangeStudy, _ window: Window) -> (people: Int, dark: Int) {
    let days = place(window.from)..<max(place(window.from), place(window.to))
    var people = 0
    var dark = 0
    for member in study.isReached.indices where study.isReached[member] && study.isActive(member, window) {
      people += 1
      let spoken = daysOfMember[Int32(truncatingIfNeeded: member)] ?? []
      if !spoken.contains(where: { days.contains($0) }) { dark += 1 }
    }
    return (people, dark)
  }
}
