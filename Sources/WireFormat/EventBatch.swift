import UsageModel

/// A bounded batch of decoded events in columns, with what was refused on the way.
///
/// Decoders append to it; the writer drains it. It is filled by one thread, then handed over whole, so
/// it needs no lock: whoever holds the reference owns it.
package final class EventBatch: @unchecked Sendable {
  /// Most events in a batch, and so in an arrival chunk: 64 Ki keeps a batch's columns near 5 MB.
  package static let eventsMax = 65_536
  /// A batch is also full when its distinct strings reach this: bounds memory under hostile names.
  package static let stringBytesMax = 16 << 20
  /// Most refused events kept verbatim per batch; further ones are only counted.
  package static let rejectsKeptMax = 1_024
  /// Longest part of a refused event that is kept.
  package static let rejectBytesMax = 4_096

  /// A refused event.
  package struct Reject: Sendable {
    package var reason: RejectReason
    /// String number of the sender's id when it could be read, else 0.
    package var source: UInt32
    /// The sender's number when it could be read, else 0.
    package var sequence: Int64
    /// String number of who sent it, as ``EventBatch/speaker`` has it.
    package var speaker: UInt32
    /// Its first ``rejectBytesMax`` bytes; nil when only counted.
    package var bytes: [UInt8]?
    /// How many bytes it had.
    package var byteCount: Int
    /// Line of the file on which it began, from 1; 0 where lines mean nothing.
    package var line: Int

    package init(
      reason: RejectReason, source: UInt32, sequence: Int64, speaker: UInt32, bytes: [UInt8]?, byteCount: Int,
      line: Int = 0
    ) {
      self.reason = reason
      self.source = source
      self.sequence = sequence
      self.speaker = speaker
      self.bytes = bytes
      self.byteCount = byteCount
      self.line = line
    }
  }

  /// What changes with each event.
  ///
  /// Reached through a pointer: a stored property of a class is guarded against overlapping access at run
  /// time, which cost a fifth of the decoders' time and can't happen to a batch with one owner.
  private struct State {
    var count = 0
    var rejects: [Reject] = []
    var clockOffset: Int64 = 0
    var speaker: UInt32 = 0
    var hasSpeakers = false
  }

  private let state: UnsafeMutablePointer<State>
  private let table: UnsafeMutablePointer<StringTable>

  /// Number of events.
  package var count: Int { @inline(__always) get { state.pointee.count } }
  /// The batch's strings by number.
  package var strings: StringTable {
    @inline(__always) _read { yield table.pointee }
    @inline(__always) _modify { yield &table.pointee }
  }
  package var rejects: [Reject] { state.pointee.rejects }

  // Columns; strings by their number in `strings`, 0 absent.
  package let time: UnsafeMutablePointer<Int64>
  package let user: UnsafeMutablePointer<UInt32>
  package let app: UnsafeMutablePointer<UInt32>
  package let feature: UnsafeMutablePointer<UInt32>
  package let kind: UnsafeMutablePointer<UInt8>
  package let outcome: UnsafeMutablePointer<UInt8>
  /// Milliseconds plus one; 0 absent.
  package let durationPlusOne: UnsafeMutablePointer<Int64>
  package let host: UnsafeMutablePointer<UInt32>
  package let session: UnsafeMutablePointer<UInt32>
  package let version: UnsafeMutablePointer<UInt32>
  package let cause: UnsafeMutablePointer<UInt32>
  package let source: UnsafeMutablePointer<UInt32>
  /// 0 absent.
  package let sequence: UnsafeMutablePointer<Int64>
  /// Who sent the event: a login, or several with NUL between; 0 may speak for anybody.
  package let speaker: UnsafeMutablePointer<UInt32>
  /// What was added to the event's time as its sender's clock was wrong.
  package let clockOffset: UnsafeMutablePointer<Int64>
  /// Added to the times of the events that come next.
  package var currentClockOffset: Int64 {
    get { state.pointee.clockOffset }
    set { state.pointee.clockOffset = newValue }
  }
  /// Whether any event has a speaker, and so must be checked.
  package var hasSpeakers: Bool { state.pointee.hasSpeakers }
  /// Canonical JSON object with sorted keys.
  package let attributes: UnsafeMutablePointer<UInt32>

  package init() {
    let capacity = Self.eventsMax
    state = .allocate(capacity: 1)
    state.initialize(to: State())
    table = .allocate(capacity: 1)
    table.initialize(to: StringTable())
    time = .allocate(capacity: capacity)
    user = .allocate(capacity: capacity)
    app = .allocate(capacity: capacity)
    feature = .allocate(capacity: capacity)
    kind = .allocate(capacity: capacity)
    outcome = .allocate(capacity: capacity)
    durationPlusOne = .allocate(capacity: capacity)
    host = .allocate(capacity: capacity)
    session = .allocate(capacity: capacity)
    version = .allocate(capacity: capacity)
    cause = .allocate(capacity: capacity)
    source = .allocate(capacity: capacity)
    sequence = .allocate(capacity: capacity)
    speaker = .allocate(capacity: capacity)
    clockOffset = .allocate(capacity: capacity)
    attributes = .allocate(capacity: capacity)
  }

  deinit {
    state.deinitialize(count: 1)
    state.deallocate()
    table.deinitialize(count: 1)
    table.deallocate()
    time.deallocate()
    user.deallocate()
    app.deallocate()
    feature.deallocate()
    kind.deallocate()
    outcome.deallocate()
    durationPlusOne.deallocate()
    host.deallocate()
    session.deallocate()
    version.deallocate()
    cause.deallocate()
    source.deallocate()
    sequence.deallocate()
    speaker.deallocate()
    clockOffset.deallocate()
    attributes.deallocate()
  }

  package var isEmpty: Bool { count == 0 && state.pointee.rejects.isEmpty }

  /// Whether no further event fits.
  package var isFull: Bool {
    count == Self.eventsMax || strings.arenaCount >= Self.stringBytesMax
      || state.pointee.rejects.count >= Self.eventsMax
  }

  /// Whether the bytes of a further refused event would be kept.
  package var keepsRejects: Bool { state.pointee.rejects.count < Self.rejectsKeptMax }

  /// How many more events fit.
  package var freeCount: Int { Self.eventsMax - count }

  /// How many more bytes of strings fit; not above 0 when the batch is full of them.
  package var freeStringBytes: Int { Self.stringBytesMax - strings.arenaCount }

  /// Empties the batch for reuse.
  package func removeAll() {
    let keepsMemory = rejects.count <= Self.rejectsKeptMax
    var rejects = state.move().rejects
    rejects.removeAll(keepingCapacity: keepsMemory)
    state.initialize(to: State(rejects: rejects))
    strings.removeAll()
  }

  /// How far the batch is filled, for ``rewind(to:)``.
  package struct Mark {
    fileprivate let count: Int
    fileprivate let rejectCount: Int
  }

  package var mark: Mark { Mark(count: count, rejectCount: state.pointee.rejects.count) }

  /// Takes back what was added since; its strings stay until the batch is emptied.
  package func rewind(to mark: Mark) {
    state.pointee.count = mark.count
    state.pointee.rejects.removeLast(state.pointee.rejects.count - mark.rejectCount)
  }

  /// Says who sends what is decoded next; empty for who may speak for anybody.
  package func setSpeaker(_ name: [UInt8]) {
    state.pointee.speaker = name.withUnsafeBufferPointer { bytes in
      bytes.isEmpty ? 0 : bytes.baseAddress.map { strings.intern($0, bytes.count) } ?? 0
    }
    if state.pointee.speaker != 0 { state.pointee.hasSpeakers = true }
  }

  /// One event's values while it is being decoded; strings already interned.
  package struct Row {
    package var time: Int64 = 0
    package var user: UInt32 = 0
    package var app: UInt32 = 0
    package var feature: UInt32 = 0
    package var kind = EventKind.use.rawValue
    package var outcome = EventOutcome.ok.rawValue
    package var durationPlusOne: Int64 = 0
    package var host: UInt32 = 0
    package var session: UInt32 = 0
    package var version: UInt32 = 0
    package var cause: UInt32 = 0
    package var source: UInt32 = 0
    package var sequence: Int64 = 0
    package var attributes: UInt32 = 0

    package init() {}
  }

  /// Adds an event that passed every check.
  ///
  /// - Precondition: the batch is not full.
  @inline(__always)
  package func append(_ row: borrowing Row) {
    precondition(count < Self.eventsMax, "BUG: append to a full batch")
    let index = count
    let offset = state.pointee.clockOffset
    time[index] = row.time &+ offset
    clockOffset[index] = offset
    user[index] = row.user
    app[index] = row.app
    feature[index] = row.feature
    kind[index] = row.kind
    outcome[index] = row.outcome
    durationPlusOne[index] = row.durationPlusOne
    host[index] = row.host
    session[index] = row.session
    version[index] = row.version
    cause[index] = row.cause
    source[index] = row.source
    sequence[index] = row.sequence
    speaker[index] = state.pointee.speaker
    attributes[index] = row.attributes
    state.pointee.count = index &+ 1
  }

  /// Adds events that passed every check.
  ///
  /// - Parameter fill: gets the number of the first, and writes all columns of all of them but speaker and clock
  ///   offset.
  /// - Precondition: there is room for them.
  package func append(count added: Int, _ fill: (Int) -> Void) {
    precondition(added <= freeCount, "BUG: append to a full batch")
    let start = count
    let offset = state.pointee.clockOffset
    fill(start)
    for index in start..<start + added { time[index] &+= offset }
    (clockOffset + start).update(repeating: offset, count: added)
    (speaker + start).update(repeating: state.pointee.speaker, count: added)
    state.pointee.count = start + added
  }

  /// Records a refused event; its bytes are kept up to the named bounds.
  @inline(never)
  package func reject(
    _ reason: RejectReason, bytes: UnsafeBufferPointer<UInt8>, source: UInt32 = 0, sequence: Int64 = 0,
    line: Int = 0
  ) {
    let kept = keepsRejects ? Array(bytes.prefix(Self.rejectBytesMax)) : nil
    state.pointee.rejects.append(
      Reject(
        reason: reason, source: source, sequence: sequence, speaker: state.pointee.speaker, bytes: kept,
        byteCount: bytes.count, line: line))
  }

  /// Event `index` as a plain value, for tests and comparisons off the hot path.
  package func event(at index: Int) -> UsageEvent {
    precondition(index < count)
    let duration = durationPlusOne[index]
    return UsageEvent(
      timeMilliseconds: time[index],
      user: strings.text(of: user[index]) ?? "",
      app: strings.text(of: app[index]) ?? "",
      feature: strings.text(of: feature[index]),
      kind: EventKind(rawValue: kind[index]) ?? .use,
      outcome: EventOutcome(rawValue: outcome[index]) ?? .ok,
      durationMilliseconds: duration == 0 ? nil : UInt32(clamping: duration - 1),
      host: strings.text(of: host[index]),
      session: strings.text(of: session[index]),
      version: strings.text(of: version[index]),
      cause: strings.text(of: cause[index]),
      source: strings.text(of: source[index]),
      sequence: sequence[index] == 0 ? nil : UInt64(sequence[index]),
      attributes: strings.text(of: attributes[index]).map(AttributesText.parse) ?? [:])
  }
}
