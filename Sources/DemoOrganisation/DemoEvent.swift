/// What an event reports, as the interface's `kind`.
package enum DemoEventKind: UInt8, Sendable {
  /// A person worked with a feature.
  case use
  /// An application held the person's attention.
  case focus
  /// The person went looking for help.
  case help
  /// Something not asked for took the attention.
  case interruption
}

/// How a use ended, as the interface's `outcome`.
package enum DemoOutcome: UInt8, Sendable {
  /// The person got what they wanted.
  case success
  /// The application reported an error.
  case error
  /// The person gave up.
  case abandoned
}

/// One event of the made-up organisation: compact numbers, whose strings the plan's tables hold.
package struct DemoEvent: Equatable, Sendable {
  /// The start, in milliseconds since 1970-01-01 UTC.
  package var timeMilliseconds: Int64
  /// Index into `DemoPlan.people`; `DemoPlan.userNames` has the name that the event carries.
  package var person: Int32
  /// The source's own running count, from 1, strictly rising within a source.
  package var sequence: UInt32
  /// How long it took, in milliseconds; nil where the sender did not measure.
  package var durationMilliseconds: UInt32?
  /// Number of the session, see `DemoPlan.sessionName(_:)`; nil where the sender knows none.
  package var session: Int32?
  /// Index into `DemoPlan.featureNames`; nil where the event is about the application as a whole.
  package var feature: Int16?
  /// Index into `DemoPlan.applicationNames`.
  package var application: Int16
  /// Index into `DemoPlan.versionNames`.
  package var version: Int16
  /// Index into `DemoPlan.causeNames`, for interruptions.
  package var cause: Int8?
  /// What the event reports.
  package var kind: DemoEventKind
  /// How a use ended; `success` for every other kind.
  package var outcome: DemoOutcome
  /// Whether the sender names its host, which is then the source's name.
  package var namesHost: Bool

  /// Index into `DemoPlan.sourceNames`: each person has a workstation, and each workstation is a source.
  package var source: Int32 { person }
}
