import Aggregation
import ColumnChunk
import EventStore
import UsageModel

/// How many rows a chunk has, and when the first and the last of them start.
package struct ChunkSpan: Equatable, Sendable {
  package var rowCount: Int
  package var timeMinimumMilliseconds: Int64
  package var timeMaximumMilliseconds: Int64

  /// Whether all its rows start in the range.
  func isWithin(_ range: Range<Int64>) -> Bool {
    range.contains(timeMinimumMilliseconds) && range.contains(timeMaximumMilliseconds)
  }

  /// Whether all its rows are known to lie in the window, so that none need be asked for its day.
  func isWithin(_ bounds: WindowBounds) -> Bool { bounds.isExact && isWithin(bounds.span) }
}

/// Stored chunks of one snapshot, decoded by several workers at a time.
package protocol ChunkFeed {
  /// By chunk, in the order of time as far as chunks have one.
  var spans: [ChunkSpan] { get }
  /// Workers that the machine and the number of chunks are worth; at least 1.
  var workerCount: Int { get }
  /// Calls the body with every chunk, decoded, in no particular order and by several workers at a time.
  ///
  /// - Parameters:
  ///   - numbers: of the chunks.
  ///   - isFixed: whether a chunk must go to the same worker in every call with the same numbers.
  ///   - columns: what to decode of a chunk; users before sources.
  ///   - body: gets the worker, so that it can keep what is the worker's own; workers must not share what they
  ///     change.
  /// - Throws: the first error of any worker, after all have stopped.
  func forEach(
    _ numbers: [Int], isFixed: Bool, columns: (_ number: Int) -> [ChunkColumn],
    _ body: (_ worker: Int, _ number: Int, _ chunk: DecodedChunk) throws -> Void
  ) throws
}

extension ChunkFeed {
  func forEach(
    isFixed: Bool = false, columns: (_ number: Int) -> [ChunkColumn],
    _ body: (_ worker: Int, _ number: Int, _ chunk: DecodedChunk) throws -> Void
  ) throws {
    try forEach(Array(spans.indices), isFixed: isFixed, columns: columns, body)
  }
}

/// Plain columns as chunks, brought by turns to two workers one after the other.
struct ColumnsFeed: ChunkFeed {
  let spans: [ChunkSpan]
  let workerCount = 2
  private let columns: EventColumns
  private let rowsAtOnce: Int

  init(_ columns: EventColumns, rowsAtOnce: Int = DecodedChunk.rowsMax) {
    self.columns = columns
    self.rowsAtOnce = rowsAtOnce
    spans = stride(from: 0, to: columns.rowCount, by: rowsAtOnce).map { first in
      let starts = columns.start[first..<min(first + rowsAtOnce, columns.rowCount)]
      return ChunkSpan(
        rowCount: starts.count, timeMinimumMilliseconds: starts.min() ?? 0,
        timeMaximumMilliseconds: starts.max() ?? 0)
    }
  }

  func forEach(
    _ numbers: [Int], isFixed: Bool, columns wanted: (_ number: Int) -> [ChunkColumn],
    _ body: (_ worker: Int, _ number: Int, _ chunk: DecodedChunk) throws -> Void
  ) throws {
    let chunk = DecodedChunk()
    for number in numbers {
      let first = number * rowsAtOnce
      chunk.fill(columns, rows: first..<first + spans[number].rowCount)
      try body(number % workerCount, number, chunk)
    }
  }
}
