import Testing
import UsageModel

struct EventNamesTests {
  /// Raw values are on disk and order events as their names do.
  @Test func numbersFollowNames() {
    #expect(EventKind.allCases.map(\.rawValue) == [0, 1, 2, 3])
    #expect(EventKind.allCases.map(\.name) == ["focus", "help", "interruption", "use"])
    #expect(EventOutcome.allCases.map(\.rawValue) == [0, 1, 2])
    #expect(EventOutcome.allCases.map(\.name) == ["abandoned", "error", "ok"])
    #expect(EventOutcome.allCases.filter(\.isFailure) == [.abandoned, .error])
  }

  /// Reasons are stored and documented: their names stay.
  @Test func reasonsKeepTheirNames() {
    #expect(
      RejectReason.allCases.map(\.rawValue) == [
        "not_json", "not_object", "not_utf8", "too_deep", "missing_time", "missing_user", "missing_app",
        "missing_feature", "wrong_type", "too_long", "empty", "nul_character", "time", "kind", "outcome",
        "duration", "seq", "attributes", "csv", "bad_batch", "forgotten",
        "not_yours", "too_many_names", "too_many_gaps",
      ])
  }
}
