import Testing
import UsageModel

@testable import AgentIntake

@Suite struct MinimiserTests {
  private static let key = [UInt8](1...32)

  private func minimised(_ event: UsageEvent, _ rules: String...) throws -> UsageEvent? {
    Minimiser(rules: try rules.map { try MinimisationRule($0) }, key: Self.key).minimised(event)
  }

  private let event = UsageEvent(
    timeMilliseconds: 1, user: "ann", app: "crm", feature: "order.create", durationMilliseconds: 5,
    host: "pc",
    session: "s", version: "1.0", cause: "c", attributes: ["url": "u", "k": "v"])

  @Test(arguments: [
    ("drop app=crm", true), ("drop app=cr", false), ("drop app=cr*", true), ("drop app=*m", true),
    ("drop app=*", true), ("drop app=c*r*m", true), ("drop app=c*x*m", false), ("drop app=CRM", false),
    ("drop app=crm feature=order.*", true), ("drop app=crm feature=mail.*", false),
    ("drop app!=erp", true), ("drop app!=crm", false), ("drop app!=erp app!=mail", true),
    ("drop kind=use", true), ("drop kind=focus", false), ("drop outcome=ok", true),
    ("drop attributes.url=*", true), ("drop attributes.other=*", false), ("drop attributes.other!=x", true),
    ("drop user=\"ann\"", true), ("drop user=\"ann bell\"", false), ("\tdrop   app=crm ", true),
  ]) func drops(_ rule: String, _ isDropped: Bool) throws {
    #expect(try (minimised(event, rule) == nil) == isDropped)
  }

  @Test func removes() throws {
    var expected = event
    expected.attributes = ["k": "v"]
    #expect(try minimised(event, "remove attributes.url app=crm", "remove host app=erp") == expected)
    expected = event
    (expected.host, expected.session, expected.version, expected.cause) = (nil, nil, nil, nil)
    expected.durationMilliseconds = nil
    expected.attributes = [:]
    let all = ["host", "session", "version", "cause", "duration", "attributes"].map { "remove \($0)" }
    #expect(
      try minimised(event, all[0], all[1], all[2], all[3], all[4], all[5], "remove attributes.none")
        == expected)
  }

  @Test func hashesWithTheKey() throws {
    let hashed = try #require(try minimised(event, "hash user", "hash attributes.url", "hash app"))
    for text in [hashed.user, hashed.app, hashed.attributes["url"] ?? ""] {
      #expect(text.utf8.count == Minimiser.hashDigits && text.allSatisfy { $0.isHexDigit })
    }
    #expect(hashed.attributes["k"] == "v" && hashed.feature == event.feature)
    #expect(try minimised(event, "hash user") == minimised(event, "hash user"), "always the same")
    var other = event
    other.app = "ann"
    let same = try #require(try minimised(other, "hash user", "hash app"))
    #expect(same.app != same.user, "fields are told apart")
    let elsewhere = Minimiser(rules: [try MinimisationRule("hash user")], key: [UInt8](2...33))
    #expect(elsewhere.minimised(event)?.user != hashed.user, "keys are told apart")
    // What is not there stays away, and no limit is passed.
    other.host = nil
    other.session = String(repeating: "é", count: 128)
    let bounded = try #require(try minimised(other, "hash host", "hash session"))
    #expect(bounded.host == nil && bounded.session?.utf8.count == Minimiser.hashDigits)
  }

  /// A rule that hides a name must not make a later rule that asks for the name miss it.
  @Test func conditionsLookAtTheEventAsItCame() throws {
    #expect(try minimised(event, "hash user", "drop user=ann") == nil)
    #expect(try minimised(event, "remove host", "drop host=pc") == nil)
  }

  @Test(arguments: [
    ("", "empty"), ("lose app=x", "lose"), ("drop", "everything"), ("drop app", "condition"),
    ("drop =x", "condition"), ("drop colour=x", "colour"), ("drop duration=1", "duration"),
    ("drop attributes=1", "attributes"), ("remove", "field"), ("remove user", "removed"),
    ("remove feature", "removed"), ("remove colour", "colour"), ("hash", "field"),
    ("hash duration", "hashed"),
    ("hash kind", "hashed"), ("hash attributes", "hashed"), ("hash attributes.", "attributes."),
    ("drop app=\"x", "quotation"), ("hash user crm", "crm"),
  ]) func refusesWhatIsNoRule(_ text: String, _ word: String) {
    let error = #expect(throws: MinimisationRuleError.self) { try MinimisationRule(text) }
    #expect(error?.description.contains(word) == true, "\(String(describing: error))")
  }

  @Test func starsTakeNoLongToNotFit() {
    let pattern = GlobPattern(String(repeating: "*a", count: 100) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 256)))
    #expect(GlobPattern("").matches("") && !GlobPattern("").matches("x") && GlobPattern("**").matches(""))
  }
}
