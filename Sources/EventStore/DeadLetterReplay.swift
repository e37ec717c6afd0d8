import GRDB
import UsageModel
import WireFormat

/// What became of dead letters that were read again; counts of events but for the last two.
package struct ReplayResult: Codable, Equatable, Sendable {
  package var accepted = 0
  package var duplicate = 0
  package var conflict = 0
  /// Letters refused again, by reason: they stay.
  package var rejected: [String: Int] = [:]
  /// Letters of which only the beginning was kept: they stay, as they cannot be read again.
  package var cut = 0

  package init() {}

  package var rejectedCount: Int { rejected.values.reduce(0, +) }

  package static func += (left: inout ReplayResult, right: ReplayResult) {
    left.accepted += right.accepted
    left.duplicate += right.duplicate
    left.conflict += right.conflict
    left.rejected.merge(right.rejected, uniquingKeysWith: +)
    left.cut += right.cut
  }
}

extension EventWriter {
  /// Letters read again in one transaction: bounds how long the writer is away from what arrives.
  package static let replayedAtOnceMax = 500

  /// Reads dead letters again and stores what is good now; each at most once, as its letter goes in the same
  /// transaction.
  ///
  /// What such a letter had counted as refused is taken back: its event counts as stored or duplicate instead,
  /// so that the ledger adds up as before. A letter that is still refused stays, and nothing is counted anew.
  /// - Parameter ids: at most ``replayedAtOnceMax``; letters no longer there are passed over.
  package func replay(_ ids: [Int64], nowMilliseconds: Int64) throws -> ReplayResult {
    precondition(ids.count <= Self.replayedAtOnceMax, "BUG: \(ids.count) letters at once")
    guard !ids.isEmpty else { return ReplayResult() }
    var filter = DeadLetterFilter()
    filter.ids = ids
    let result = try transaction { database in
      var result = ReplayResult()
      for letter in try DeadLetterStore.all(filter, withBytes: true, in: database) {
        result += try replay(letter, nowMilliseconds, database)
      }
      return result
    }
    // Letters went that the bounds counted.
    deadLetters.forget()
    return result
  }

  private func replay(
    _ letter: DeadLetter, _ nowMilliseconds: Int64, _ database: Database
  ) throws -> ReplayResult {
    var result = ReplayResult()
    guard !letter.isCut else {
      result.cut = 1
      return result
    }
    let batch = DeadLetterDecoder.decode(letter, nowMilliseconds: nowMilliseconds)
    guard batch.count > 0 else {
      result.rejected[batch.rejects.first?.reason.rawValue ?? letter.reason] = 1
      return result
    }
    try takeBack(letter, database)
    let received = ReceivedBatch(
      batch: batch, transport: letter.transport, receivedMilliseconds: nowMilliseconds)
    let summary = try store(received, in: database)
    try Counters.add(["replayed": 1], in: database)
    result.accepted = summary.accepted
    result.duplicate = summary.duplicate
    result.conflict = summary.conflict
    for (reason, count) in summary.rejected { result.rejected[reason.rawValue] = count }
    return result
  }

  /// Undoes what the refusal counted, and removes the letter.
  private func takeBack(_ letter: DeadLetter, _ database: Database) throws {
    let source =
      // An impostor's event was not booked under the source it named.
      letter.reason == RejectReason.notYours.rawValue
      ? 0
      : try letter.source.flatMap { try names.knownNumber(ofSource: $0, in: database) } ?? 0
    try ledger.count(source, in: database) { $0.rejected -= 1 }
    try database.execute(
      sql: "UPDATE source_rejection SET count = count - 1 WHERE source = ? AND reason = ?",
      arguments: [source, letter.reason])
    try database.execute(sql: "DELETE FROM source_rejection WHERE count <= 0")
    if source != 0, let sequence = letter.sequence {
      try ledger.takeBackRefusal(source, sequence, in: database)
    }
    try Counters.add(["rejected.\(letter.transport)": -1], in: database)
    try database.execute(sql: "DELETE FROM dead_letter WHERE id = ?", arguments: [letter.id])
  }
}

/// Reads a letter's bytes as they would be read if they arrived now.
enum DeadLetterDecoder {
  static func decode(_ letter: DeadLetter, nowMilliseconds: Int64) -> EventBatch {
    let batch = EventBatch()
    letter.bytes.withUnsafeBytes { bytes in
      switch UsageBatchFrame.inspect(bytes) {
      case .batch(let range) where range.upperBound == bytes.count:
        decodeBatch(UnsafeRawBufferPointer(rebasing: bytes[range]), into: batch, nowMilliseconds)
      default:
        if letter.reason == RejectReason.badBatch.rawValue, !bytes.isEmpty {
          decodeBatch(bytes, into: batch, nowMilliseconds)
        } else {
          var json = JSONEventDecoder()
          json.setReceipt(milliseconds: nowMilliseconds)
          json.decodeLine(bytes.bindMemory(to: UInt8.self), into: batch)
        }
      }
    }
    return batch
  }

  private static func decodeBatch(
    _ bytes: UnsafeRawBufferPointer, into batch: EventBatch, _ nowMilliseconds: Int64
  ) {
    var decoder = BatchEventDecoder()
    decoder.setReceipt(milliseconds: nowMilliseconds)
    // A letter has 4 KiB at most: its events fit one batch.
    _ = decoder.decode(bytes, into: batch) { $0 }
  }
}
