import UsageModel

/// One JSON event while it is being read: what was found so far, and the first thing wrong with it.
///
/// Reading goes on after a bad field, so that a refused event can still be booked to its source. Of members
/// of one name the last counts, `null` included.
struct PartialEvent {
  private var scanner: JSONScanner
  private(set) var row = EventBatch.Row()
  private var texts = Texts()
  private var hasTime = false
  private var firstProblem: RejectReason?
  private var hasSequence = false
  /// Nil until the event has attributes or unknown fields, which few have.
  private var extras: AttributeCollector?

  /// The string fields; interned when the whole event has been read, as the memory for that is on its way until then.
  private struct Texts {
    var user = Interning()
    var app = Interning()
    var feature = Interning()
    var host = Interning()
    var session = Interning()
    var version = Interning()
    var cause = Interning()
    var source = Interning()
  }

  /// A string to be interned, whose bytes stay as long as the event is being read; none by default.
  private struct Interning {
    private var start: UnsafePointer<UInt8>?
    private var length = 0
    private var hash: UInt64 = 0

    init() {}

    @inline(__always)
    init(_ value: JSONScanner.Text, _ batch: EventBatch) {
      start = value.start
      length = value.length
      hash = StringTable.hash(value.start, value.length)
      batch.strings.prefetch(hash)
    }

    var isPresent: Bool { start != nil }

    @inline(__always)
    func number(in batch: EventBatch) -> UInt32 {
      start.map { batch.strings.intern($0, length, hash: hash) } ?? 0
    }
  }

  init(_ scanner: JSONScanner) { self.scanner = scanner }

  /// Reads the whole text.
  ///
  /// - Returns: nil when `row` is a good event, else why not.
  mutating func decode(into batch: EventBatch, acceptedTimes: ClosedRange<Int64>) -> RejectReason? {
    if let problem = read(batch, acceptedTimes) ?? problem() {
      row.source = texts.source.number(in: batch)
      return problem
    }
    intern(in: batch)
    return nil
  }

  /// Reads the whole text; nil when it is a JSON object.
  @inline(__always)
  private mutating func read(_ batch: EventBatch, _ acceptedTimes: ClosedRange<Int64>) -> RejectReason? {
    do {
      guard scanner.peek() == 0x7B else {
        try scanner.skipValue()
        return scanner.peek() == 0 && scanner.isAtEnd ? .notObject : .notJSON
      }
      scanner.advance()
      try members(batch, acceptedTimes)
      return scanner.peek() == 0 && scanner.isAtEnd ? nil : .notJSON
    } catch {
      switch error {
      case .notJSON: return .notJSON
      case .tooDeep: return .tooDeep
      case .notUTF8: return .notUTF8
      }
    }
  }

  @inline(__always)
  private mutating func members(
    _ batch: EventBatch, _ acceptedTimes: ClosedRange<Int64>
  ) throws(JSONScanner.Failure) {
    if scanner.peek() == 0x7D {
      scanner.advance()
      return
    }
    while true {
      let key = try scanner.string()
      try scanner.expect(0x3A)
      try member(key, batch, acceptedTimes)
      let next = scanner.peek()
      scanner.advance()
      if next == 0x7D { return }
      guard next == 0x2C else { throw .notJSON }
      _ = scanner.peek()
    }
  }

  /// What is wrong with the whole event, in the order in which reasons are promised.
  @inline(__always)
  private func problem() -> RejectReason? {
    if let firstProblem { return firstProblem }
    if !hasTime { return .missingTime }
    if !texts.user.isPresent { return .missingUser }
    if !texts.app.isPresent { return .missingApp }
    if !texts.feature.isPresent && row.kind == EventKind.use.rawValue { return .missingFeature }
    if texts.source.isPresent != hasSequence { return .sequence }
    guard let extras, !extras.isEmpty, !extras.isWithinBounds else { return nil }
    return .attributes
  }

  @inline(__always)
  private mutating func intern(in batch: EventBatch) {
    row.user = texts.user.number(in: batch)
    row.app = texts.app.number(in: batch)
    row.feature = texts.feature.number(in: batch)
    row.host = texts.host.number(in: batch)
    row.session = texts.session.number(in: batch)
    row.version = texts.version.number(in: batch)
    row.cause = texts.cause.number(in: batch)
    row.source = texts.source.number(in: batch)
    guard let extras, !extras.isEmpty else { return }
    let text = extras.render()
    if !text.isEmpty {
      row.attributes = text.withUnsafeBufferPointer { bytes in
        bytes.baseAddress.map { batch.strings.intern($0, bytes.count) } ?? 0
      }
    }
  }

  private mutating func note(_ problem: RejectReason) {
    if firstProblem == nil { firstProblem = problem }
  }

  // MARK: Fields

  /// Reads the value of one member; keys are told apart by length, then by bytes.
  @inline(__always)
  private mutating func member(
    _ key: JSONScanner.Text, _ batch: EventBatch, _ acceptedTimes: ClosedRange<Int64>
  ) throws(JSONScanner.Failure) {
    switch key.length {
    case 3 where isKey(key, "app"): texts.app = try text(batch)
    case 3 where isKey(key, "seq"): try sequence()
    case 4 where isKey(key, "time"): try time(acceptedTimes)
    case 4 where isKey(key, "user"): texts.user = try text(batch)
    case 4 where isKey(key, "kind"): try kind()
    case 4 where isKey(key, "host"): texts.host = try text(batch)
    case 5 where isKey(key, "cause"): texts.cause = try text(batch)
    case 6 where isKey(key, "source"): texts.source = try text(batch)
    case 7 where isKey(key, "feature"): texts.feature = try text(batch)
    case 7 where isKey(key, "outcome"): try outcome()
    case 7 where isKey(key, "session"): texts.session = try text(batch)
    case 7 where isKey(key, "version"): texts.version = try text(batch)
    case 10 where isKey(key, "attributes"): try attributes()
    case 11 where isKey(key, "duration_ms"): try duration()
    default: try unknownField(key)
    }
  }

  @inline(__always)
  private func isKey(_ key: JSONScanner.Text, _ name: StaticString) -> Bool {
    memoryIsEqual(key.start, name.utf8Start, name.utf8CodeUnitCount)
  }

  /// A known string field.
  ///
  /// - Returns: none for `null`, which is the same as leaving it out, and for a value noted as a problem.
  @inline(__always)
  private mutating func text(_ batch: EventBatch) throws(JSONScanner.Failure) -> Interning {
    guard scanner.peek() == 0x22 else {
      try notText()
      return Interning()
    }
    let value = try scanner.string()
    if let problem = Self.problem(value) {
      note(problem)
      return Interning()
    }
    return Interning(value, batch)
  }

  @inline(__always)
  private static func problem(_ value: JSONScanner.Text) -> RejectReason? {
    // A lone surrogate leaves nothing behind, so an empty text may be an ill-formed one.
    if value.length == 0 { return value.isUTF8 ? .empty : .notUTF8 }
    if value.length > EventLimits.stringBytesMax { return .tooLong }
    if !value.isUTF8 { return .notUTF8 }
    if containsNUL(value) { return .nulCharacter }
    return nil
  }

  @inline(__always)
  private static func containsNUL(_ value: JSONScanner.Text) -> Bool {
    value.hasEscapes && UnsafeBufferPointer(start: value.start, count: value.length).contains(0)
  }

  @inline(never)
  private mutating func notText() throws(JSONScanner.Failure) {
    if scanner.peek() == 0x6E { return try scanner.literal("null") }
    try skip()
    note(.wrongType)
  }

  /// Skips a value of no use; invalid UTF-8 in it spoils the event but not the reading.
  private mutating func skip() throws(JSONScanner.Failure) {
    do {
      try scanner.skipValue()
    } catch .notUTF8 {
      note(.notUTF8)
    }
  }

  @inline(__always)
  private mutating func time(_ acceptedTimes: ClosedRange<Int64>) throws(JSONScanner.Failure) {
    let milliseconds: Int64?
    switch scanner.peek() {
    case 0x22:
      let value = try scanner.string()
      milliseconds = TimestampParser.milliseconds(
        UnsafeBufferPointer(start: value.start, count: value.length))
    case 0x2D, 0x30...0x39: milliseconds = try scanner.number().integer
    default:
      hasTime = false
      return try notText()
    }
    guard let milliseconds, acceptedTimes.contains(milliseconds)
    else { return note(.time) }
    row.time = milliseconds
    hasTime = true
  }

  @inline(__always)
  private mutating func integer(
    _ range: ClosedRange<Int64>, orNote problem: RejectReason
  ) throws(JSONScanner.Failure) -> Int64? {
    switch scanner.peek() {
    case 0x2D, 0x30...0x39:
      guard let value = try scanner.number().integer, range.contains(value) else {
        note(problem)
        return nil
      }
      return value
    default:
      try notText()
      return nil
    }
  }

  @inline(__always)
  private mutating func duration() throws(JSONScanner.Failure) {
    row.durationPlusOne = 0
    if let value = try integer(0...EventLimits.durationMillisecondsMax, orNote: .duration) {
      row.durationPlusOne = value + 1
    }
  }

  @inline(__always)
  private mutating func sequence() throws(JSONScanner.Failure) {
    row.sequence = 0
    hasSequence = false
    if let value = try integer(1...Int64.max, orNote: .sequence) {
      row.sequence = value
      hasSequence = true
    }
  }

  @inline(__always)
  private mutating func kind() throws(JSONScanner.Failure) {
    guard scanner.peek() == 0x22 else {
      row.kind = EventKind.use.rawValue
      return try notText()
    }
    let value = try scanner.string()
    guard let kind = EventNames.kind(value.start, value.length) else { return note(.kind) }
    row.kind = kind.rawValue
  }

  @inline(__always)
  private mutating func outcome() throws(JSONScanner.Failure) {
    guard scanner.peek() == 0x22 else {
      row.outcome = EventOutcome.ok.rawValue
      return try notText()
    }
    let value = try scanner.string()
    guard let outcome = EventNames.outcome(value.start, value.length) else { return note(.outcome) }
    row.outcome = outcome.rawValue
  }

  // MARK: Attributes

  @inline(never)
  private mutating func attributes() throws(JSONScanner.Failure) {
    var extras = extras ?? AttributeCollector()
    defer { self.extras = extras }
    extras.removeGiven()
    guard scanner.peek() == 0x7B else { return try notText() }
    scanner.advance()
    if scanner.peek() == 0x7D { return scanner.advance() }
    while true {
      let key = try scanner.string()
      try scanner.expect(0x3A)
      if scanner.peek() == 0x22 {
        let value = try scanner.string()
        if !key.isUTF8 || !value.isUTF8 { note(.notUTF8) }
        if Self.containsNUL(key) || Self.containsNUL(value) { note(.nulCharacter) }
        extras.add(key, value)
      } else {
        try skip()
        note(.attributes)
      }
      let next = scanner.peek()
      scanner.advance()
      if next == 0x7D { return }
      guard next == 0x2C else { throw .notJSON }
    }
  }

  /// Keeps an unknown string, number or boolean as an attribute if there is room; ignores the rest.
  @inline(never)
  private mutating func unknownField(_ key: JSONScanner.Text) throws(JSONScanner.Failure) {
    guard key.isUTF8 else {
      note(.notUTF8)
      return try skip()
    }
    switch scanner.peek() {
    case 0x22:
      let value = try scanner.string()
      if !value.isUTF8 { return note(.notUTF8) }
      if Self.containsNUL(key) || Self.containsNUL(value) { return }
      extras = extras.adding(key, value)
    case 0x2D, 0x30...0x39:
      let value = try scanner.number()
      extras = extras.adding(key, JSONScanner.Text(start: value.start, length: value.length))
    case 0x74:
      try scanner.literal("true")
      extras = extras.adding(key, "true")
    case 0x66:
      try scanner.literal("false")
      extras = extras.adding(key, "false")
    default: try skip()
    }
  }
}
