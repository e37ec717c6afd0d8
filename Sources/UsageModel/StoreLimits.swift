/// How far tables grow that senders fill with what they choose.
///
/// A report reads the names of its window into memory, and neither a sender gone wild nor a hostile one may fill
/// the disk with what is no event. What goes beyond is refused and counted as `too_many_names` or
/// `too_many_gaps`; known names and numbers in order are taken as before.
package struct StoreLimits: Equatable, Sendable {
  /// People, with all spellings of them: a million is more than the largest employers have.
  package var usersMax: Int64 = 1 << 20
  /// Pairs of app and feature: beyond a quarter of a million they are titles or addresses, not features.
  package var featuresMax: Int64 = 1 << 18
  /// Hosts, versions and causes together.
  package var labelsMax: Int64 = 1 << 20
  /// Senders that number their events.
  package var sourcesMax: Int64 = 1 << 20
  /// Ranges of numbers of all sources, known or missing: 200 MB, and one for each source with four to spare.
  package var rangesMax: Int64 = 1 << 22
  /// Bytes of names of each kind in the writer's memory, about 600,000 names; beyond, their table gets an index.
  package var nameBytesCachedMax = 8 << 20

  package init() {}
}
