import Aggregation
import UsageModel

/// Measures the tested span and those it is compared with, and tests every figure the same way.
struct AlertSurvey {
  let spans: AlertSpans
  private(set) var suppressedCount = 0
  private(set) var warnings: [String] = []
  private var tested: AlertMeasures?
  private var before: [AlertMeasures] = []
  private let minimumPeople: Int
  private let collection: (silentDays: Int64, usualMax: Int64)?

  /// Days before the tested span whose benchmarks all spans are measured against.
  private static let benchmarkDays = 56
  /// Days without an event from which their number can be an alert.
  private static let silentDaysMin: Int64 = 2
  /// Sources heard from regularly, from which their silence is tested.
  private static let regularSourcesMin: Int64 = 5

  /// - Throws: `QueryError` for options that cannot be met, and whatever reading the store throws.
  init(_ data: some UsageData, _ options: QueryOptions, _ alertOptions: AlertOptions) throws {
    let zone = options.zone
    let today = alertOptions.until ?? zone.day(of: options.nowMilliseconds)
    let limit = WindowBounds(window: Window(from: today.advanced(by: -1), to: today), rules: zone).span
    let newest = try data.newestEventMilliseconds(before: limit.upperBound).map(zone.day)
    let first = try data.eventBounds().map { zone.day(of: $0.lowerBound) }
    let to = min(today, newest?.advanced(by: 1) ?? today)
    let since = alertOptions.since ?? alertOptions.markedDay ?? to.advanced(by: -7)
    spans = AlertSpans(
      tested: Window(from: min(since, to.advanced(by: -1)), to: to), firstDay: first ?? to)
    minimumPeople = max(options.minimumGroupSize, 1)
    let days = try Self.sourceDays(data, zone: zone, from: spans.tested.from, to: to)
    collection = newest.map { Self.collection(days, newest: $0, today: today) }
    if since >= to {
      warnings.append("no whole day with events has passed since \(since): only collection was looked at")
      return
    }
    if spans.tested.from > since {
      warnings.append("only the last \(AlertSpans.dayCountMax) days since \(since) were looked at")
    }
    try measure(data, options, days)
    warnForMissing()
  }

  private mutating func measure(
    _ data: some UsageData, _ options: QueryOptions, _ days: SourceDays
  ) throws {
    var options = options
    options.groupBy = []
    let earlier = Window(from: spans.tested.from.advanced(by: -Self.benchmarkDays), to: spans.tested.from)
    options.window = .days(earlier)
    let scope = try ReportScope(data, options, reach: .window, columns: [.user, .feature, .kind, .start])
    var isUsed = [Bool](repeating: false, count: scope.features.names.count)
    scope.columns.markUsedFeatures(&isUsed, keys: scope.keys, bounds: scope.bounds)
    if case .current = options.benchmark {
      let set = try UsageReports.benchmarkSet(named: "before", data, options)
      options.benchmark = .frozen(set)
    }
    func measured(_ span: Window) throws -> AlertMeasures {
      var measures = try AlertMeasures(data, options, span, isExpected: isUsed)
      measures.setSilence(Self.silence(days, span))
      return measures
    }
    tested = try measured(spans.tested)
    before = try spans.comparable.map(measured)
  }

  private mutating func warnForMissing() {
    if spans.comparable.count < RobustTest.valuesMin {
      warnings.append(
        "insufficient: only \(spans.comparable.count) comparable spans are stored, "
          + "\(RobustTest.valuesMin) are needed; nothing was tested")
    }
    let apps = tested?.people.filter { $0.key != nil && $0.value.count < minimumPeople }.count ?? 0
    suppressedCount = apps
    if apps > 0 {
      warnings.append("\(apps) applications with fewer than \(minimumPeople) people are left out")
    }
  }

  /// Everything looked at: alerts first, then the smallest probability.
  func findings() -> [AlertFinding] {
    guard let tested else { return collectionFindings }
    var findings = tested.ratios.keys.filter { isShown($0, tested) }.map { finding($0, tested) }
    let testedIndices = findings.indices.filter { findings[$0].test != nil }
    let adjusted = RobustTest.adjusted(testedIndices.map { findings[$0].test?.probability ?? 1 })
    for (index, probability) in zip(testedIndices, adjusted) {
      findings[index].adjusted = probability
      findings[index].state = probability <= UsageReports.falseAlarmRate ? .alert : .ok
    }
    return collectionFindings + findings.sorted(by: Self.precedes)
  }

  private static func precedes(_ left: AlertFinding, _ right: AlertFinding) -> Bool {
    let probabilities = (left.test?.probability ?? 2, right.test?.probability ?? 2)
    if probabilities.0 != probabilities.1 { return probabilities.0 < probabilities.1 }
    let names = (left.key.metric.rawValue, right.key.metric.rawValue)
    if names.0 != names.1 { return names.0 < names.1 }
    return (left.key.app ?? "").precedesByBytes(right.key.app ?? "")
  }

  private func isShown(_ key: AlertMeasures.Key, _ tested: AlertMeasures) -> Bool {
    guard key.metric != .silence else { return true }
    return (tested.people[key.app]?.count ?? 0) >= minimumPeople
  }

  private func finding(_ key: AlertMeasures.Key, _ tested: AlertMeasures) -> AlertFinding {
    let ratio = tested.ratios[key] ?? AlertMeasures.Ratio()
    let scale = key.metric == .strikeouts ? 1_000.0 : 1
    let sign = AlertFinding.isFalling(key.metric) ? -1.0 : 1
    let values = before.compactMap { $0.ratios[key] }.filter { isEnough($0, key.metric) }
      .compactMap { $0.value.map { sign * scale * $0 } }
    let value = isEnough(ratio, key.metric) ? ratio.value.map { scale * $0 } : nil
    let test = value.flatMap { value in
      RobustTest(sign * value, before: values) { usual in
        Self.floor(key.metric, usual: abs(usual) / scale, ratio) * scale
      }
    }
    return AlertFinding(
      key: key, state: .insufficient, value: value, test: test, adjusted: nil, compared: values.count,
      people: key.metric == .silence ? nil : tested.people[key.app]?.count)
  }

  private func isEnough(_ ratio: AlertMeasures.Ratio, _ metric: AlertMetric) -> Bool {
    metric == .silence ? ratio.whole >= Self.regularSourcesMin : ratio.whole > 0
  }

  /// The spread that sampling alone explains: for times the jackknife's standard error over people (a few
  /// long failures of one day are no trend), and at least a twentieth of the usual value and a tenth of a
  /// percentage point; that of a Poisson count for strike-outs, of a binomial share for the others.
  private static func floor(_ metric: AlertMetric, usual: Double, _ ratio: AlertMeasures.Ratio) -> Double {
    let count = Double(max(1, ratio.whole))
    switch metric {
    case .erosion: return max(0.05 * usual, 0.001, ratio.standardError ?? 0)
    case .strikeouts: return max(1, usual * count).squareRoot() / count
    case .coverage, .silence, .collection:
      return max(usual * (1 - min(1, usual)), 1 / count).squareRoot() / count.squareRoot()
    }
  }

  // MARK: Sources and collection

  private static func sourceDays(
    _ data: some UsageData, zone: ZoneRules, from: CivilDay, to: CivilDay
  ) throws -> SourceDays {
    let sourceCount = try data.sourceCount()
    let reach = AlertSpans.reachDays + 4 * AlertSpans.dayCountMax
    let window = Window(from: from.advanced(by: -reach), to: to)
    let columns = try data.events(
      startingIn: WindowBounds(window: window, rules: zone).span, columns: [.start, .source])
    guard columns.isConsistent(userCount: 0, featureCount: 0, sourceCount: max(1, sourceCount))
    else { throw QueryError.inconsistentStore }
    var days = SourceDays(sourceCount: sourceCount)
    days.add(columns, rules: zone)
    return days
  }

  /// Agents are looked at over whole weeks, as most are silent at weekends.
  private static func silence(_ days: SourceDays, _ span: Window) -> (silent: Int64, regular: Int64) {
    let step = Int64(AlertSpans.step(span))
    let end = Int64(span.to.number)
    return days.silence(in: end - step..<end, step: step)
  }

  /// Days without any event at the end, and the longest such stretch before.
  private static func collection(
    _ days: SourceDays, newest: CivilDay, today: CivilDay
  ) -> (silentDays: Int64, usualMax: Int64) {
    let sorted = days.days.sorted()
    let pauses = zip(sorted, sorted.dropFirst()).map { $1 - $0 - 1 }
    return (Int64(today.number) - Int64(newest.number) - 1, pauses.max() ?? 0)
  }

  private var collectionFindings: [AlertFinding] {
    guard let collection else { return [] }
    let isAlert = collection.silentDays >= Self.silentDaysMin && collection.silentDays > collection.usualMax
    return [
      AlertFinding(
        key: AlertMeasures.Key(metric: .collection, app: nil), state: isAlert ? .alert : .ok,
        value: Double(max(0, collection.silentDays)), test: nil, adjusted: nil, compared: 0, people: nil)
    ]
  }
}
