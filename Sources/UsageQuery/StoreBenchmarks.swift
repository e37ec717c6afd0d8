import Aggregation
import EventStore
import UsageModel

extension BenchmarkSet {
  /// A published set as reports use it.
  ///
  /// - Returns: nil when the stored days cannot be read.
  package init?(_ record: BenchmarkRecord) {
    guard let from = CivilDay(record.fromDay), let to = CivilDay(record.toDay) else { return nil }
    self.init(
      name: record.name, window: Window(from: from, to: to), timeZoneName: record.timeZone,
      rows: record.rows.map {
        Row(
          feature: FeatureName(app: $0.app, feature: $0.feature), milliseconds: $0.milliseconds,
          kind: BenchmarkKind(rawValue: $0.kind) ?? .none)
      })
  }

  /// The set as the database keeps it.
  package func record(publishedMilliseconds: Int64) -> BenchmarkRecord {
    BenchmarkRecord(
      name: name, fromDay: "\(window.from)", toDay: "\(window.to)", timeZone: timeZoneName,
      publishedMilliseconds: publishedMilliseconds,
      rows: rows.map {
        BenchmarkRecord.Row(
          app: $0.feature.app, feature: $0.feature.feature ?? "", milliseconds: $0.milliseconds,
          kind: $0.kind.rawValue)
      })
  }
}
