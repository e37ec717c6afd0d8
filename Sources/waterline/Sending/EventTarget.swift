import Delivery
import Foundation
import Glibc
import Ingest
import UsageModel
import WireFormat

/// Where single events go: the first of some addresses at which somebody listens.
struct EventTarget {
  /// How long a process in the background tries; an agent that restarts is back by then.
  static let backgroundSeconds = 60

  var addresses: [String]
  var identity: SenderIdentity
  /// Where the identity's key lies, for a process that goes on with the delivery.
  var key: KeyOptions.Named?

  /// Stream sockets: the agent's before the collector's, the user's own before the system's.
  static func usualAddresses(environment: [String: String], userID: UInt32) -> [String] {
    let own = (
      DefaultPlaces.Agent(environment: environment, userID: userID).runtimeDirectory,
      DefaultPlaces(environment: environment, userID: userID).runtimeDirectory
    )
    let system = (
      DefaultPlaces.Agent(environment: [:], userID: 0).runtimeDirectory,
      DefaultPlaces(environment: [:], userID: 0).runtimeDirectory
    )
    let directories = userID == 0 ? [own.0, own.1] : [own.0, system.0, own.1, system.1]
    return directories.map { $0 + "/stream.sock" }
  }

  /// Delivers an event and waits for the acknowledgement.
  ///
  /// - Throws: `SocketError` or `EventRefusal`, each with what to do.
  func deliver(_ event: UsageEvent, timeoutMilliseconds: Int64) throws {
    var delivery = try connected(event)
    try delivery.deliver(timeoutMilliseconds: timeoutMilliseconds)
  }

  /// Hands an event over and leaves waiting for the acknowledgement to another process.
  ///
  /// Takes a few milliseconds, whatever the other side does.
  func deliverInBackground(_ event: UsageEvent) throws {
    // Asking a name server may take long: that too is the other process's business.
    if addresses.count == 1, let address = addresses.first, !address.contains("/") {
      let payload = try Self.payload(of: event)
      return try BackgroundDelivery.start(delivery(payload, to: address), key: key)
    }
    var delivery = try connected(event)
    _ = try delivery.handOver()
    try BackgroundDelivery.start(delivery, key: key)
  }

  /// Sends an event as one JSON line.
  func sendPlain(_ event: UsageEvent) throws {
    var line: [UInt8] = []
    JSONEventEncoder.append(event, to: &line)
    let connection = try firstOf { try OutgoingSocket($0) }
    try line.withUnsafeBytes { try connection.send($0) }
  }

  private func connected(_ event: UsageEvent) throws -> SingleDelivery {
    let payload = try Self.payload(of: event)
    return try firstOf { address in
      var delivery = delivery(payload, to: address)
      try delivery.connect()
      return delivery
    }
  }

  private func delivery(_ payload: [UInt8], to address: String) -> SingleDelivery {
    SingleDelivery(payload: payload, to: address, as: identity)
  }

  private func firstOf<Result>(_ body: (String) throws -> Result) throws -> Result {
    var reasons: [String] = []
    for address in addresses {
      do {
        return try body(address)
      } catch {
        reasons.append("\(error)")
      }
    }
    if reasons.count == 1 { throw SocketError(reasons[0]) }
    throw SocketError(
      "nobody takes events at \(addresses.joined(separator: ", ")): start waterline-agent or waterlined, or "
        + "name one with --collector")
  }

  /// A sound event as a payload: one that would be refused is acknowledged nevertheless, as it is dealt with.
  private static func payload(of event: UsageEvent) throws -> [UInt8] {
    let batch = EventBatch()
    var decoder = JSONEventDecoder()
    decoder.setReceipt(milliseconds: Clock.nowMilliseconds())
    var line: [UInt8] = []
    JSONEventEncoder.append(event, to: &line)
    _ = line.withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    if let reject = batch.rejects.first { throw EventRefusal(reason: reject.reason) }
    return try SingleDelivery.payload(of: event)
  }
}

/// An event that no collector takes.
struct EventRefusal: Error, CustomStringConvertible {
  var reason: RejectReason

  var description: String {
    "the event would be refused as '\(reason.rawValue)': see the fields and bounds in schemas/event.schema.json"
  }
}
