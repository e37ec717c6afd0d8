import CSodium
import UsageModel

/// Applies the rules of what leaves this machine.
package struct Minimiser: Sendable {
  private let rules: [MinimisationRule]
  private let key: [UInt8]

  /// Hexadecimal digits of a hash: 128 bits, so that no two values of an organisation meet.
  package static let hashDigits = 32

  /// - Parameter key: for rules that hash; the same key gives the same hashes on every workstation.
  package init(rules: [MinimisationRule] = [], key: [UInt8] = []) {
    precondition(
      !key.isEmpty || !rules.contains { if case .hash = $0.action { true } else { false } },
      "BUG: a rule hashes without a key")
    self.rules = rules
    self.key = key
  }

  /// The event as it may be kept; nil when it is left out.
  package func minimised(_ event: UsageEvent) -> UsageEvent? {
    var result = event
    for rule in rules where rule.conditions.allSatisfy({ Self.holds($0, event) }) {
      switch rule.action {
      case .drop: return nil
      case .remove(let field): Self.remove(field, from: &result)
      case .hash(let field): hash(field, of: &result)
      }
    }
    return result
  }

  private static func holds(_ condition: MinimisationRule.Condition, _ event: UsageEvent) -> Bool {
    let isMatch = text(of: condition.field, in: event).map { condition.pattern.matches($0) } ?? false
    return isMatch != condition.isNegated
  }

  private static func text(of field: MinimisationRule.Field, in event: UsageEvent) -> String? {
    switch field {
    case .user: event.user
    case .app: event.app
    case .feature: event.feature
    case .kind: event.kind.name
    case .outcome: event.outcome.name
    case .host: event.host
    case .session: event.session
    case .version: event.version
    case .cause: event.cause
    case .attribute(let name): event.attributes[name]
    case .duration, .attributes: nil
    }
  }

  private static func remove(_ field: MinimisationRule.Field, from event: inout UsageEvent) {
    switch field {
    case .duration: event.durationMilliseconds = nil
    case .host: event.host = nil
    case .session: event.session = nil
    case .version: event.version = nil
    case .cause: event.cause = nil
    case .attributes: event.attributes = [:]
    case .attribute(let name): event.attributes[name] = nil
    case .user, .app, .feature, .kind, .outcome: break
    }
  }

  private func hash(_ field: MinimisationRule.Field, of event: inout UsageEvent) {
    switch field {
    case .user: event.user = hashed("user", event.user)
    case .app: event.app = hashed("app", event.app)
    case .feature: event.feature = event.feature.map { hashed("feature", $0) }
    case .host: event.host = event.host.map { hashed("host", $0) }
    case .session: event.session = event.session.map { hashed("session", $0) }
    case .version: event.version = event.version.map { hashed("version", $0) }
    case .cause: event.cause = event.cause.map { hashed("cause", $0) }
    case .attribute(let name): event.attributes[name] = event.attributes[name].map { hashed(name, $0) }
    case .kind, .outcome, .duration, .attributes: break
    }
  }

  /// BLAKE2b of the field's name, NUL and the value, keyed: equal texts of different fields differ.
  private func hashed(_ field: String, _ value: String) -> String {
    let input = Array(field.utf8) + [0] + Array(value.utf8)
    var hash = [UInt8](repeating: 0, count: Self.hashDigits / 2)
    crypto_generichash(&hash, hash.count, input, UInt64(input.count), key, key.count)
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
