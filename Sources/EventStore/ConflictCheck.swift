import ColumnChunk
import GRDB
import WireFormat

/// A row of a batch whose number is stored already.
struct DuplicateRow {
  var row: Int
  var source: Int64
  var sequence: Int64
}

/// An event in the store's own numbers, for comparing a redelivered one with the first.
struct StoredEvent: Hashable {
  var time: Int64
  var user: Int64
  var feature: Int64
  var kind: Int64
  var outcome: Int64
  var durationPlusOne: Int64
  var host: Int64
  var version: Int64
  var cause: Int64
  var source: Int64
  var sequence: Int64
  var session: [UInt8]
  var attributes: [UInt8]
}

extension StoredEvent {
  /// - Precondition: the names of the row have numbers.
  init(row duplicate: DuplicateRow, in batch: EventBatch, _ names: borrowing BatchNames) {
    let row = duplicate.row
    let labels = names.numbers(.label)
    time = batch.time[row]
    user = names.numbers(.user)[Int(batch.user[row])]
    feature = names.featureColumn[row]
    kind = Int64(batch.kind[row])
    outcome = Int64(batch.outcome[row])
    durationPlusOne = batch.durationPlusOne[row]
    host = labels[Int(batch.host[row])]
    version = labels[Int(batch.version[row])]
    cause = labels[Int(batch.cause[row])]
    source = duplicate.source
    sequence = duplicate.sequence
    session = batch.strings.withBytes(of: batch.session[row]) { Array($0) }
    attributes = batch.strings.withBytes(of: batch.attributes[row]) { Array($0) }
  }
}

/// Tells redelivered events that are the same as the stored one from those that differ.
enum ConflictCheck {
  /// The events that differ from the one stored under their number.
  ///
  /// An identical event has the same time, so only chunks that span one of these times are read, and of
  /// those the source and number columns first. Where the first one may be one that cannot be read,
  /// nothing speaks for a difference.
  ///
  /// - Complexity: O(rows of the chunks that overlap the duplicates' times).
  static func conflicting(_ events: [StoredEvent], in database: Database) throws -> [StoredEvent] {
    var identical: Set<StoredEvent> = []
    let wanted = Dictionary(grouping: events) { Key(source: $0.source, sequence: $0.sequence) }
    let times = events.map(\.time).sorted()
    guard let first = times.first, let last = times.last else { return [] }
    var gone = try goneSpans(in: database)
    for chunk in try ChunkRow.all(overlapping: first...last, in: database)
    where spans(chunk, anyOf: times) {
      do {
        try collect(from: chunk, wanted, into: &identical, database)
      } catch is ChunkDamage {
        // Merging meets it too, and sets it aside.
        gone.append(
          chunk.timeMinimumMilliseconds...max(chunk.timeMinimumMilliseconds, chunk.timeMaximumMilliseconds))
      }
    }
    return events.filter { event in
      !identical.contains(event) && !gone.contains { $0.contains(event.time) }
    }
  }

  /// Stretches of time from which events were set aside, or pruned.
  private static func goneSpans(in database: Database) throws -> [ClosedRange<Int64>] {
    let sql = """
      SELECT time_min_ms, time_max_ms FROM damaged_chunk
      UNION ALL SELECT time_min_ms, time_max_ms FROM rollup WHERE pruned_ms IS NOT NULL
      """
    return try Row.fetchAll(database, sql: sql).map { row in
      let low: Int64 = row[0]
      return low...max(low, row[1])
    }
  }

  private struct Key: Hashable {
    var source: Int64
    var sequence: Int64
  }

  private static func spans(_ chunk: ChunkRow, anyOf times: [Int64]) -> Bool {
    var low = 0
    var high = times.count
    while low < high {
      let middle = (low + high) / 2
      if times[middle] < chunk.timeMinimumMilliseconds { low = middle + 1 } else { high = middle }
    }
    return low < times.count && times[low] <= chunk.timeMaximumMilliseconds
  }

  private static func collect(
    from chunk: ChunkRow, _ wanted: [Key: [StoredEvent]], into found: inout Set<StoredEvent>,
    _ database: Database
  ) throws {
    let reader = ChunkReader(database)
    let sources = try integers(.source, chunk, reader)
    let sequences = try integers(.sequence, chunk, reader)
    let rows = (0..<chunk.rowCount).filter {
      sources[$0] != 0 && wanted[Key(source: sources[$0], sequence: sequences[$0])] != nil
    }
    guard !rows.isEmpty else { return }
    let columns = try ChunkContent(chunk, reader)
    for row in rows { found.insert(columns.event(at: row)) }
  }

  private static func integers(
    _ column: ChunkColumn, _ chunk: ChunkRow, _ reader: ChunkReader
  ) throws -> [Int64] {
    var values = [Int64](repeating: 0, count: chunk.rowCount)
    try values.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { try reader.read(column, of: chunk, into: start) }
    }
    return values
  }
}
