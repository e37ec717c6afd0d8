import ColumnChunk

/// All columns of one chunk in memory, in the store's numbers.
struct ChunkContent {
  let rowCount: Int
  /// By `ChunkColumn.rawValue`; text columns hold codes into `texts`.
  private(set) var integers: [[Int64]]
  private(set) var sessions: [[UInt8]]
  private(set) var attributes: [[UInt8]]

  init(_ chunk: ChunkRow, _ reader: ChunkReader) throws {
    rowCount = chunk.rowCount
    let columnCount = (ChunkColumn.allCases.map { Int($0.rawValue) }.max() ?? 0) + 1
    integers = [[Int64]](repeating: [], count: columnCount)
    sessions = []
    attributes = []
    for column in ChunkColumn.allCases {
      if column.isText {
        let texts = try reader.readTexts(column, of: chunk)
        integers[Int(column.rawValue)] = texts.codes.map(Int64.init)
        if column == .session { sessions = texts.strings } else { attributes = texts.strings }
      } else {
        var values = [Int64](repeating: 0, count: chunk.rowCount)
        try values.withUnsafeMutableBufferPointer { buffer in
          if let start = buffer.baseAddress { try reader.read(column, of: chunk, into: start) }
        }
        integers[Int(column.rawValue)] = values
      }
    }
  }

  subscript(column: ChunkColumn) -> [Int64] { integers[Int(column.rawValue)] }

  func event(at row: Int) -> StoredEvent {
    StoredEvent(
      time: self[.time][row], user: self[.user][row], feature: self[.feature][row],
      kind: self[.kind][row], outcome: self[.outcome][row],
      durationPlusOne: self[.durationPlusOne][row], host: self[.host][row],
      version: self[.version][row], cause: self[.cause][row], source: self[.source][row],
      sequence: self[.sequence][row], session: Self.text(self[.session][row], in: sessions),
      attributes: Self.text(self[.attributes][row], in: attributes))
  }

  private static func text(_ code: Int64, in texts: [[UInt8]]) -> [UInt8] {
    code == 0 ? [] : texts[Int(code) - 1]
  }
}
