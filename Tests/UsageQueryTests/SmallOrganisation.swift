import Aggregation
import EventStore
import UsageModel
import UsageQuery

/// Stored data in plain arrays: built event by event, read like the store.
struct SmallOrganisation: UsageData {
  var rosterRows: [RosterRow] = []
  var catalogRows: [CatalogRow] = []
  var ticketRows: [Ticket] = []
  /// Interventions; there are no changes.
  var initiativeRows: [Initiative] = []
  var gaps: [SequenceGap] = []
  var drops: [KernelDrops] = []
  private(set) var users = [""]
  private(set) var features = [FeatureName(app: "", feature: nil)]
  private(set) var sources = [""]
  private(set) var labels = [""]
  private(set) var columns = EventColumns()

  static let firstDay: Int64 = 20_500

  /// Milliseconds since 1970 of a minute of a day, counted from ``firstDay``.
  static func moment(day: Int64, minute: Int64 = 600) -> Int64 {
    (firstDay + day) * CivilDay.milliseconds + minute * 60_000
  }

  /// Days counted from ``firstDay``.
  static func window(_ from: Int32, _ to: Int32) -> WindowChoice {
    let first = CivilDay(number: Int32(firstDay))
    return .days(Window(from: first.advanced(by: Int(from)), to: first.advanced(by: Int(to))))
  }

  /// Stores one event.
  mutating func add(
    _ user: String, _ app: String = "crm", _ feature: String? = "open", day: Int64 = 0, minute: Int64 = 600,
    kind: EventKind = .use, outcome: EventOutcome = .ok, duration: Int64? = 1_000, source: String? = nil,
    sequence: Int64 = 0, version: String? = nil
  ) {
    columns.rowCount += 1
    columns.user.append(Self.number(of: user, in: &users) { $0.hasSameBytes(as: $1) })
    columns.feature.append(Self.number(of: FeatureName(app: app, feature: feature), in: &features, ==))
    columns.kind.append(kind.rawValue)
    columns.outcome.append(outcome.rawValue)
    columns.start.append(Self.moment(day: day, minute: minute))
    columns.duration.append(duration ?? EventColumns.absentDuration)
    columns.source.append(source.map { Self.number(of: $0, in: &sources) { $0.hasSameBytes(as: $1) } } ?? 0)
    columns.sequence.append(sequence)
    columns.session.append(0)
    columns.version.append(version.map { Self.number(of: $0, in: &labels) { $0.hasSameBytes(as: $1) } } ?? 0)
  }

  /// Lets the last event refer to a user without a name, as a damaged store might.
  mutating func breakLastUser() { columns.user[columns.user.count - 1] = 9_999 }

  private static func number<Name>(
    of name: Name, in names: inout [Name], _ isSame: (Name, Name) -> Bool
  ) -> UInt32 {
    for known in names.indices.dropFirst() where isSame(names[known], name) { return UInt32(known) }
    names.append(name)
    return UInt32(names.count - 1)
  }

  func roster() -> [RosterRow] { rosterRows }
  func catalog() -> [CatalogRow] { catalogRows }
  func tickets() -> [Ticket] { ticketRows }
  func initiatives(_ sort: Initiative.Sort) -> [Initiative] {
    sort == .intervention ? initiativeRows : []
  }
  func setting(_ name: String) -> String? { nil }
  func userNames() -> [String] { users }
  func featureNames() -> [FeatureName] { features }
  func sourceNames() -> [String] { sources }
  func labelNames() -> [String] { labels }
  func sequenceGaps() -> [SequenceGap] { gaps }
  func prunedSpans() -> [PrunedSpan] { [] }
  func damage() throws -> [DataDamage] { [] }
  func kernelDrops() -> [KernelDrops] { drops }

  func newestEventMilliseconds(before limitMilliseconds: Int64) -> Int64? {
    columns.start.filter { $0 < limitMilliseconds }.max()
  }

  func eventBounds() -> ClosedRange<Int64>? {
    guard let low = columns.start.min(), let high = columns.start.max() else { return nil }
    return low...high
  }

  func dailyCells(of bounds: WindowBounds) -> (any DailyCellSource)? { nil }

  func events(startingIn range: Range<Int64>?, columns selection: EventColumns.Selection) -> EventColumns {
    guard let range else { return columns }
    let kept = columns.start.indices.filter { range.contains(columns.start[$0]) }
    func pick<Value>(_ column: [Value], _ name: EventColumns.Selection) -> [Value] {
      selection.contains(name) ? kept.map { column[$0] } : []
    }
    var result = EventColumns()
    result.rowCount = kept.count
    result.user = pick(columns.user, .user)
    result.feature = pick(columns.feature, .feature)
    result.kind = pick(columns.kind, .kind)
    result.outcome = pick(columns.outcome, .outcome)
    result.start = pick(columns.start, .start)
    result.duration = pick(columns.duration, .duration)
    result.source = pick(columns.source, .source)
    result.sequence = pick(columns.sequence, .sequence)
    result.session = pick(columns.session, .session)
    result.version = pick(columns.version, .version)
    return result
  }
}

extension QueryOptions {
  /// Four weeks from the first day, nothing suppressed, people may be named.
  static func open(
    _ window: WindowChoice = SmallOrganisation.window(0, 28), by groupBy: [GroupDimension] = [],
    minimumGroupSize: Int = 1
  ) -> QueryOptions {
    QueryOptions(
      window: window, nowMilliseconds: SmallOrganisation.moment(day: 27), groupBy: groupBy,
      minimumGroupSize: minimumGroupSize, namesAllowed: true)
  }
}

extension ReportDocument {
  /// The values of one column.
  func column(_ name: String) -> [ReportValue] {
    guard let index = columns.firstIndex(of: name) else { return [] }
    return rows.map { $0[index] }
  }

  /// One value of the totals.
  func total(_ name: String) -> ReportValue? { totals.first { $0.name == name }?.value }
}
