/// Raw values of `EventKind` and `EventOutcome` as constants of this module.
///
/// The optimiser does not see through another module's `rawValue`, which would be a call for each event;
/// a test keeps both in step.
enum EventCode {
  static let focus: UInt8 = 0
  static let help: UInt8 = 1
  static let interruption: UInt8 = 2
  static let use: UInt8 = 3
  static let outcomeOk: UInt8 = 2
}
