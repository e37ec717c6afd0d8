/// Something done on purpose, whose effect is to be measured: an intervention of support (training, fix,
/// simplification, support) or a change of the software (rollout, upgrade, release).
///
/// Rows of one name with several cohorts are one initiative that reached them at different times.
package struct Initiative: Equatable, Sendable {
  /// Which of the two tables and commands it belongs to.
  package enum Sort: String, CaseIterable, Sendable {
    case intervention
    case change
  }

  package var name: String
  /// `training`, `fix`, `simplification`, `support`; or `rollout`, `upgrade`, `release`.
  package var kind: String
  package var app: String?
  package var feature: String?
  /// Whom it reached: `department=Sales`, `role=…`, `site=…`, `app=…`, `people=a;b`; empty is everyone.
  package var cohort: String
  /// When it began, milliseconds since 1970 UTC.
  package var startMilliseconds: Int64
  package var endMilliseconds: Int64?
  package var note: String

  package init(
    name: String, kind: String, app: String? = nil, feature: String? = nil, cohort: String = "",
    startMilliseconds: Int64, endMilliseconds: Int64? = nil, note: String = ""
  ) {
    self.name = name
    self.kind = kind
    self.app = app
    self.feature = feature
    self.cohort = cohort
    self.startMilliseconds = startMilliseconds
    self.endMilliseconds = endMilliseconds
    self.note = note
  }
}
