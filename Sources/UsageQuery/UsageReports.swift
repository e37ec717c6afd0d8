import Aggregation
import UsageModel

/// The reports of `docs/methods.md` over stored events; each takes one snapshot and one set of options.
///
/// All of them throw `QueryError` for options that cannot be met, and whatever reading the store throws.
/// An empty store gives a valid report whose warnings say so.
package enum UsageReports {
  /// Puts a report together from its rows.
  static func document(
    _ name: String, scope: ReportScope, columns: [RowLayout.Column], valueNames: [String], rows: ReportRows,
    totals: [ReportField], warnings: [String]
  ) -> ReportDocument {
    var warnings = warnings
    if rows.suppressedCount > 0 {
      warnings.append(leftOut(rows.suppressedCount, minimumPeople: scope.options.minimumGroupSize))
    }
    return ReportDocument(
      report: name, method: "waterline-\(name)/1", window: scope.window,
      timeZoneName: scope.options.zone.name, population: scope.population.kind,
      catalog: scope.features.hasCatalog ? "catalog" : "observed",
      totals: totals, columns: columns.map(\.name) + valueNames, rows: rows.shown, warnings: warnings)
  }

  /// Says that rows were suppressed.
  static func leftOut(_ count: Int, minimumPeople: Int) -> String {
    count == 1
      ? "1 row is left out, as it or the rows beside it are about fewer than \(minimumPeople) people"
      : "\(count) rows are left out, as they or the rows beside them are about fewer than "
        + "\(minimumPeople) people"
  }

  /// A warning that gives the reason for null values, or nothing when there are none.
  static func nullWarning(
    _ name: String, at position: Int, in rows: [RowValues], because reason: String
  ) -> [String] {
    let count = rows.count { $0[position] == .null }
    return count == 0 ? [] : ["\(name) is null in \(count) of \(rows.count) rows: \(reason)"]
  }

  /// The `--by` dimensions that a report cannot show, as an error.
  static func refuse(
    _ dimensions: [GroupDimension], in options: QueryOptions, report: String, because reason: String
  ) throws(QueryError) {
    for dimension in dimensions where options.groupBy.contains(dimension) {
      throw .unsupportedGroup(report: report, dimension: dimension.rawValue, reason: reason)
    }
  }

  /// Only `gaps` has rows about single people.
  static let noSinglePeople = "only gaps names people"
}
