import Aggregation
import UsageModel

/// The rows of `support --view friction`: what went wrong, and how little of it was heard of.
enum SupportFriction {
  /// Row keys after `app` and `feature`.
  static let names = [
    "people", "events", "friction_ms", "above_ms", "silent_ms", "silent", "silent_count", "tickets",
    "rank_pain", "rank_tickets", "slow_ms",
  ]

  /// Most silent time first; ranks are those among all rows, the suppressed ones too.
  static func rows(
    _ friction: [Friction], byApp: Bool, _ scope: ReportScope, rates: CostRates?
  ) -> (rows: ReportRows, columns: [RowLayout.Column]) {
    let features = scope.features
    var columns = [RowLayout.Column(name: "app", table: features.appTable, block: 0)]
    if !byApp { columns.append(RowLayout.Column(name: "feature", table: features.featureTable, block: 0)) }
    let pain = ranks(friction.map(\.lostMilliseconds))
    let calls = ranks(friction.map(\.tickets))
    let found = friction.indices.map { index -> ReportRow in
      let row = friction[index]
      let key =
        byApp
        ? [Int32(truncatingIfNeeded: row.unit) + 1]
        : [features.appOfRank[row.unit] + 1, features.featureNameOfRank[row.unit]]
      return ReportRow(
        key: key, people: row.people, priority: [-row.silentMilliseconds] + key.map(Int64.init),
        values: values(row, pain[index], calls[index])
          + (rates.map { [.number($0.cost(lostMilliseconds: row.lostMilliseconds))] } ?? []))
    }
    return (
      ReportRows(found, columns: columns, minimumPeople: scope.options.minimumGroupSize), columns
    )
  }

  private static func values(_ row: Friction, _ pain: Int64, _ calls: Int64) -> [ReportValue] {
    [
      ReportValue(count: row.people.count), .integer(row.events), .integer(row.lostMilliseconds),
      .integer(row.aboveMilliseconds), .integer(row.silentMilliseconds), ReportValue(row.silentShare),
      ReportValue(row.silentEventShare), .integer(row.tickets), .integer(pain), .integer(calls),
      .integer(row.slowMilliseconds),
    ]
  }

  /// 1 is the greatest; equal values share the better rank.
  private static func ranks(_ values: [Int64]) -> [Int64] {
    var rankOfValue: [Int64: Int64] = [:]
    for (place, value) in values.sorted(by: >).enumerated() where rankOfValue[value] == nil {
      rankOfValue[value] = Int64(place + 1)
    }
    return values.map { rankOfValue[$0] ?? 0 }
  }
}
