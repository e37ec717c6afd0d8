import ArgumentParser
import Delivery
import Foundation
import Glibc

/// What ``BackgroundDelivery`` starts: takes a payload from standard input and delivers it.
struct DeliverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deliver", abstract: "Go on with the delivery of one event.", shouldDisplay: false)

  @Option var collector: String
  @Option var spoolID: UInt64
  @Option var packet: UInt64
  @Option var seconds: Int64
  @OptionGroup var key: KeyOptions

  func run() throws {
    let identity = try key.identity(for: [collector], environment: [:])
    // The directory may go meanwhile.
    chdir("/")
    var payload: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: SpoolLimits.payloadBytesCeiling)
    while true {
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      guard count > 0 else { break }
      payload += buffer[..<count]
    }
    var delivery = SingleDelivery(
      payload: payload, to: collector, as: identity, spoolID: spoolID, nextPacket: packet)
    try delivery.deliver(timeoutMilliseconds: seconds * 1_000)
  }
}
