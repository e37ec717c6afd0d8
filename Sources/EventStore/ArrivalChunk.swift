import ColumnChunk
import GRDB
import WireFormat

/// Makes a chunk in order of arrival out of a batch; keeps its scratch memory for the next.
struct ArrivalChunk {
  /// Room for a whole batch, made for the first: an idle daemon has no use for it.
  private var column: [Int64] = []
  /// By string number of the batch, its code in the chunk; 0 not used yet.
  private var codes: [UInt32] = []

  /// Inserts a chunk of the rows given, in their order.
  mutating func insert(
    _ rows: [UInt32], of batch: EventBatch, _ names: borrowing BatchNames, isImported: Bool,
    in database: Database
  ) throws {
    if column.isEmpty { column = [Int64](repeating: 0, count: EventBatch.eventsMax) }
    var writer = ChunkWriter(rowCount: rows.count, effort: .arrival)
    let (users, labels, sources) = (names.numbers(.user), names.numbers(.label), names.numbers(.source))
    addPlain(batch.time, .time, rows, batch, &writer)
    addNumbers(of: batch.user, users, .user, rows, batch, &writer)
    addPlain(names.featureColumn, .feature, rows, batch, &writer)
    let (kinds, outcomes) = (batch.kind, batch.outcome)
    add(.kind, rows, batch, &writer) { Int64(kinds[$0]) }
    add(.outcome, rows, batch, &writer) { Int64(outcomes[$0]) }
    addPlain(batch.durationPlusOne, .durationPlusOne, rows, batch, &writer)
    addNumbers(of: batch.host, labels, .host, rows, batch, &writer)
    addTexts(of: batch.session, .session, rows, batch, &writer)
    addNumbers(of: batch.version, labels, .version, rows, batch, &writer)
    addNumbers(of: batch.cause, labels, .cause, rows, batch, &writer)
    addNumbers(of: batch.source, sources, .source, rows, batch, &writer)
    addPlain(batch.sequence, .sequence, rows, batch, &writer)
    addTexts(of: batch.attributes, .attributes, rows, batch, &writer)
    addPlain(batch.clockOffset, .clockOffset, rows, batch, &writer)
    _ = try writer.insert(day: nil, run: 0, isImported: isImported, in: database)
  }

  /// Encodes what `value` says for each row.
  @inline(__always)
  private mutating func add(
    _ column: ChunkColumn, _ rows: [UInt32], _ batch: EventBatch, _ writer: inout ChunkWriter,
    _ value: (Int) -> Int64
  ) {
    let hasAll = rows.count == batch.count
    self.column.withUnsafeMutableBufferPointer { values in
      rows.withUnsafeBufferPointer { rows in
        if hasAll {
          for index in 0..<rows.count { values[index] = value(index) }
        } else {
          for index in 0..<rows.count { values[index] = value(Int(rows[index])) }
        }
      }
      writer.add(column, UnsafeBufferPointer(rebasing: values[..<rows.count]))
    }
  }

  /// A column that holds what is stored; in place if all rows are.
  private mutating func addPlain(
    _ values: UnsafePointer<Int64>, _ column: ChunkColumn, _ rows: [UInt32], _ batch: EventBatch,
    _ writer: inout ChunkWriter
  ) {
    if rows.count == batch.count {
      writer.add(column, UnsafeBufferPointer(start: values, count: rows.count))
    } else {
      add(column, rows, batch, &writer) { values[$0] }
    }
  }

  private mutating func addNumbers(
    of strings: UnsafePointer<UInt32>, _ numbers: [Int64], _ column: ChunkColumn, _ rows: [UInt32],
    _ batch: EventBatch, _ writer: inout ChunkWriter
  ) {
    if Self.areAbsent(strings, batch) { return }
    numbers.withUnsafeBufferPointer { numbers in
      add(column, rows, batch, &writer) { numbers[Int(strings[$0])] }
    }
  }

  /// Whether no event of the batch has a string of this column.
  private static func areAbsent(_ strings: UnsafePointer<UInt32>, _ batch: EventBatch) -> Bool {
    var bits: UInt32 = 0
    for row in 0..<batch.count { bits |= strings[row] }
    return bits == 0
  }

  /// Gives the texts of a column small codes, from 1, in order of first use.
  private mutating func addTexts(
    of strings: UnsafePointer<UInt32>, _ column: ChunkColumn, _ rows: [UInt32], _ batch: EventBatch,
    _ writer: inout ChunkWriter
  ) {
    if Self.areAbsent(strings, batch) { return }
    var texts = TextList()
    codes.removeAll(keepingCapacity: true)
    codes.append(contentsOf: repeatElement(0, count: batch.strings.count))
    codes.withUnsafeMutableBufferPointer { codes in
      self.column.withUnsafeMutableBufferPointer { values in
        for (index, row) in rows.enumerated() {
          let string = Int(strings[Int(row)])
          if string != 0 && codes[string] == 0 {
            batch.strings.withBytes(of: UInt32(truncatingIfNeeded: string)) { texts.append($0) }
            codes[string] = UInt32(truncatingIfNeeded: texts.count)
          }
          values[index] = Int64(codes[string])
        }
      }
    }
    self.column.withUnsafeBufferPointer {
      writer.add(column, texts: texts, UnsafeBufferPointer(rebasing: $0[..<rows.count]))
    }
  }
}
