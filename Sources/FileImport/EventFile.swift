import EventStore
import UsageModel
import WireFormat

/// Imports events from NDJSON, CSV or files of protobuf batches.
package enum EventFile {
  /// The forms of an event file.
  package enum Form: String, CaseIterable, Sendable {
    case ndjson
    case csv
    case batch

    /// Tells the form by a file's ending, when that is one of the usual.
    package static func guess(fileName: String) -> Form? {
      for (ending, form) in [
        (".ndjson", Form.ndjson), (".jsonl", .ndjson), (".json", .ndjson), (".csv", .csv), (".wlb", .batch),
      ] where fileName.lowercased().hasSuffix(ending) {
        return form
      }
      return nil
    }

    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Tells the form by the first bytes: `{` or white space is JSON, the magic a batch, the rest CSV.
    static func guess(firstBytes bytes: UnsafeRawBufferPointer) -> Form {
      let text = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes[...]
      guard let first = text.first else { return .ndjson }
      if first == 0x7B || first == 0x20 || first == 0x0A || first == 0x0D || first == 0x09 { return .ndjson }
      return bytes.starts(with: UsageBatchFrame.magic) ? .batch : .csv
    }
  }

  /// Reads the whole input into the store.
  ///
  /// - Parameters:
  ///   - form: nil to tell it from the first bytes.
  ///   - progress: called with the bytes read so far after each stored batch.
  /// - Throws: `ImportError` for a file that is no event file; `DatabaseError`. Batches stored before
  ///   stay: importing again only counts duplicates for numbered events.
  package static func read(
    _ input: ByteInput, form: Form?, into store: some StoreWriting, nowMilliseconds: Int64,
    progress: (Int) -> Void = { _ in }
  ) throws -> ImportResult {
    var session = ImportSession(input: input, store: store, nowMilliseconds: nowMilliseconds)
    try session.fill(atLeast: UsageBatchFrame.headerBytes)
    switch form ?? session.withBytes(Form.guess(firstBytes:)) {
    case .ndjson: try session.readLines(progress)
    case .batch: try session.readBatches(progress)
    case .csv: try session.readRecords(progress)
    }
    return session.result
  }
}

/// One import under way: a window of bytes, a batch being filled, and the counts so far.
private struct ImportSession<Store: StoreWriting>: ~Copyable {
  private static var windowBytes: Int { 1 << 20 }

  private var input: ByteInput
  private let pipeline: CommitPipeline<Store>
  private let nowMilliseconds: Int64
  private var batch = EventBatch()
  private var json = JSONEventDecoder()
  private(set) var result = ImportResult()

  // The unread bytes are buffer[start..<end].
  private var buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var isAtEnd = false

  init(input: ByteInput, store: Store, nowMilliseconds: Int64) {
    self.input = input
    pipeline = CommitPipeline(store: store)
    self.nowMilliseconds = nowMilliseconds
    buffer = .allocate(byteCount: Self.windowBytes, alignment: 16)
    json.setReceipt(milliseconds: nowMilliseconds)
  }

  deinit { buffer.deallocate() }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    body(UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
  }

  /// Moves what is unread to the front and reads more behind it; grows a window that is full.
  mutating func fill() throws {
    if start > 0 {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
      end -= start
      start = 0
    }
    if end == buffer.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
      buffer.deallocate()
      buffer = larger
    }
    let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
    if count == 0 { isAtEnd = true }
    end += count
  }

  /// Reads until so many bytes are there, or all there are: a pipe may give them one by one.
  mutating func fill(atLeast byteCount: Int) throws {
    while end - start < byteCount && !isAtEnd { try fill() }
  }

  /// Hands over the batch and goes on with an empty one.
  private mutating func commit(_ progress: (Int) -> Void) throws {
    guard !batch.isEmpty else { return }
    listProblems()
    let received = ReceivedBatch(batch: batch, transport: "import", receivedMilliseconds: nowMilliseconds)
    let (empty, stored) = try pipeline.exchange(received)
    batch = empty
    add(stored)
    progress(input.byteCount)
  }

  /// Hands over the last batch and waits until all are stored.
  private mutating func finish(_ progress: (Int) -> Void) throws {
    try commit(progress)
    add(try pipeline.finish())
  }

  private mutating func add(_ summary: CommitSummary) {
    result.accepted += summary.accepted
    result.duplicate += summary.duplicate
    result.conflict += summary.conflict
    for (reason, count) in summary.rejected { result.rejected[reason.rawValue, default: 0] += count }
  }

  private mutating func listProblems() {
    for reject in batch.rejects where result.problems.count < ImportResult.problemsMax {
      let text = String(decoding: (reject.bytes ?? []).prefix(120), as: UTF8.self)
      result.problems.append(
        ImportResult.Problem(line: reject.line, reason: "\(reject.reason.rawValue): \(text)"))
    }
  }

  // MARK: Forms

  mutating func readLines(_ progress: (Int) -> Void) throws {
    skipByteOrderMark()
    var isSkippingLongLine = false
    while true {
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<end]).bindMemory(to: UInt8.self)
      if isSkippingLongLine {
        let feed = bytes.firstIndex(of: 0x0A)
        start += feed.map { $0 + 1 } ?? bytes.count
        isSkippingLongLine = feed == nil
        if !isSkippingLongLine { continue }
      } else {
        // It also stops before a line that may begin a batch, and takes it only when called again.
        let consumed = json.decodeLines(bytes, isFinal: isAtEnd, into: batch)
        start += consumed
        if consumed > 0 && !batch.isFull { continue }
      }
      if batch.isFull {
        try commit(progress)
        continue
      }
      if isAtEnd { break }
      if end - start > JSONEventDecoder.lineBytesMax, !isSkippingLongLine {
        // No line feed within the longest line: refuse it once, then skip to its end.
        let line = UnsafeRawBufferPointer(rebasing: buffer[start..<end]).bindMemory(to: UInt8.self)
        json.lineNumber += 1
        batch.reject(.tooLong, bytes: line, line: json.lineNumber)
        isSkippingLongLine = true
        continue
      }
      try fill()
    }
    try finish(progress)
  }

  private mutating func skipByteOrderMark() {
    let mark = EventFile.Form.byteOrderMark
    if withBytes({ $0.starts(with: mark) }) { start += mark.count }
  }

  mutating func readBatches(_ progress: (Int) -> Void) throws {
    var decoder = BatchEventDecoder()
    decoder.setReceipt(milliseconds: nowMilliseconds)
    while true {
      switch withBytes(UsageBatchFrame.inspect) {
      case .batch(let range):
        let bytes = UnsafeRawBufferPointer(
          rebasing: buffer[start + range.lowerBound..<start + range.upperBound])
        batch = try decoder.decode(bytes, into: batch) { _ in
          try commit(progress)
          return batch
        }
        if batch.isFull { try commit(progress) }
        start += range.upperBound
      case .incomplete where isAtEnd:
        if end > start { refuseRest() }
        return try finish(progress)
      case .incomplete: try fill()
      case .badMagic, .tooLarge:
        refuseRest()
        return try finish(progress)
      }
    }
  }

  /// Without a sound frame header there is no telling where the next batch begins.
  private mutating func refuseRest() {
    batch.reject(
      .badBatch, bytes: UnsafeRawBufferPointer(rebasing: buffer[start..<end]).bindMemory(to: UInt8.self))
    result.warnings.append("the rest of the file after a broken batch was not read")
  }

  mutating func readRecords(_ progress: (Int) -> Void) throws {
    var reader = CommaSeparatedReader()
    guard try advance(&reader) else { throw ImportError("events: the file has no header line") }
    let header: CommaSeparatedHeader
    var decoder: CommaSeparatedEventDecoder
    do {
      header = try CommaSeparatedHeader(reader)
      decoder = try CommaSeparatedEventDecoder(header: header)
    } catch {
      throw ImportError(
        "events: \(error); the file is neither NDJSON, CSV with a header, nor a file of batches")
    }
    let unknown = header.unknownNames(known: CommaSeparatedEventDecoder.knownColumns)
    if !unknown.isEmpty {
      result.warnings.append("ignored unknown columns: \(unknown.joined(separator: ", "))")
    }
    while try advance(&reader) {
      if batch.isFull { try commit(progress) }
      if reader.cellCount == 1 && reader.isEmpty(0) { continue }
      if reader.cellCount == header.names.count {
        json.lineNumber = reader.line
        decoder.decode(reader, using: &json, into: batch)
      } else {
        refuse(reader.line, "\(reader.cellCount) cells, the header has \(header.names.count)")
      }
    }
    try finish(progress)
  }

  private mutating func advance(_ reader: inout CommaSeparatedReader) throws -> Bool {
    while true {
      switch reader.next() {
      case .record: return true
      case .malformed(let error): refuse(error.line, "\(error)")
      case .end: return false
      case .needsBytes:
        if start == end && !isAtEnd { try fill() }
        if start == end && isAtEnd {
          reader.finish()
        } else {
          withBytes { reader.append($0) }
          start = end
        }
      }
    }
  }

  private mutating func refuse(_ line: Int, _ detail: String) {
    let text = Array(detail.utf8)
    text.withUnsafeBufferPointer { batch.reject(.csv, bytes: $0, line: line) }
  }
}
