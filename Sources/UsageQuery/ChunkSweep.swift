import Aggregation
import CHash
import ColumnChunk
import EventStore
import UsageModel

/// The store's chunks as a feed: read through one connection, decoded by each worker for itself.
struct ChunkSweep: ChunkFeed {
  /// Far after any event, and far from where sums overflow.
  private static let timeMillisecondsMax: Int64 = 1 << 60

  let spans: [ChunkSpan]
  let workerCount: Int
  private let chunks: [ChunkRow]
  private let reader: SharedChunkReader

  init(_ chunks: [ChunkRow], _ reader: SharedChunkReader) {
    self.chunks = chunks
    self.reader = reader
    spans = chunks.map {
      ChunkSpan(
        rowCount: $0.rowCount, timeMinimumMilliseconds: $0.timeMinimumMilliseconds,
        timeMaximumMilliseconds: $0.timeMaximumMilliseconds)
    }
    workerCount = Workers.count(forParts: chunks.count)
  }

  func forEach(
    _ numbers: [Int], isFixed: Bool, columns: (_ number: Int) -> [ChunkColumn],
    _ body: (_ worker: Int, _ number: Int, _ chunk: DecodedChunk) throws -> Void
  ) throws {
    try Workers.run(workerCount, parts: numbers.count, isFixed: isFixed) { _ in
      (DecodedChunk(), [ColumnBytes]())
    } _: { worker, place, memory in
      let number = numbers[place]
      try decode(chunks[number], columns(number), &memory.1, into: memory.0)
      try body(worker, number, memory.0)
    }
  }

  private func decode(
    _ chunk: ChunkRow, _ columns: [ChunkColumn], _ buffers: inout [ColumnBytes], into decoded: DecodedChunk
  ) throws {
    guard (1...DecodedChunk.rowsMax).contains(chunk.rowCount) else {
      throw ChunkDamage(chunk: chunk.id, reason: "its row count is out of bounds")
    }
    try reader.read(columns, of: chunk, into: &buffers)
    decoded.rowCount = chunk.rowCount
    do {
      for (place, column) in columns.enumerated() { try decode(column, buffers[place], into: decoded) }
    } catch let error as ChunkError {
      throw ChunkDamage(chunk: chunk.id, reason: "\(error)")
    }
    if columns.contains(.time) { try checkTimes(of: chunk, decoded) }
  }

  /// Kernels add durations and pauses to times without asking.
  private func checkTimes(of chunk: ChunkRow, _ decoded: DecodedChunk) throws(ChunkDamage) {
    let times = UnsafeBufferPointer(start: decoded.start, count: decoded.rowCount)
    guard let bounds = ColumnEncoder.bounds(times), bounds.lowerBound >= 0,
      bounds.upperBound <= Self.timeMillisecondsMax, bounds.lowerBound >= chunk.timeMinimumMilliseconds,
      bounds.upperBound <= chunk.timeMaximumMilliseconds
    else { throw ChunkDamage(chunk: chunk.id, reason: "an event's time is out of the chunk's bounds") }
  }

  private func decode(_ column: ChunkColumn, _ bytes: ColumnBytes, into decoded: DecodedChunk) throws {
    switch column {
    case .user: try decode(column, bytes, decoded.rowCount, into: decoded.user)
    case .feature: try decode(column, bytes, decoded.rowCount, into: decoded.feature)
    case .source: try decodeSources(bytes, into: decoded)
    case .kind: try decode(column, bytes, decoded.rowCount, into: decoded.kind)
    case .outcome: try decode(column, bytes, decoded.rowCount, into: decoded.outcome)
    case .time: try decode(column, bytes, decoded.rowCount, into: decoded.start)
    case .durationPlusOne: try decode(column, bytes, decoded.rowCount, into: decoded.durationPlusOne)
    case .sequence: try decode(column, bytes, decoded.rowCount, into: decoded.sequence)
    case .session: try decodeSessions(bytes, into: decoded)
    default: preconditionFailure("BUG: no place for column \(column)")
    }
  }

  private func decode(
    _ column: ChunkColumn, _ bytes: ColumnBytes, _ rowCount: Int, into output: UnsafeMutablePointer<UInt32>
  ) throws {
    guard bytes.isStored else { return output.update(repeating: 0, count: rowCount) }
    try bytes.withBytes { try ColumnDecoder.decode($0, as: column, rowCount: rowCount, into: output) }
  }

  private func decode(
    _ column: ChunkColumn, _ bytes: ColumnBytes, _ rowCount: Int, into output: UnsafeMutablePointer<UInt8>
  ) throws {
    guard bytes.isStored else { return output.update(repeating: 0, count: rowCount) }
    try bytes.withBytes { try ColumnDecoder.decode($0, as: column, rowCount: rowCount, into: output) }
  }

  private func decode(
    _ column: ChunkColumn, _ bytes: ColumnBytes, _ rowCount: Int, into output: UnsafeMutablePointer<Int64>
  ) throws {
    guard bytes.isStored else { return output.update(repeating: 0, count: rowCount) }
    try bytes.withBytes { try ColumnDecoder.decode($0, as: column, rowCount: rowCount, into: output) }
  }

  /// Sources may be stored by user, so the users of the chunk's rows come first.
  private func decodeSources(_ bytes: ColumnBytes, into decoded: DecodedChunk) throws {
    guard bytes.isStored else { return decoded.source.update(repeating: 0, count: decoded.rowCount) }
    try bytes.withBytes { stored in
      let users =
        ColumnDecoder.isByUser(stored)
        ? (0..<decoded.rowCount).map { Int64(decoded.user[$0]) }.withUnsafeBufferPointer { RowUsers($0) }
        : nil
      try ColumnDecoder.decode(
        stored, as: .source, rowCount: decoded.rowCount, users: users, into: decoded.source)
    }
  }

  private func decodeSessions(_ bytes: ColumnBytes, into decoded: DecodedChunk) throws {
    guard bytes.isStored else { return decoded.session.update(repeating: 0, count: decoded.rowCount) }
    try bytes.withBytes { bytes in
      var digests: [UInt64] = [0]
      let codes = try ColumnDecoder.decodeTexts(bytes, as: .session, rowCount: decoded.rowCount) { text in
        digests.append(SessionDigest.digest(of: text))
      }
      for row in 0..<decoded.rowCount { decoded.session[row] = digests[Int(codes[row])] }
    }
  }
}

/// Stands for a session's text: only texts of one person are ever compared.
///
/// 64 bits of XXH3 with a seed drawn for this process: that two of a person's sessions in a report fall together
/// has a chance below 10⁻¹¹ for 10,000 sessions, and nobody can choose texts that do.
enum SessionDigest {
  private static let seed = UInt64.random(in: .min ... .max)

  /// Never 0, which stands for "no session".
  static func digest(of text: UnsafeRawBufferPointer) -> UInt64 {
    guard let start = text.baseAddress else { return 0 }
    return max(1, wl_hash64_seeded(start, UInt(text.count), seed))
  }
}
