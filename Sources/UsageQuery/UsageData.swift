import Aggregation
import EventStore
import UsageModel

/// What reports read: implemented over the event store, and by plain arrays in tests.
///
/// All calls of one report see the same snapshot.
package protocol UsageData {
  func roster() throws -> [RosterRow]
  func catalog() throws -> [CatalogRow]
  func tickets() throws -> [Ticket]
  /// What strike-outs ask of all tickets.
  func ticketCalls() throws -> [TicketCall]
  /// Interventions or changes, by start, name and cohort.
  func initiatives(_ sort: Initiative.Sort) throws -> [Initiative]
  /// A setting kept in the database, such as `cost.hour`; nil when it is not set.
  func setting(_ name: String) throws -> String?

  /// Names by the store's number; index 0 is never used by an event.
  func userNames() throws -> [String]
  /// (app, feature) pairs by the store's number; index 0 is never used by an event.
  func featureNames() throws -> [FeatureName]
  /// Source names by the store's number; index 0 stands for "no source".
  func sourceNames() throws -> [String]
  /// Labels (versions, hosts and causes) by the store's number; index 0 stands for "absent".
  func labelNames() throws -> [String]

  /// Missing numbers of all sources, all history.
  func sequenceGaps() throws -> [SequenceGap]

  /// Datagrams that the kernel dropped, by hour.
  func kernelDrops() throws -> [KernelDrops]

  /// Start of the newest event that lies before `limitMilliseconds`; nil when there is none.
  func newestEventMilliseconds(before limitMilliseconds: Int64) throws -> Int64?
  /// Starts of the oldest and the newest event; nil without events.
  func eventBounds() throws -> ClosedRange<Int64>?

  /// Chunks that cannot be read, and so are missing from everything that is reported.
  func damage() throws -> [DataDamage]

  /// Events that are there as daily cells only.
  func prunedSpans() throws -> [PrunedSpan]
  /// Roster and users as columns: what the two lists above hold, for reports that need no object for each row.
  func people() throws -> PeopleColumns
  /// Entries of the store's source table, number 0 included.
  func sourceCount() throws -> Int
  /// A moment, not after `limitMilliseconds`, before which no event starts that ends at `momentMilliseconds` or
  /// later.
  func startOfEvents(
    reaching momentMilliseconds: Int64, before limitMilliseconds: Int64
  ) throws -> Int64
  /// The chunks with an event that starts in the range (all of them when nil).
  func chunkFeed(_ range: Range<Int64>?) throws -> any ChunkFeed

  /// Events that start in the range (all history when nil), with at least the columns asked for.
  ///
  /// - Throws: `QueryError.eventsPruned` when events of the range were; of all history those left are given.
  func events(startingIn range: Range<Int64>?, columns: EventColumns.Selection) throws -> EventColumns

  /// Daily cells of a window and of the days before it; nil where reading events is as good.
  func dailyCells(of bounds: WindowBounds) throws -> (any DailyCellSource)?
}

extension UsageData {
  package func ticketCalls() throws -> [TicketCall] { try tickets().map(TicketCall.init) }

  package func people() throws -> PeopleColumns {
    PeopleColumns(roster: try roster(), userNames: try userNames())
  }

  package func sourceCount() throws -> Int { try sourceNames().count }

  package func startOfEvents(
    reaching momentMilliseconds: Int64, before limitMilliseconds: Int64
  ) throws -> Int64 {
    let columns = try events(
      startingIn: EventLimits
        .earliestTimeMilliseconds..<max(
          EventLimits.earliestTimeMilliseconds, limitMilliseconds), columns: [.start, .duration])
    return columns.start.indices.lazy
      .filter { columns.start[$0] + max(0, columns.duration[$0]) >= momentMilliseconds }
      .map { columns.start[$0] }.min() ?? limitMilliseconds
  }

  package func chunkFeed(_ range: Range<Int64>?) throws -> any ChunkFeed {
    ColumnsFeed(
      try events(
        startingIn: range,
        columns: [.user, .feature, .kind, .outcome, .start, .duration, .source, .sequence, .session]))
  }
}

/// Events that are stored and cannot be read.
package struct DataDamage: Equatable, Sendable {
  package var eventCount: Int
  /// Starts of the first and the last of them, milliseconds since 1970 UTC.
  package var span: ClosedRange<Int64>

  package init(eventCount: Int, span: ClosedRange<Int64>) {
    self.eventCount = eventCount
    self.span = span
  }
}

/// An application and, unless the event named none, one of its features.
///
/// Equal and ordered by UTF-8 bytes: by application, then feature, an absent feature first.
package struct FeatureName: Hashable, Comparable, Sendable {
  package var app: String
  package var feature: String?

  package init(app: String, feature: String?) {
    self.app = app
    self.feature = feature
  }

  package static func == (left: FeatureName, right: FeatureName) -> Bool {
    left.app.hasSameBytes(as: right.app)
      && left.feature.map(Utf8Key.init) == right.feature.map(Utf8Key.init)
  }

  package static func < (left: FeatureName, right: FeatureName) -> Bool {
    if !left.app.hasSameBytes(as: right.app) { return left.app.precedesByBytes(right.app) }
    return switch (left.feature, right.feature) {
    case (_, nil): false
    case (nil, _): true
    case (let leftFeature?, let rightFeature?): leftFeature.precedesByBytes(rightFeature)
    }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(Utf8Key(app))
    hasher.combine(feature.map(Utf8Key.init))
  }
}
