import Testing
import UsageModel

@testable import WireFormat

/// What a reader made of a text: records with their lines, and errors.
private struct Reading: Equatable {
  var records: [[String]] = []
  var lines: [Int] = []
  var errors: [CommaSeparatedError] = []

  init(
    _ bytes: [UInt8], chunkBytes: Int = .max, delimiter: UInt8 = UInt8(ascii: ","),
    recordBytesMax: Int = 1_000
  ) {
    var reader = CommaSeparatedReader(delimiter: delimiter, recordBytesMax: recordBytesMax)
    var rest = bytes[...]
    while true {
      switch reader.next() {
      case .record:
        records.append((0..<reader.cellCount).map { reader.text($0) ?? "not UTF-8" })
        lines.append(reader.line)
      case .malformed(let error): errors.append(error)
      case .needsBytes:
        if rest.isEmpty {
          reader.finish()
        } else {
          rest.prefix(chunkBytes).withUnsafeBytes { reader.append($0) }
          rest = rest.dropFirst(chunkBytes)
        }
      case .end: return
      }
    }
  }

  init(_ text: String, chunkBytes: Int = .max) { self.init(Array(text.utf8), chunkBytes: chunkBytes) }
}

struct CommaSeparatedReaderTests {
  static let wellFormed: [(text: String, records: [[String]])] = [
    ("", []), ("a", [["a"]]), ("a,b\n", [["a", "b"]]), ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
    ("a\rb\r", [["a"], ["b"]]), ("a,,\n", [["a", "", ""]]), (",", [["", ""]]), ("\n\r\n\n", []),
    ("\"\"\n", [[""]]), ("\"\"", [[""]]), ("\"a,b\",c\n", [["a,b", "c"]]),
    ("\"a \"\"b\"\"\",\"\"\"\"\n", [["a \"b\"", "\""]]), ("\"two\nlines\",x", [["two\nlines", "x"]]),
    ("\"cr\r\nlf\"\n", [["cr\r\nlf"]]), ("\u{FEFF}a\n", [["a"]]), ("\u{FEFF}", []),
    ("\u{FEFF}\"a\"\n", [["a"]]), ("a\u{FEFF}\n", [["a\u{FEFF}"]]), (" a , b \n", [[" a ", " b "]]),
    ("a\n\nb\n", [["a"], ["b"]]), ("日本,é\n", [["日本", "é"]]), ("a\u{0}b\n", [["a\u{0}b"]]),
  ]

  @Test(arguments: wellFormed.indices)
  func reads(index: Int) {
    let (text, records) = Self.wellFormed[index]
    for chunkBytes in [1, 2, 3, 7, 1_000] {
      let reading = Reading(text, chunkBytes: chunkBytes)
      #expect(reading.records == records)
      #expect(reading.errors.isEmpty)
    }
  }

  @Test func reportsBytesThatAreNoText() {
    #expect(Reading([0xFF, 0x2C, 0x61]).records == [["not UTF-8", "a"]])
    #expect(Reading([0xEF, 0xBB]).records == [["not UTF-8"]])
  }

  @Test func takesAnotherDelimiter() {
    let reading = Reading(Array("a;\"b;c\";d,e".utf8), delimiter: UInt8(ascii: ";"))
    #expect(reading.records == [["a", "b;c", "d,e"]])
  }

  @Test func countsLines() {
    let text = "one\r\n\r\n\"two\nlines\"\rthree\n\"four\r\nlines\"\nfive"
    for chunkBytes in [1, 2, 3, 1_000] {
      #expect(Reading(text, chunkBytes: chunkBytes).lines == [1, 3, 5, 6, 8])
    }
  }

  /// One broken file: what is read from it all the same, and what is reported with its line.
  typealias Broken = (text: String, records: [[String]], problems: [(CommaSeparatedError.Problem, Int)])

  static let broken: [Broken] = [
    ("a\nb\"c\nd\n", [["a"], ["d"]], [(.quoteInsideCell, 2)]),
    ("\"a\"b\nc\n", [["c"]], [(.textAfterQuote, 1)]),
    ("\"a\" ,b\r\nc\r\n", [["c"]], [(.textAfterQuote, 1)]),
    ("\"a,1\nb,\"x\",2\nc\n", [["b", "x", "2"], ["c"]], [(.textAfterQuote, 1)]),
    ("x\n\"a,1\nb\nc", [["x"], ["b"], ["c"]], [(.unclosedQuote, 2)]),
    ("\"a", [], [(.unclosedQuote, 1)]), ("\"a\n", [], [(.unclosedQuote, 1)]),
    ("\"\"\"\nb\n", [["b"]], [(.unclosedQuote, 1)]),
    ("\"a\n\"\"b\nc", [["c"]], [(.unclosedQuote, 1), (.textAfterQuote, 2)]),
  ]

  /// A broken record costs its own line, whatever its quotes seem to span.
  @Test(arguments: broken.indices)
  func goesOnAfterABrokenRecord(index: Int) {
    let (text, records, problems) = Self.broken[index]
    for chunkBytes in [1, 2, 5, 1_000] {
      let reading = Reading(text, chunkBytes: chunkBytes)
      #expect(reading.records == records)
      #expect(reading.errors == problems.map { CommaSeparatedError(problem: $0.0, line: $0.1) })
    }
  }

  @Test func refusesLongRecords() {
    let long = [UInt8](repeating: 0x61, count: 2_000)
    for chunkBytes in [1, 64, 10_000] {
      let plain = Reading(Array("a\n".utf8) + long + Array("\nb\n".utf8), chunkBytes: chunkBytes)
      #expect(plain.records == [["a"], ["b"]])
      #expect(plain.errors == [CommaSeparatedError(problem: .tooLong(limit: 1_000), line: 2)])
      let quoted = Reading(Array("\"a\nb\n".utf8) + long + Array("\nc\n".utf8), chunkBytes: chunkBytes)
      #expect(quoted.records == [["b"], ["c"]])
      #expect(quoted.errors.map { $0.problem } == [.unclosedQuote, .tooLong(limit: 1_000)])
      #expect(quoted.errors.map { $0.line } == [1, 3])
    }
    let exact = Reading([UInt8](repeating: 0x61, count: 999) + [0x0A])
    #expect(exact.records.count == 1)
  }

  /// Whatever the pieces, the same result; and what a plain writer wrote is read back.
  @Test func roundTripsInAnyPieces() {
    var random = SeededRandom(seed: 4)
    let stock = ["", "a", "b c", ",", "\"", "\"\"", "x\"y", "line\nfeed", "\r\n", "é", "日", "\r", " "]
    for _ in 0..<500 {
      let records = (0..<Int.random(in: 1...8, using: &random)).map { _ in
        (0..<Int.random(in: 2...4, using: &random)).map { _ in stock.randomElement(using: &random) ?? "" }
      }
      let lineEnd = ["\n", "\r\n", "\r"].randomElement(using: &random) ?? "\n"
      let text = records.map { record in
        record.map { "\"" + $0.replacingQuotes() + "\"" }.joined(separator: ",") + lineEnd
      }.joined()
      let reading = Reading(text, chunkBytes: Int.random(in: 1...40, using: &random))
      #expect(reading.errors.isEmpty)
      #expect(reading.records.map { $0.map { Array($0.utf8) } } == records.map { $0.map { Array($0.utf8) } })
    }
  }

  @Test func piecesNeverMatter() {
    var random = SeededRandom(seed: 5)
    let stock = Array("ab,\"\n\r\u{FEFF}".utf8)
    for _ in 0..<3_000 {
      let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
        stock.randomElement(using: &random) ?? 0
      }
      let whole = Reading(bytes, recordBytesMax: 25)
      #expect(whole == Reading(bytes, chunkBytes: 1, recordBytesMax: 25))
      #expect(whole == Reading(bytes, chunkBytes: 3, recordBytesMax: 25))
    }
  }

  /// Stray quotes don't make reading quadratic: every line of the file broken, the longest records.
  @Test func staysLinearUnderStrayQuotes() {
    let lines = (0..<40_000).map { index in index.isMultiple(of: 2) ? "\"a,\"\"\n" : "b,\"\"\"\"\n" }
    let reading = Reading(Array(lines.joined().utf8), chunkBytes: 65_536, recordBytesMax: 1 << 20)
    #expect(reading.records.count + reading.errors.count > 20_000)
  }
}

struct CommaSeparatedHeaderTests {
  @Test func findsColumnsInAnyOrder() throws {
    var reader = CommaSeparatedReader()
    Array("\u{FEFF} app ,user,,extra,\n".utf8).withUnsafeBytes { reader.append($0) }
    #expect(reader.next() == .record)
    let header = try CommaSeparatedHeader(reader)
    #expect(header.index(of: "user") == 1)
    #expect(header.index(of: "app") == 0)
    #expect(header.index(of: "feature") == nil)
    #expect(header.unknownNames(known: ["app", "user"]) == ["extra"])
    try header.require(["user"])
    #expect(throws: CommaSeparatedHeaderError.missing(names: ["feature", "role"])) {
      try header.require(["feature", "user", "role"])
    }
  }

  @Test func refusesRepeatedNames() {
    #expect(throws: CommaSeparatedHeaderError.repeated(name: "user")) {
      try CommaSeparatedHeader(names: ["user", "app", " user"])
    }
  }

  @Test func refusesNamesThatAreNoText() {
    var reader = CommaSeparatedReader()
    ([0x61, 0x2C, 0xFF, 0x0A] as [UInt8]).withUnsafeBytes { reader.append($0) }
    #expect(reader.next() == .record)
    var error: CommaSeparatedHeaderError?
    do throws(CommaSeparatedHeaderError) {
      _ = try CommaSeparatedHeader(reader)
    } catch let caught {
      error = caught
    }
    #expect(error == .notUTF8(column: 2))
  }

  /// Canonically equal spellings are different names.
  @Test func comparesBytes() throws {
    let header = try CommaSeparatedHeader(names: ["\u{E9}", "e\u{301}"])
    #expect(header.index(of: "e\u{301}") == 1)
  }
}

extension String {
  /// Every quote doubled.
  fileprivate func replacingQuotes() -> String {
    var result = ""
    for scalar in unicodeScalars {
      if scalar == "\"" { result += "\"" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
