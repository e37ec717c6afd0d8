import Aggregation
import EventStore
import UsageModel

/// Packed events: which ones a report reads, and how it counts with them.
extension ReportScope {
  /// From the first event on that may reach into an episode of the window, to a day after the window.
  static func episodeRange(_ data: some UsageData, _ bounds: WindowBounds) throws -> Range<Int64> {
    let start = try data.startOfEvents(
      reaching: bounds.span.lowerBound - StrikeOuts.episodePauseMilliseconds, before: bounds.span.lowerBound)
    return start..<bounds.span.upperBound + CivilDay.milliseconds
  }

  /// From the first event on that may reach into a session of the window.
  static func sessionRange(_ data: some UsageData, _ bounds: WindowBounds) throws -> Range<Int64> {
    let start = try data.startOfEvents(
      reaching: bounds.span.lowerBound - Flow.sessionPauseMilliseconds, before: bounds.span.lowerBound)
    return start..<Int64.max
  }

  /// The window's events, packed for a report that reads others otherwise.
  func packWindow(_ data: some UsageData) throws -> PackedEventsSource {
    try Self.pack(data, PackRequest(bounds: bounds, features: features, limits: limits))
  }

  static func pack(_ data: some UsageData, _ request: PackRequest) throws -> PackedEventsSource {
    // What is missing must not pass for what was not done.
    try data.prunedSpans().filter { $0.starts.overlaps(request.bounds.span) }.refuse()
    return try PackedEventsSource(try data.chunkFeed(request.bounds.span), request)
  }

  /// - Parameter personOfUser: by the store's number: the person, whether or not of the population.
  static func episodes(
    _ data: some UsageData, _ request: PackRequest, personOfUser: [Int32]
  ) throws -> EpisodeEventsSource {
    let newest = try data.eventBounds()?.upperBound ?? .min
    let end = request.range.flatMap { newest >= $0.upperBound ? $0.upperBound : nil }
    return try EpisodeEventsSource(
      try data.chunkFeed(request.range), request, personOfUser: personOfUser, end: end)
  }

  /// Reads episodes anew, over twice as long a time after the window.
  mutating func readLongerEpisodes(_ data: some UsageData) throws {
    guard var request = episodes?.request, let range = request.range else { return }
    let after = max(CivilDay.milliseconds, range.upperBound - bounds.span.upperBound)
    request.range = range.lowerBound..<range.upperBound + after
    episodes = try Self.episodes(data, request, personOfUser: directory.personOfUser)
  }

  /// Counts with every feature's cells, by several workers: each has a tally of its own.
  ///
  /// - Returns: the tallies, to be put together; applications are whole in one of them.
  func measureFeatures<Tally>(
    _ source: BenchmarkSource, tally: () -> Tally, add: (_ tally: inout Tally, FeatureCells) -> Void
  ) throws -> [Tally] {
    guard let packed else { return [tally()] }
    return try measureFeatures(of: packed, source, tally: tally, add: add)
  }

  /// As above, for events that were packed apart from the scope's own.
  func measureFeatures<Tally>(
    of packed: PackedEventsSource, _ source: BenchmarkSource, tally: () -> Tally,
    add: (_ tally: inout Tally, FeatureCells) -> Void
  ) throws -> [Tally] {
    var tallies = (0..<packed.workerCount).map { _ in tally() }
    try packed.forEachPass { events in
      events.measureFeatures(keys: keys, benchmark: source.benchmark, into: &tallies, add: add)
    }
    return tallies
  }
}
