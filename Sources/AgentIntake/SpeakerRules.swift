import Delivery
import UsageModel

/// Whether local senders speak for themselves, and number only under sources of their own.
///
/// The collector asks the same (`docs/threat-model.md`), but knows the agent only: what an account may not say
/// must not leave the machine under the agent's name.
package struct SpeakerRules {
  /// Sources that one account may number under; more are refused, so that nobody fills the spool with names.
  static let sourcesPerOwnerMax = 1_000

  /// The agent's own source: nobody else may use up its numbers.
  private let ownSource: String
  private var owners: [Utf8Key: Utf8Key] = [:]
  private var counts: [Utf8Key: Int] = [:]
  /// Claimed since ``takeClaims()``.
  private var claims: [SourceOwner] = []

  package init(ownSource: String, owners: [SourceOwner] = []) {
    self.ownSource = ownSource
    for owner in owners { note(owner) }
  }

  private mutating func note(_ owner: SourceOwner) {
    owners[Utf8Key(owner.source)] = Utf8Key(owner.login)
    counts[Utf8Key(owner.login), default: 0] += 1
  }

  /// Whether a sender may say this.
  ///
  /// - Parameter speaker: its login; nil for who may speak for anybody.
  package mutating func allows(_ event: UsageEvent, speaker: String?) -> Bool {
    if let speaker, !speaker.hasSameBytes(as: event.user) { return false }
    return event.source.map { allows(source: $0, speaker: speaker) } ?? true
  }

  /// Whether a sender may speak of a source's numbers; the first account to do so owns it.
  package mutating func allows(source: String, speaker: String?) -> Bool {
    if source.hasSameBytes(as: ownSource) { return false }
    guard let speaker else { return true }
    let login = Utf8Key(speaker)
    if let owner = owners[Utf8Key(source)] { return owner == login }
    guard counts[login, default: 0] < Self.sourcesPerOwnerMax else { return false }
    let owner = SourceOwner(source: source, login: speaker)
    note(owner)
    claims.append(owner)
    return true
  }

  /// What the spool has to remember.
  package mutating func takeClaims() -> [SourceOwner] {
    defer { claims = [] }
    return claims
  }
}
