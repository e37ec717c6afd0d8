import ColumnChunk
import GRDB

/// Writes a chunk anew without some of its rows.
enum ChunkRewriter {
  /// Replaces a chunk by one of the rows given, in their order; by none when there are none.
  ///
  /// - Parameters:
  ///   - content: the chunk's columns as they are stored.
  ///   - text: what becomes of a session or an attributes object; never empty.
  static func replace(
    _ chunk: ChunkRow, _ content: ChunkContent, keeping rows: [Int],
    text: ([UInt8]) -> [UInt8] = { $0 }, in database: Database
  ) throws {
    try ChunkMerger.delete(chunk, in: database)
    guard !rows.isEmpty else { return }
    var writer = ChunkWriter(rowCount: rows.count, effort: chunk.day == nil ? .arrival : .merged)
    for column in ChunkColumn.allCases {
      let stored = content[column]
      let values = rows.map { stored[$0] }
      if column.isText {
        addTexts(column, values, column == .session ? content.sessions : content.attributes, text, &writer)
      } else {
        values.withUnsafeBufferPointer { writer.add(column, $0) }
      }
    }
    _ = try writer.insert(day: chunk.day, run: chunk.run, isImported: chunk.isImported, in: database)
  }

  /// Keeps the texts that the rows use, each once.
  private static func addTexts(
    _ column: ChunkColumn, _ codes: [Int64], _ stored: [[UInt8]], _ text: ([UInt8]) -> [UInt8],
    _ writer: inout ChunkWriter
  ) {
    var strings: [[UInt8]] = []
    var codeOfText: [[UInt8]: Int64] = [:]
    var renumbered: [Int64: Int64] = [:]
    let values = codes.map { code -> Int64 in
      if code == 0 { return 0 }
      if let known = renumbered[code] { return known }
      let changed = text(stored[Int(code) - 1])
      let new = codeOfText[changed] ?? Int64(strings.count + 1)
      if new > strings.count {
        strings.append(changed)
        codeOfText[changed] = new
      }
      renumbered[code] = new
      return new
    }
    values.withUnsafeBufferPointer { writer.add(column, texts: TextList(strings), $0) }
  }
}
