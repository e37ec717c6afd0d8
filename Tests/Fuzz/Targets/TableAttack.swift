import FileImport
import UsageModel

/// Files of the organisation, read whole and in small pieces, and with good rows around them.
enum TableAttack {
  private static let zone = ZoneRules(
    name: "Test", initialOffsetMilliseconds: 3_600_000,
    transitions: [])
  private static let quote = UInt8(ascii: "\"")

  static func roster(_ bytes: UnsafeRawBufferPointer) {
    requireSameInPieces(bytes) { input in
      let (rows, result) = try RosterFile.read(input)
      require(rows.count == result.accepted, "accepted rows are not those handed out")
      return (rows, result)
    }
    requireNeighbours(
      bytes, header: "user,department,role,aliases,active_from,active_to,service,site,manager",
      first: "first of all,d,r,,,,,,", last: "last of all,d,r,,,,,,"
    ) { try RosterFile.read($0).rows.map(\.user) }
  }

  static func catalog(_ bytes: UnsafeRawBufferPointer) {
    requireSameInPieces(bytes) { try CatalogFile.read($0) }
    requireNeighbours(
      bytes, header: "app,feature,roles,target_days,target_ms,category,critical,automatic",
      first: "first of all,f,,,,,,", last: "last of all,f,,,,,,"
    ) { try CatalogFile.read($0).rows.map(\.app) }
  }

  static func tickets(_ bytes: UnsafeRawBufferPointer) {
    requireSameInPieces(bytes) { try TicketFile.read($0, zone: zone) }
    requireNeighbours(
      bytes, header: "id,requester,opened,resolved,satisfaction,effort_minutes,reopened,app",
      first: "first of all,ann,2026-01-05 09:00,,,,,", last: "last of all,ann,2026-01-05 09:00,,,,,"
    ) { try TicketFile.read($0, zone: zone).tickets.map(\.id) }
  }

  static func ticketExports(_ bytes: UnsafeRawBufferPointer) {
    for name in TicketExport.presetNames {
      guard let preset = TicketExport(preset: name) else { continue }
      requireSameInPieces(bytes) { try TicketExportFile.read($0, preset, zone: zone) }
    }
  }

  static func initiatives(_ bytes: UnsafeRawBufferPointer) {
    requireSameInPieces(bytes) { input in
      try InitiativeFile.read(input, sort: .intervention, zone: zone) { _ in nil }
    }
    requireNeighbours(
      bytes, header: "name,start,end,kind,app,feature,cohort,note",
      first: "first of all,2026-01-05,,,,,,", last: "last of all,2026-01-05,,,,,,"
    ) { input in
      try InitiativeFile.read(input, sort: .intervention, zone: zone) { _ in nil }.rows.map(\.name)
    }
  }

  // MARK: Promises

  private static func input(_ bytes: some Collection<UInt8>, pieceBytes: Int) -> ByteInput {
    var rest = Array(bytes)[...]
    return ByteInput { buffer in
      let piece = rest.prefix(min(pieceBytes, buffer.count))
      buffer.copyBytes(from: piece)
      rest = rest.dropFirst(piece.count)
      return piece.count
    }
  }

  /// A file says the same however its bytes arrive.
  private static func requireSameInPieces<Row: Equatable>(
    _ bytes: UnsafeRawBufferPointer, _ read: (ByteInput) throws -> ([Row], ImportResult)
  ) {
    let whole = Result { try read(input(bytes, pieceBytes: .max)) }.mapError { "\($0)" as Failure }
    let pieces = Result { try read(input(bytes, pieceBytes: 7)) }.mapError { "\($0)" as Failure }
    switch (whole, pieces) {
    case (.success(let left), .success(let right)):
      require(left.0 == right.0 && left.1 == right.1, "a file reads differently in pieces")
    case (.failure(let left), .failure(let right)):
      require(left == right, "a file is refused differently in pieces: '\(left.text)', '\(right.text)'")
    default: require(false, "a file is refused in pieces, or whole, only")
    }
  }

  private struct Failure: Error, Equatable, ExpressibleByStringInterpolation {
    var text: String
    init(stringLiteral value: String) { text = value }
  }

  /// Rows around the bytes are taken; a quote may swallow what follows it, so the last one only without.
  private static func requireNeighbours(
    _ bytes: UnsafeRawBufferPointer, header: String, first: String, last: String,
    _ names: (ByteInput) throws -> [String]
  ) {
    let text = Array("\(header)\n\(first)\n".utf8) + bytes + Array("\n\(last)\n".utf8)
    guard let found = try? names(input(text, pieceBytes: .max)) else {
      return require(false, "bad rows have a file refused")
    }
    require(found.first == "first of all", "the row before a bad one is lost")
    if !bytes.contains(quote) {
      require(found.contains("last of all"), "the row after a bad one is lost")
    }
  }
}
