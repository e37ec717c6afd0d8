import Aggregation
import ColumnChunk
import EventStore
import UsageModel
import WireFormat

/// Decodes the columns of many chunks, one behind the other.
struct EventColumnsLoader: ~Copyable {
  private let chunks: [ChunkRow]
  private let reader: ChunkReader
  private let rowCount: Int
  private var sessions = StringTable()

  init(_ chunks: [ChunkRow], _ reader: ChunkReader) {
    self.chunks = chunks
    self.reader = reader
    rowCount = chunks.reduce(0) { $0 + $1.rowCount }
  }

  /// Loads the columns asked for, of the rows that start in the range.
  ///
  /// - Complexity: O(rows of the chunks); only the columns asked for are read, and the time column of
  ///   chunks that reach over the range.
  mutating func load(
    startingIn range: Range<Int64>?, _ selection: EventColumns.Selection
  ) throws -> EventColumns {
    var result = EventColumns()
    let kept = try range.map { try rows(in: $0) }
    func column(_ wanted: EventColumns.Selection, _ load: () throws -> Void) rethrows {
      if selection.contains(wanted) { try load() }
    }
    result.rowCount = kept?.reduce(0) { $0 + $1.count } ?? rowCount
    try column(.user) { result.user = try integers(.user, kept) }
    try column(.feature) { result.feature = try integers(.feature, kept) }
    try column(.kind) { result.kind = try bytes(.kind, kept) }
    try column(.outcome) { result.outcome = try bytes(.outcome, kept) }
    try column(.start) { result.start = try wide(.time, kept) }
    try column(.duration) {
      result.duration = try wide(.durationPlusOne, kept)
      for row in result.duration.indices { result.duration[row] -= 1 }
    }
    try column(.source) { result.source = try integers(.source, kept) }
    try column(.sequence) { result.sequence = try wide(.sequence, kept) }
    if selection.contains(.session) { result.session = try sessionNumbers(kept) }
    try column(.version) { result.version = try integers(.version, kept) }
    return result
  }

  /// Which rows of a chunk are in the range: all of them, or those listed.
  private enum KeptRows {
    case all(Int)
    case some([Int32])

    var count: Int {
      switch self {
      case .all(let count): count
      case .some(let rows): rows.count
      }
    }
  }

  private func rows(in range: Range<Int64>) throws -> [KeptRows] {
    try chunks.map { chunk in
      if range.contains(chunk.timeMinimumMilliseconds), range.contains(chunk.timeMaximumMilliseconds) {
        return .all(chunk.rowCount)
      }
      let times = try [Int64](unsafeUninitializedCapacity: chunk.rowCount) { buffer, count in
        if let start = buffer.baseAddress { try reader.read(.time, of: chunk, into: start) }
        count = chunk.rowCount
      }
      return .some(times.indices.filter { range.contains(times[$0]) }.map(Int32.init))
    }
  }

  private func gather<Value>(
    _ kept: [KeptRows]?, _ read: (ChunkRow, UnsafeMutablePointer<Value>) throws -> Void
  ) throws -> [Value] {
    try [Value](unsafeUninitializedCapacity: rowCount) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      for (index, chunk) in chunks.enumerated() {
        let target = base + count
        if case .some(let rows)? = kept?[index], rows.isEmpty { continue }
        try read(chunk, target)
        guard case .some(let rows)? = kept?[index] else {
          count += chunk.rowCount
          continue
        }
        for (place, row) in rows.enumerated() { target[place] = target[Int(row)] }
        count += rows.count
      }
    }
  }

  private func integers(_ column: ChunkColumn, _ kept: [KeptRows]?) throws -> [UInt32] {
    try gather(kept) { try reader.read(column, of: $0, into: $1) }
  }

  private func bytes(_ column: ChunkColumn, _ kept: [KeptRows]?) throws -> [UInt8] {
    try gather(kept) { try reader.read(column, of: $0, into: $1) }
  }

  private func wide(_ column: ChunkColumn, _ kept: [KeptRows]?) throws -> [Int64] {
    try gather(kept) { try reader.read(column, of: $0, into: $1) }
  }

  private mutating func sessionNumbers(_ kept: [KeptRows]?) throws -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(rowCount)
    for (index, chunk) in chunks.enumerated() {
      let texts = try reader.readTexts(.session, of: chunk)
      var numbers: [UInt32] = [0]
      for string in texts.strings {
        numbers.append(
          string.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { sessions.intern($0, bytes.count) } ?? 0
          })
      }
      if case .some(let rows)? = kept?[index] {
        for row in rows { result.append(numbers[Int(texts.codes[Int(row)])]) }
      } else {
        for code in texts.codes { result.append(numbers[Int(code)]) }
      }
    }
    return result
  }
}
