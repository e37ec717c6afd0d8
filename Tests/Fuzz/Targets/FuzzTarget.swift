import UsageModel
import WireFormat

/// A decoder under attack, with the promises it must keep whatever the bytes are.
package enum FuzzTarget: String, CaseIterable, Sendable {
  case json
  case protobuf
  case chunk
  case csvEvents = "csv-events"
  case roster
  case catalog
  case tickets
  case ticketExports = "ticket-exports"
  case initiatives
  case envelope
  case configuration

  /// Decodes the bytes; traps when a promise is broken.
  package func run(_ bytes: UnsafeRawBufferPointer) {
    switch self {
    case .json: JSONAttack.run(bytes)
    case .protobuf: ProtobufAttack.run(bytes)
    case .chunk: ChunkAttack.run(bytes)
    case .csvEvents: CommaSeparatedAttack.run(bytes)
    case .roster: TableAttack.roster(bytes)
    case .catalog: TableAttack.catalog(bytes)
    case .tickets: TableAttack.tickets(bytes)
    case .ticketExports: TableAttack.ticketExports(bytes)
    case .initiatives: TableAttack.initiatives(bytes)
    case .envelope: EnvelopeAttack.run(bytes)
    case .configuration: ConfigurationAttack.run(bytes)
    }
  }
}

/// Ends the program at a broken promise, as a crash would.
func require(_ holds: Bool, _ promise: @autoclosure () -> String) {
  guard holds else { fatalError("BUG: \(promise())") }
}

/// Copies bytes to memory that ends where they end, so that a sanitizer sees every overrun.
func withExactMemory<Result>(
  _ bytes: some Collection<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
) rethrows -> Result {
  let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
  defer { memory.deallocate() }
  _ = memory.initialize(from: bytes)
  return try body(UnsafeBufferPointer(memory))
}
