import Delivery
import Foundation
import Glibc
import Ingest

/// Agents that share a thread, as their own threads would take turns.
struct Crowd {
  private let agents: [SimulatedAgent]
  private var packetsByTenth: [Int64: Int] = [:]
  private var lastPacketMilliseconds: Int64 = 0

  /// The longest wait, so that the end is noticed.
  private static let waitMillisecondsMax: Int64 = 100

  init(_ agents: [SimulatedAgent]) { self.agents = agents }

  var isDone: Bool { agents.allSatisfy(\.isDone) }

  /// Gives each agent its turn when something came for it or is due, until all is acknowledged.
  mutating func deliver(until limit: Date) throws {
    for agent in agents { try turn(agent) }
    while Date() < limit, !isDone {
      var owners: [SimulatedAgent] = []
      var descriptors: [pollfd] = []
      var due: [SimulatedAgent] = []
      var wait = Self.waitMillisecondsMax
      for agent in agents where !agent.isDone {
        let milliseconds = agent.millisecondsUntilDue ?? Self.waitMillisecondsMax
        wait = min(wait, max(0, milliseconds))
        if let (descriptor, events) = agent.awaited {
          owners.append(agent)
          descriptors.append(pollfd(fd: descriptor, events: events, revents: 0))
        } else if milliseconds <= 0 {
          due.append(agent)
        }
      }
      _ = poll(&descriptors, nfds_t(descriptors.count), Int32(wait))
      for agent in due { try turn(agent) }
      for (index, agent) in owners.enumerated() {
        guard descriptors[index].revents != 0 || (agent.millisecondsUntilDue ?? 1) <= 0 else { continue }
        try turn(agent)
      }
    }
  }

  private mutating func turn(_ agent: SimulatedAgent) throws {
    let packets = try agent.turn()
    if packets == 0 { return }
    let now = Clock.nowMilliseconds()
    packetsByTenth[now / 100, default: 0] += packets
    lastPacketMilliseconds = now
  }

  /// One line of JSON.
  func report() throws -> String {
    let all = agents.map(\.counts)
    let object: [String: Any] = [
      "packets_by_tenth": Dictionary(uniqueKeysWithValues: packetsByTenth.map { (String($0), $1) }),
      "last_packet_ms": lastPacketMilliseconds,
      "packets": all.reduce(0) { $0 + $1.packets },
      "resent": all.reduce(0) { $0 + $1.resent },
      "acknowledged_batches": all.reduce(0) { $0 + $1.acknowledgedBatches },
      "undelivered": agents.count { !$0.isDone },
    ]
    return String(
      decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
  }
}
