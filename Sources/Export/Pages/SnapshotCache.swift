import Aggregation
import EventStore
import UsageModel
import UsageQuery

/// A snapshot whose names, tables and most asked stretches of events are read once for all reports of an export.
final class SnapshotCache<Base: UsageData>: UsageData {
  /// The window and what lies before it: what several reports of an export ask for.
  private static var stretchesMax: Int { 2 }
  /// What one report or another wants of each.
  private static var columnsKept: EventColumns.Selection {
    [.user, .feature, .kind, .outcome, .start, .duration, .source]
  }

  private let base: Base
  private var kept: [(range: Range<Int64>, columns: EventColumns)] = []
  private var rosterRows: [RosterRow]?
  private var peopleColumns: PeopleColumns?
  private var catalogRows: [CatalogRow]?
  private var ticketRows: [Ticket]?
  private var users: [String]?
  private var features: [FeatureName]?
  private var sources: [String]?
  private var gaps: [SequenceGap]?

  init(_ base: Base) { self.base = base }

  func roster() throws -> [RosterRow] { try remember(&rosterRows) { try base.roster() } }
  func people() throws -> PeopleColumns { try remember(&peopleColumns) { try base.people() } }
  func sourceCount() throws -> Int { try base.sourceCount() }
  func startOfEvents(
    reaching momentMilliseconds: Int64, before limitMilliseconds: Int64
  ) throws -> Int64 {
    try base.startOfEvents(reaching: momentMilliseconds, before: limitMilliseconds)
  }
  func chunkFeed(_ range: Range<Int64>?) throws -> any ChunkFeed { try base.chunkFeed(range) }
  func catalog() throws -> [CatalogRow] { try remember(&catalogRows) { try base.catalog() } }
  func tickets() throws -> [Ticket] { try remember(&ticketRows) { try base.tickets() } }
  func userNames() throws -> [String] { try remember(&users) { try base.userNames() } }
  func featureNames() throws -> [FeatureName] { try remember(&features) { try base.featureNames() } }
  func sourceNames() throws -> [String] { try remember(&sources) { try base.sourceNames() } }
  func sequenceGaps() throws -> [SequenceGap] { try remember(&gaps) { try base.sequenceGaps() } }
  func initiatives(_ sort: Initiative.Sort) throws -> [Initiative] { try base.initiatives(sort) }
  func setting(_ name: String) throws -> String? { try base.setting(name) }
  func labelNames() throws -> [String] { try base.labelNames() }
  func eventBounds() throws -> ClosedRange<Int64>? { try base.eventBounds() }
  func kernelDrops() throws -> [KernelDrops] { try base.kernelDrops() }
  func prunedSpans() throws -> [PrunedSpan] { try base.prunedSpans() }
  func damage() throws -> [DataDamage] { try base.damage() }
  func newestEventMilliseconds(before limitMilliseconds: Int64) throws -> Int64? {
    try base.newestEventMilliseconds(before: limitMilliseconds)
  }

  func events(startingIn range: Range<Int64>?, columns: EventColumns.Selection) throws -> EventColumns {
    guard let range, Self.columnsKept.isSuperset(of: columns) else {
      return try base.events(startingIn: range, columns: columns)
    }
    if let known = kept.first(where: { $0.range == range }) { return known.columns }
    guard kept.count < Self.stretchesMax else {
      return try base.events(startingIn: range, columns: columns)
    }
    let loaded = try base.events(startingIn: range, columns: Self.columnsKept)
    kept.append((range, loaded))
    return loaded
  }

  func dailyCells(of bounds: WindowBounds) throws -> (any DailyCellSource)? {
    try base.dailyCells(of: bounds)
  }

  private func remember<Value>(_ place: inout Value?, _ load: () throws -> Value) rethrows -> Value {
    if let value = place { return value }
    let value = try load()
    place = value
    return value
  }
}
