/// Why one record of a CSV file could not be read; the reader goes on at the next line.
package struct CommaSeparatedError: Error, Equatable, CustomStringConvertible {
  package enum Problem: Equatable, Sendable {
    /// A quote inside a cell that doesn't begin with one.
    case quoteInsideCell
    /// Text between a closing quote and the next delimiter.
    case textAfterQuote
    /// The file, or the longest possible record, ends inside quotes.
    case unclosedQuote
    /// Longer than ``CommaSeparatedReader/recordBytesMax``.
    case tooLong(limit: Int)
  }

  package var problem: Problem
  /// The line on which the record begins, from 1.
  package var line: Int

  package var description: String {
    switch problem {
    case .quoteInsideCell: "line \(line): a quote inside a cell without quotes"
    case .textAfterQuote: "line \(line): text after a closing quote"
    case .unclosedQuote: "line \(line): a quote is never closed"
    case .tooLong(let limit): "line \(line): a record of more than \(limit) bytes"
    }
  }
}

/// Reads RFC 4180 records from bytes that come in pieces.
///
/// Besides RFC 4180 it takes a byte order mark, lines ended by LF, CR or CRLF, another delimiter, and
/// skips empty lines. Cells are bytes: whether they are UTF-8 is the caller's question.
///
///     var reader = CommaSeparatedReader()
///     while true {
///       switch reader.next() {
///       case .record: use(reader.line, reader.cellCount, reader.text(0))
///       case .malformed(let error): report(error)
///       case .needsBytes: if !fill(&reader) { reader.finish() }
///       case .end: return
///       }
///     }
///
/// A broken record costs the line it begins on, not those that a stray quote would swallow: the reader
/// goes back to the end of that line. Reading stays linear, since what follows a stray quote up to
/// the limit holds quotes in pairs only, and so no second stray one.
package struct CommaSeparatedReader: ~Copyable {
  /// Default for `recordBytesMax`: any event with all its attributes fits ten times.
  package static let recordBytesDefault = 1 << 20

  /// What ``next()`` found.
  package enum Step: Equatable {
    /// A record, to be had from ``cellCount`` and ``text(_:)`` until the next step.
    case record
    case malformed(CommaSeparatedError)
    /// Nothing more without ``append(_:)`` or ``finish()``.
    case needsBytes
    case end
  }

  private struct Cell {
    var start: Int
    var end: Int
    /// Whether the bytes lie in `unquoted` rather than in `buffer`.
    var isUnquoted: Bool
  }

  private let delimiter: UInt8
  /// Longest record in bytes, line end included; bounds the memory that a stray quote can take.
  package let recordBytesMax: Int

  /// Bytes not yet consumed begin at `position`.
  private var buffer: [UInt8] = []
  private var position = 0
  private var isFinished = false
  private var isAtStart = true
  /// Whether a record ended with CR as the last byte there was: an LF after it belongs to it.
  private var skipsLineFeed = false
  /// Whether bytes up to the next line end belong to a broken record.
  private var skipsRestOfLine = false
  private var nextLine = 1

  private var cells: [Cell] = []
  /// Bytes of cells with doubled quotes, without the doubling.
  private var unquoted: [UInt8] = []

  /// The line on which the current record begins, from 1.
  package private(set) var line = 0
  /// Number of cells of the current record.
  package var cellCount: Int { cells.count }

  package init(delimiter: UInt8 = UInt8(ascii: ","), recordBytesMax: Int = recordBytesDefault) {
    self.delimiter = delimiter
    self.recordBytesMax = recordBytesMax
  }

  /// Adds the next bytes of the file.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    precondition(!isFinished, "BUG: bytes after the end")
    clearRecord()
    if position > 0 {
      buffer.removeSubrange(0..<position)
      position = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// Says that no more bytes will come.
  package mutating func finish() { isFinished = true }

  /// Goes to the next record.
  package mutating func next() -> Step {
    clearRecord()
    if !skipPreamble() { return isFinished ? .end : .needsBytes }
    line = nextLine
    switch scanRecord() {
    case .complete(let end):
      nextLine += lineCount(in: position..<end)
      position = end
      return .record
    case .incomplete:
      clearRecord()
      return .needsBytes
    case .broken(let problem):
      clearRecord()
      skipLine()
      return .malformed(CommaSeparatedError(problem: problem, line: line))
    }
  }

  private mutating func clearRecord() {
    cells.removeAll(keepingCapacity: true)
    unquoted.removeAll(keepingCapacity: true)
  }
}

// MARK: - Cells

extension CommaSeparatedReader {
  /// The bytes of a cell of the current record, quotes taken off.
  package func withBytes<Result>(
    _ index: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    let cell = cells[index]
    return try (cell.isUnquoted ? unquoted : buffer).withUnsafeBufferPointer {
      try body(UnsafeBufferPointer(rebasing: $0[cell.start..<cell.end]))
    }
  }

  /// A cell of the current record as text; nil when it is not UTF-8.
  package func text(_ index: Int) -> String? {
    withBytes(index) { String(validating: $0, as: UTF8.self) }
  }

  /// Whether a cell of the current record has no bytes.
  package func isEmpty(_ index: Int) -> Bool { cells[index].start == cells[index].end }
}

// MARK: - Scanning

extension CommaSeparatedReader {
  private enum Scan {
    /// The record and its line end stop before this offset.
    case complete(end: Int)
    case incomplete
    case broken(CommaSeparatedError.Problem)
  }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Skips a byte order mark and empty lines.
  ///
  /// - Returns: whether a record begins at `position`.
  private mutating func skipPreamble() -> Bool {
    if isAtStart {
      let head = buffer[position...].prefix(3)
      if head.count < 3 && !isFinished && Self.byteOrderMark.starts(with: head) { return false }
      if head.elementsEqual(Self.byteOrderMark) { position += 3 }
      isAtStart = false
    }
    if skipsRestOfLine { skipLine() }
    while position < buffer.count {
      let byte = buffer[position]
      if byte == Self.lineFeed {
        if !skipsLineFeed { nextLine += 1 }
        skipsLineFeed = false
      } else if byte == Self.carriageReturn {
        nextLine += 1
        skipsLineFeed = true
      } else {
        skipsLineFeed = false
        return true
      }
      position += 1
    }
    return false
  }

  /// Finds the cells of the record at `position`.
  private mutating func scanRecord() -> Scan {
    let limit = min(buffer.count, position + recordBytesMax)
    var cursor = position
    while true {
      let cell =
        cursor < limit && buffer[cursor] == Self.quote
        ? scanQuoted(from: cursor + 1, limit) : scanPlain(from: cursor, limit)
      switch cell {
      case .ended(let end): cursor = end
      case .broken(let problem): return .broken(problem)
      case .outOfBytes(let isQuoted): return outOfBytes(isQuoted: isQuoted, limit)
      }
      guard cursor < limit else { return .complete(end: cursor) }
      let byte = buffer[cursor]
      cursor += 1
      if byte == delimiter { continue }
      if byte == Self.carriageReturn {
        if cursor == buffer.count {
          skipsLineFeed = true
        } else if buffer[cursor] == Self.lineFeed {
          cursor += 1
        }
      }
      return .complete(end: cursor)
    }
  }

  private enum CellScan {
    /// At a delimiter, a line end, or the end of the file.
    case ended(at: Int)
    case outOfBytes(isQuoted: Bool)
    case broken(CommaSeparatedError.Problem)
  }

  private mutating func scanPlain(from start: Int, _ limit: Int) -> CellScan {
    let (end, isQuote) = buffer.withUnsafeBufferPointer { bytes in
      var cursor = start
      while cursor < limit {
        let byte = bytes[cursor]
        if byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn { break }
        if byte == Self.quote { return (cursor, true) }
        cursor &+= 1
      }
      return (cursor, false)
    }
    if isQuote { return .broken(.quoteInsideCell) }
    if end == limit && !isLastByte(limit) { return .outOfBytes(isQuoted: false) }
    cells.append(Cell(start: start, end: end, isUnquoted: false))
    return .ended(at: end)
  }

  private mutating func scanQuoted(from start: Int, _ limit: Int) -> CellScan {
    let unquotedStart = unquoted.count
    var hasDoubled = false
    var pieceStart = start
    var cursor = start
    while true {
      guard let closing = nextQuote(from: cursor, limit) else { return .outOfBytes(isQuoted: true) }
      if closing + 1 < limit, buffer[closing + 1] == Self.quote {
        hasDoubled = true
        unquoted.append(contentsOf: buffer[pieceStart...closing])
        cursor = closing + 2
        pieceStart = cursor
        continue
      }
      if closing + 1 == limit {
        if !isLastByte(limit) { return .outOfBytes(isQuoted: true) }
      } else if !endsCell(buffer[closing + 1]) {
        return .broken(.textAfterQuote)
      }
      if hasDoubled {
        unquoted.append(contentsOf: buffer[pieceStart..<closing])
        cells.append(Cell(start: unquotedStart, end: unquoted.count, isUnquoted: true))
      } else {
        cells.append(Cell(start: start, end: closing, isUnquoted: false))
      }
      return .ended(at: closing + 1)
    }
  }

  private func nextQuote(from start: Int, _ limit: Int) -> Int? {
    buffer.withUnsafeBufferPointer { bytes in
      var cursor = start
      while cursor < limit {
        if bytes[cursor] == Self.quote { return cursor }
        cursor &+= 1
      }
      return nil
    }
  }

  private func endsCell(_ byte: UInt8) -> Bool {
    byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn
  }

  /// Whether the file ends at an offset.
  private func isLastByte(_ limit: Int) -> Bool { isFinished && limit == buffer.count }

  private func outOfBytes(isQuoted: Bool, _ limit: Int) -> Scan {
    if limit - position == recordBytesMax {
      return .broken(isQuoted ? .unclosedQuote : .tooLong(limit: recordBytesMax))
    }
    return isFinished ? .broken(.unclosedQuote) : .incomplete
  }

  /// Goes behind the end of the line at `position`; the rest of a line whose end is not there yet is
  /// dropped as it comes.
  private mutating func skipLine() {
    while position < buffer.count {
      let byte = buffer[position]
      if byte == Self.lineFeed || byte == Self.carriageReturn {
        skipsRestOfLine = false
        return
      }
      position += 1
    }
    skipsRestOfLine = true
  }

  private func lineCount(in range: Range<Int>) -> Int {
    var count = 0
    for index in range {
      let byte = buffer[index]
      if byte == Self.lineFeed {
        if index == range.lowerBound || buffer[index - 1] != Self.carriageReturn { count += 1 }
      } else if byte == Self.carriageReturn {
        count += 1
      }
    }
    return count
  }
}
