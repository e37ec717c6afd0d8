/// Messages worth finding again: `journalctl MESSAGE_ID=…`, explained by `journalctl -x`.
///
/// The numbers are part of the interface; `systemd/waterline.catalog` and `docs/installation.md` list them.
package enum LogMessage: String, CaseIterable, Sendable {
  /// Sockets are open and the database is.
  case listening = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c101"
  /// Storing what was received, then ending.
  case stopping = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c102"
  /// The configuration was read again, or could not be and the old one stays.
  case reloadFailed = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c103"
  /// The program could not start.
  case cannotStart = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c104"
  /// A commit failed; nothing is lost, it is tried again.
  case cannotWrite = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c105"
  /// Commits work again.
  case writingAgain = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c106"
  /// The writer made no progress for a watchdog's interval; no beat is sent.
  case writerStuck = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c107"
  /// The kernel allows less receive buffer than bursts need.
  case smallReceiveBuffer = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c108"
  /// Chunks could not be merged; reports get slower, nothing is lost.
  case mergeFailed = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c109"
  /// Metrics could not be written or served.
  case metricsFailed = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c10a"
  /// An agent cannot reach its collector, or gets no answer; events wait in the spool.
  case collectorAway = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c111"
  /// An agent's collector answers.
  case collectorAnswers = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c112"
  /// An agent dropped its oldest events, as the spool reached its limits.
  case spoolDropped = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c113"
  /// An agent refused events.
  case eventsRefused = "5d2c1f0a6f0b4f6c9a1e3c8fd3f9c114"
}
