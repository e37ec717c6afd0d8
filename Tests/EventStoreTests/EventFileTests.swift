import EventStore
import FileImport
import Foundation
import GRDB
import Testing
import UsageModel
import WireFormat

/// Whole files of events into a database.
struct EventFileTests {
  private static let now: Int64 = 1_780_272_000_000

  /// A database and the writer of an importing process.
  private final class Target {
    let directory: TemporaryDirectory
    let store: EventStore
    let writer: LocalWriter

    init(workerCount: Int = 1) throws {
      directory = try TemporaryDirectory()
      store = try EventStore(writingAt: directory.database, program: "test")
      writer = LocalWriter(store: store, workerCount: workerCount, rowsPerCounter: 1)
    }

    func events() throws -> [UsageEvent] { try store.read { try StoredEvents.all(in: $0) } }
  }

  private static func input(_ bytes: [UInt8], pieceBytes: Int = .max) -> ByteInput {
    var rest = bytes[...]
    return ByteInput { buffer in
      let piece = rest.prefix(min(pieceBytes, buffer.count))
      rest = rest.dropFirst(piece.count)
      buffer.copyBytes(from: piece)
      return piece.count
    }
  }

  private static func read(
    _ bytes: [UInt8], form: EventFile.Form? = nil, pieceBytes: Int = .max
  ) throws -> (events: [UsageEvent], result: ImportResult) {
    let target = try Target()
    let result = try EventFile.read(
      input(bytes, pieceBytes: pieceBytes), form: form, into: target.writer, nowMilliseconds: now)
    return (try target.events(), result)
  }

  private static func event(_ number: Int) -> UsageEvent {
    UsageEvent(timeMilliseconds: 1_767_225_600_000 + Int64(number), user: "u", app: "a", feature: "f")
  }

  private static func line(_ number: Int) -> String {
    #"{"time":\#(event(number).timeMilliseconds),"user":"u","app":"a","feature":"f"}"#
  }

  @Test(arguments: [1, 2, 3, 7, 100, 65_536, Int.max])
  func readsLinesInAnyPieces(pieceBytes: Int) throws {
    let text =
      "\u{FEFF}" + Self.line(1) + "\r\n\r\nWhat is this?\n" + Self.line(2) + "\nWLB1 neither\nW\n"
      + Self.line(3)
      + "\n{\"time\":0}\nW"
    let (events, result) = try Self.read(Array(text.utf8), pieceBytes: pieceBytes)
    #expect(events == [1, 2, 3].map(Self.event))
    #expect(result.accepted == 3)
    #expect(result.rejected == ["not_json": 4, "time": 1])
    #expect(result.problems.count == 5)
  }

  /// A line that no buffer holds costs itself, and nothing before or behind it.
  @Test(arguments: [70_000, 1_048_576, 1_200_000])
  func skipsLongLines(byteCount: Int) throws {
    let long = [UInt8](repeating: 0x78, count: byteCount)
    let good = (1...1_000).map { Self.line($0) }.joined(separator: "\n")
    let bytes = Array((good + "\n").utf8) + long + Array(("\n" + good + "\n").utf8) + long
    for pieceBytes in [10_000, .max] {
      let (events, result) = try Self.read(bytes, form: .ndjson, pieceBytes: pieceBytes)
      #expect(result.rejected == ["too_long": 2])
      #expect(result.accepted == 2_000)
      #expect(events.count == 2_000)
    }
  }

  @Test func readsMoreThanABatch() throws {
    let bytes = Array((0..<70_000).map { Self.line($0) }.joined(separator: "\n").utf8)
    var progress: [Int] = []
    let target = try Target()
    let result = try EventFile.read(
      Self.input(bytes, pieceBytes: 50_000), form: nil, into: target.writer, nowMilliseconds: Self.now
    ) { progress.append($0) }
    #expect(result.accepted == 70_000)
    #expect(result.rejectedCount == 0)
    #expect(progress.count == 2)
    #expect(progress.last == bytes.count)
    let sums = try target.store.read { try Int64.fetchOne($0, sql: "SELECT sum(row_count) FROM chunk") }
    #expect(sums == 70_000)
    try target.writer.mergeAll { _, _ in }
    #expect(
      try target.events().map(\.timeMilliseconds) == (0..<70_000).map { Self.event($0).timeMilliseconds })
  }

  /// Days counted by several threads are those that one counts.
  @Test(arguments: [2, 3, 8])
  func severalThreadsCountWhatOneDoes(workerCount: Int) throws {
    func cells(workerCount: Int) throws -> [String] {
      var random = SeededRandom(seed: 29)
      let target = try Target(workerCount: workerCount)
      for _ in 0..<3 {
        let lines = (0..<2_000).map { _ in
          let milliseconds = Int64.random(in: 0..<9 * 86_400_000, using: &random)
          let user = Int.random(in: 0..<20, using: &random)
          return """
            {"time":\(1_767_225_600_000 + milliseconds),"user":"u\(user)","app":"a","feature":"f\(milliseconds % 5)",\
            "duration_ms":\(milliseconds % 5_000)}
            """
        }
        _ = try EventFile.read(
          Self.input(Array(lines.joined(separator: "\n").utf8)), form: nil, into: target.writer,
          nowMilliseconds: Self.now)
        try target.writer.mergeAll { _, _ in }
      }
      return try target.store.read { database in
        try String.fetchAll(
          database,
          sql: """
            SELECT rollup.day || ' ' || rollup.event_count || ' ' || rollup_part.row_count || ' ' ||
              rollup_column.id % 64 || ' ' || hex(rollup_column.data)
            FROM rollup JOIN rollup_part ON rollup_part.rollup = rollup.id
            JOIN rollup_column ON rollup_column.id / 64 = rollup_part.id ORDER BY 1
            """)
      }
    }
    let alone = try cells(workerCount: 1)
    #expect(Set(alone.map { $0.prefix { $0 != " " } }).count == 9)
    #expect(try cells(workerCount: workerCount) == alone)
  }

  @Test func countsRefusalsBeyondABatch() throws {
    let bytes = Array((0..<70_000).map { $0 % 2 == 0 ? "bad\n" : Self.line($0) + "\n" }.joined().utf8)
    let (events, result) = try Self.read(bytes, form: .ndjson)
    #expect(events.count == 35_000)
    #expect(result.rejected == ["not_json": 35_000])
    #expect(result.problems.count == ImportResult.problemsMax)
  }

  @Test func tellsFormsApart() throws {
    let csv = Array("time,user,app,feature\n1767225600001,u,a,f\n".utf8)
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let batch = try UsageBatchEncoder.encode([Self.event(1)])
    for bytes in [
      Array(Self.line(1).utf8), Array(("\n \t" + Self.line(1)).utf8), mark + Array(Self.line(1).utf8), csv,
      mark + csv,
      batch,
    ] {
      #expect(try Self.read(bytes).events == [Self.event(1)])
    }
    #expect(try Self.read([]).result == ImportResult())
    for (name, form) in [
      ("a.ndjson", EventFile.Form.ndjson), ("a.JSONL", .ndjson), ("a.json", .ndjson), ("b.Csv", .csv),
      ("b.wlb", .batch),
    ] {
      #expect(EventFile.Form.guess(fileName: name) == form)
    }
    #expect(EventFile.Form.guess(fileName: "csv") == nil)
  }

  // MARK: Batches

  @Test(arguments: [1, 1_000, Int.max])
  func readsBatchesInAnyPieces(pieceBytes: Int) throws {
    let events = (1...200).map(Self.event)
    let bytes = try UsageBatchEncoder.encode(events, eventsPerBatch: 30)
    let (stored, result) = try Self.read(bytes, pieceBytes: pieceBytes)
    #expect(stored == events)
    #expect(result.accepted == 200)
    #expect(result.warnings.isEmpty)
  }

  /// What stands before a broken batch is kept; a bad batch in a whole frame costs itself only.
  @Test func keepsWhatComesBeforeABrokenBatch() throws {
    let first = try UsageBatchEncoder.encode([Self.event(1)])
    let second = try UsageBatchEncoder.encode([Self.event(2)])
    var malformed = second
    malformed[8] = 0xFF
    for (bytes, numbers, warnings) in [
      (first + second.dropLast(), [1], 1), (first + Array("WLB1".utf8), [1], 1), (first + [0x57], [1], 1),
      (first + Array("garbage garbage".utf8) + second, [1], 1),
      (first + Array("WLB1".utf8) + [255, 255, 255, 255] + second, [1], 1),
      (first + malformed + second, [1, 2], 0),
      (malformed, [], 0),
    ] {
      let (events, result) = try Self.read(bytes)
      #expect(events == numbers.map(Self.event))
      #expect(result.accepted == numbers.count)
      #expect(result.rejected == ["bad_batch": 1])
      #expect(result.warnings.count == warnings)
    }
  }

  /// Attributes of a few megabytes that would be gigabytes when written out: many commits, bounded memory.
  @Test func boundsWhatABatchUnfoldsTo() throws {
    let values = (0..<40).map { String(repeating: "\u{1}", count: 1_000) + String($0) }
    let events = (0..<185).map { index in
      var event = Self.event(index)
      for key in 0..<16 { event.attributes["k\(key)"] = values[(index + key * (index / 40 + 1)) % 40] }
      return event
    }
    let target = try Target()
    let bytes = try UsageBatchEncoder.encode(events)
    let result = try EventFile.read(
      Self.input(bytes), form: .batch, into: target.writer, nowMilliseconds: Self.now)
    #expect(result.accepted == 185)
    let largest = try target.store.read { try Int.fetchOne($0, sql: "SELECT max(byte_count) FROM chunk") }
    #expect(try #require(largest) < 18 << 20)
    #expect(try target.events() == events)
  }

  // MARK: CSV

  @Test(arguments: [1, 5, 1_000, Int.max])
  func readsRecordsInAnyPieces(pieceBytes: Int) throws {
    let text = """
      \u{FEFF}user,surprise,time,app,feature,attributes\r
      u,x,1767225600001,a,f,\r
      "u",,1767225600002,a,f,"{""k"":""v
      w""}"\r
      u,x,1767225600003,a\r
      u,"broken"x,1767225600004,a,f,
      u,x,1767225600005,a,f,{}

      u,,yesterday,a,f,
      u,,1767225600006,a,f,"{""k"":1}"
      """
    let fixed = text.replacing("v\nw", with: "v\\nw")
    let (events, result) = try Self.read(Array(fixed.utf8), pieceBytes: pieceBytes)
    var second = Self.event(2)
    second.attributes = ["k": "v\nw"]
    #expect(events == [Self.event(1), second, Self.event(5)])
    #expect(result.rejected == ["csv": 2, "time": 1, "attributes": 1])
    #expect(result.warnings == ["ignored unknown columns: surprise"])
  }

  @Test func saysWhatACSVFileLacks() throws {
    func message(_ text: String) throws -> String {
      do {
        _ = try Self.read(Array(text.utf8), form: .csv)
      } catch let error as ImportError {
        return error.description
      }
      return "none"
    }
    #expect(try message("user,feature\nu,f\n").contains("'time', 'app'"))
    #expect(try message("time,user,app,user\n").contains("'user' twice"))
    #expect(try message("\u{FEFF}\n\n").contains("no header"))
    #expect(try message("").contains("no header"))
    #expect(try message("hello\n").contains("'time', 'user', 'app'"))
    #expect(try message("time,user,app\n") == "none")
  }

  // MARK: The store's side

  @Test func importsOnce() throws {
    let target = try Target()
    let lines = (1...50).map {
      #"{"time":1767225600000,"user":"u","app":"a","feature":"f","source":"s","seq":\#($0)}"#
    }
    let bytes = Array(lines.joined(separator: "\n").utf8)
    for round in 0..<3 {
      let result = try EventFile.read(
        Self.input(bytes), form: nil, into: target.writer, nowMilliseconds: Self.now)
      #expect(result.accepted == (round == 0 ? 50 : 0))
      #expect(result.duplicate == (round == 0 ? 0 : 50))
      #expect(result.conflict == 0)
      try target.writer.mergeAll { _, _ in }
    }
    #expect(try target.events().count == 50)
  }

  @Test func passesOnWhatTheStoreSays() throws {
    let target = try Target()
    try target.store.write {
      try $0.execute(
        sql: "CREATE TRIGGER forced BEFORE INSERT ON chunk BEGIN SELECT RAISE(ABORT, 'disk gone'); END")
    }
    #expect(throws: DatabaseError.self) {
      try EventFile.read(
        Self.input(Array(Self.line(1).utf8)), form: nil, into: target.writer, nowMilliseconds: Self.now)
    }
    #expect(try target.events().isEmpty)
  }

  @Test func passesOnWhatTheInputSays() throws {
    struct Unreadable: Error {}
    let target = try Target()
    var calls = 0
    let input = ByteInput { buffer in
      calls += 1
      if calls > 1 { throw Unreadable() }
      buffer.copyBytes(from: Array(Self.line(1).utf8))
      return Self.line(1).utf8.count
    }
    #expect(throws: Unreadable.self) {
      try EventFile.read(input, form: nil, into: target.writer, nowMilliseconds: Self.now)
    }
  }
}
