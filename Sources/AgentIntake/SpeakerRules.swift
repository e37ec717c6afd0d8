import Delivery
import UsageModel

/// Whether local senders speak for themselves, and number only under sources of their own.
///
/// The collector asks the same (`docs/threat-model.md`), but knows the agent only: what an account may not say
/// must not leave the machine under the agent's name.
package struct SpeakerRules {
  /// Sources that one account may number under; more are refused, so that nobody fills the spool with names.
  static let sourcesPerOwnerMax = 1_000
  /// Sources remembered as used first by who may speak for anybody: ten times as many, as relays speak for many.
  ///
  /// Once there are so many, no account gets another source.
  static let sourcesOfAnybodyMax = 10_000
  /// In place of a login: the source is of who may speak for anybody.
  static let anybody = ""

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

  /// Whether a sender may speak of a source's numbers; the first account to do so owns it, unless somebody who may
  /// speak for anybody was there before.
  package mutating func allows(source: String, speaker: String?) -> Bool {
    if source.hasSameBytes(as: ownSource) { return false }
    let owner = owners[Utf8Key(source)]
    let countOfAnybody = counts[Utf8Key(Self.anybody), default: 0]
    guard let speaker else {
      if owner == nil && countOfAnybody < Self.sourcesOfAnybodyMax { claim(source, for: Self.anybody) }
      return true
    }
    let login = Utf8Key(speaker)
    if let owner { return owner == login }
    guard counts[login, default: 0] < Self.sourcesPerOwnerMax,
      countOfAnybody < Self.sourcesOfAnybodyMax
    else { return false }
    claim(source, for: speaker)
    return true
  }

  private mutating func claim(_ source: String, for login: String) {
    let owner = SourceOwner(source: source, login: login)
    note(owner)
    claims.append(owner)
  }

  /// What the spool has to remember.
  package mutating func takeClaims() -> [SourceOwner] {
    defer { claims = [] }
    return claims
  }
}
