import Glibc
import Synchronization

/// Which accounts may speak for others at the local sockets; shared by all receivers.
///
/// Root may, the account that runs the collector (it can write the database anyway), and relays. Anybody else
/// speaks for themselves.
package final class PeerPolicy: Sendable {
  private let relays: Mutex<Set<UInt32>>
  private let changes = Atomic<Int>(0)

  package init(relays: Set<UInt32> = []) { self.relays = Mutex(relays) }

  /// Grows with each change, so that receivers know when to forget what they remember.
  var generation: Int { changes.load(ordering: .acquiring) }

  /// Sets the relays; receivers look logins up anew too.
  package func setRelays(_ userIDs: Set<UInt32>) {
    relays.withLock { $0 = userIDs }
    changes.add(1, ordering: .releasing)
  }

  package func maySpeakForOthers(_ userID: UInt32) -> Bool {
    userID == 0 || userID == geteuid() || relays.withLock { $0.contains(userID) }
  }
}

/// Who sends: one receiver's memory of logins, so that each account is looked up once.
struct PeerSpeakers {
  /// Accounts remembered: far more than log in to a machine; containers' ranges of accounts cannot grow it.
  private static let rememberedMax = 10_000

  private let policy: PeerPolicy
  private var generation: Int
  private var speakers: [UInt32: [UInt8]] = [:]

  init(_ policy: PeerPolicy) {
    self.policy = policy
    generation = policy.generation
  }

  /// Forgets everything once the policy has changed; returns whether it had.
  mutating func refresh() -> Bool {
    let now = policy.generation
    if now == generation { return false }
    generation = now
    speakers.removeAll()
    return true
  }

  /// The speaker's login, empty for who may speak for anybody.
  ///
  /// - Parameter userID: as the kernel tells it; negative when it does not.
  mutating func speaker(_ userID: Int64) -> [UInt8] {
    guard let userID = UInt32(exactly: userID) else { return Array("unknown account".utf8) }
    if let known = speakers[userID] { return known }
    let name: [UInt8] =
      policy.maySpeakForOthers(userID)
      ? [] : Array((LocalAccounts.login(of: userID) ?? "uid\(userID)").utf8)
    if speakers.count >= Self.rememberedMax { speakers.removeAll() }
    speakers[userID] = name
    return name
  }
}
