import Aggregation
import UsageModel

/// Best-practice times frozen under a name, so that later reports compare with the same figures.
package struct BenchmarkSet: Equatable, Sendable {
  /// One feature's figure.
  package struct Row: Equatable, Sendable {
    package var feature: FeatureName
    /// b(f) in milliseconds; nil is none.
    package var milliseconds: Int64?
    package var kind: BenchmarkKind

    package init(feature: FeatureName, milliseconds: Int64?, kind: BenchmarkKind) {
      self.feature = feature
      self.milliseconds = milliseconds
      self.kind = kind
    }
  }

  package var name: String
  /// The window that the figures come from.
  package var window: Window
  package var timeZoneName: String
  /// By application and feature.
  package var rows: [Row]

  package init(name: String, window: Window, timeZoneName: String, rows: [Row]) {
    self.name = name
    self.window = window
    self.timeZoneName = timeZoneName
    self.rows = rows
  }
}
