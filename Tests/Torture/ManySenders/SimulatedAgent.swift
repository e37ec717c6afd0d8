import Delivery
import Foundation
import Glibc
import UsageModel
import WireFormat

/// One agent as far as the network sees it: a spool with batches, and the sender that delivers it.
///
/// Everything but the thread is what `waterline-agent` runs.
final class SimulatedAgent {
  private let spool: Spool
  private var run: SenderRun
  private let batchCount: Int
  /// Packets that were sent, as of the last turn.
  private(set) var packets = 0

  /// - Throws: `SpoolError`.
  init(number: Int, directory: String, address: String, eventCount: Int, pace: Sender.Pace) throws {
    let name = "agent-\(number)"
    let identity = SenderIdentity(
      sender: name, mode: .encrypt, key: DeliveryKey(id: name, secret: Self.secret(number)))
    spool = try Spool(path: "\(directory)/\(name).db", sender: name)
    let events = (0..<eventCount).map { Self.event(number, $0) }
    batchCount = try spool.append(SpoolAddition(events: events), nowMilliseconds: Self.start).batchCount
    run = SenderRun(spool: spool, address: address, identity: identity, pace: pace)
  }

  /// The key of an agent: its number over and over, which the trial knows too.
  private static func secret(_ number: Int) -> [UInt8] {
    (0..<DeliveryKey.secretBytes).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 8))) }
  }

  private static let start: Int64 = 1_767_225_600_000

  private static func event(_ number: Int, _ index: Int) -> UsageEvent {
    UsageEvent(
      timeMilliseconds: start + Int64(index) * 60_000, user: "user\(number)", app: "erp",
      feature: "step\(index % 11)", durationMilliseconds: UInt32(index % 1_000))
  }

  var isDone: Bool { run.counts.acknowledgedBatches >= batchCount }
  var counts: Sender.Counts { run.counts }
  var awaited: (Int32, Int16)? { run.awaited }
  var millisecondsUntilDue: Int64? { run.millisecondsUntilDue }

  /// Takes answers and sends what is due; returns how many packets that were.
  func turn() throws -> Int {
    try run.turn { _ in }
    defer { packets = run.counts.packets }
    return run.counts.packets - packets
  }
}
