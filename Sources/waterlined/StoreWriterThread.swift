import Control
import EventStore
import Foundation
import GRDB
import Ingest
import ServiceManager
import ServiceRuntime
import Synchronization
import UsageModel
import WireFormat

/// The one thread that writes: takes what receivers sealed, commits it in groups, runs commands between.
final class StoreWriterThread: @unchecked Sendable {
  /// Pause before a failed commit is tried again: a full disk is looked at once a second.
  private static let retrySeconds: TimeInterval = 1
  /// Attempts once the daemon is asked to stop: a disk that stays full must not keep it for ever.
  private static let attemptsWhenStopping = 10
  /// Longest sleep without work.
  private static let idleSeconds: TimeInterval = 3_600
  /// Between two looks for days to count: a look costs a read of the chunk index, and no reader waits for it.
  private static let countingMilliseconds: Int64 = 5_000

  let store: EventStore
  /// Only touched on the writer thread.
  let writer: EventWriter
  /// For the watchdog.
  let progress = WriterProgress()
  private let queue: WriterQueue
  private let gate: EnvelopeGate
  private let reader: EventStore
  private let failure = Mutex<WritingFailure?>(nil)
  /// Why and since when nothing can be stored, as on a full disk; nil when the last attempt succeeded.
  var writingFailure: WritingFailure? { failure.withLock { $0 } }
  /// Only touched on the writer thread.
  private var walKeeper = WalKeeper()
  /// Whether it was said that the clock is not believed; only touched on the merge thread.
  private var doubtsClock = false
  /// Only touched on the merge thread.
  private let mergeMemory = MergeMemory()
  private let runsSeen = Mutex((today: Int32.min, seen: ChunkCompactor.RunsSeen()))
  private let didCommit = NSCondition()
  private var commitCount = 0
  private var isStopping = false
  /// As `isStopping`, for merges, which ask every few milliseconds.
  private let endsMerging = Atomic(false)
  /// Events that were received and could not be stored before the daemon had to stop.
  private(set) var abandonedEventCount = 0

  init(store: EventStore, queue: WriterQueue, gate: EnvelopeGate, limits: StoreLimits) throws {
    self.gate = gate
    self.store = store
    self.queue = queue
    writer = EventWriter(store: store, limits: limits)
    reader = try EventStore(readingAt: store.path)
  }

  /// Runs until the queue is closed and drained.
  func run() {
    while true {
      let work = queue.take(timeout: Self.idleSeconds)
      if !work.batches.isEmpty { commit(work.batches, jobs: work.jobs) } else { run(work.jobs) }
      if !work.batches.isEmpty || !work.jobs.isEmpty {
        keepWalSmall()
        signalCommit()
      }
      if work.isClosed && work.batches.isEmpty && work.jobs.isEmpty { return }
    }
  }

  /// Commands go on while batches cannot be stored: each finds out for itself what the disk still takes.
  private func run(_ jobs: [@Sendable () -> Void]) {
    for job in jobs {
      progress.begin()
      job()
      progress.end()
    }
  }

  /// Commits until it succeeds; only a daemon that must stop gives up what receivers handed over.
  ///
  /// Jobs run after the first attempt, whatever came of it, and those that come meanwhile between two others.
  private func commit(_ sealed: [SealedBatch], jobs: [@Sendable () -> Void]) {
    var jobs = jobs
    let received = sealed.map(Self.received)
    let refusals = gate.takeRefusals()
    var failureCount = 0
    while true {
      progress.begin()
      do {
        try walKeeper.requireRoom(store)
        let summary = try writer.commit(received, refusedPackets: refusals)
        progress.end()
        gate.setBusy(false)
        gate.committed(sealed.flatMap(\.deliveries))
        if failureCount > 0 { Log.notice("writing again", .writingAgain) }
        failure.withLock { $0 = nil }
        Log.debug("stored \(summary.accepted) events, \(summary.duplicate) duplicate")
        break
      } catch {
        progress.end()
        failureCount += 1
        let reason = StoreError.reason(of: error)
        failure.withLock {
          $0 = WritingFailure(
            sinceMilliseconds: $0?.sinceMilliseconds ?? Clock.nowMilliseconds(), reason: reason)
        }
        gate.setBusy(true)
        if failureCount == 1 {
          Log.error(
            """
            cannot write \(store.path): \(reason); keeping \(sealed.count) batches and \
            trying again
            """, .cannotWrite)
        }
        if failureCount >= Self.attemptsWhenStopping, didCommit.withLock({ isStopping }) {
          abandonedEventCount += sealed.reduce(0) { $0 + $1.batch.count }
          break
        }
        run(jobs)
        jobs = []
        runJobs(until: Date(timeIntervalSinceNow: Self.retrySeconds))
      }
    }
    queue.recycle(sealed)
    run(jobs)
  }

  private func runJobs(until end: Date) {
    while end.timeIntervalSinceNow > 0 {
      let jobs = queue.takeJobs(timeout: end.timeIntervalSinceNow)
      // A closed queue does not wait for any.
      if jobs.isEmpty { Thread.sleep(until: end) } else { run(jobs) }
    }
  }

  /// A sealed batch as the store takes it.
  private static func received(_ sealed: SealedBatch) -> ReceivedBatch {
    var received = ReceivedBatch(
      batch: sealed.batch, transport: sealed.transport.rawValue,
      receivedMilliseconds: sealed.receivedMilliseconds, kernelDrops: sealed.kernelDrops,
      deliveries: sealed.deliveries.map(\.delivery))
    if let large = sealed.large {
      received.pieces = {
        let news = try large.forEachPiece($0)
        return (news.unsent, news.refused)
      }
    }
    return received
  }

  /// Folds a long WAL into the file, even if that means to wait a little for readers.
  private func keepWalSmall() {
    do {
      guard let warning = try walKeeper.check(store, nowMilliseconds: Clock.nowMilliseconds()) else { return }
      Log.warning(warning)
    } catch {
      Log.warning("folding the WAL into \(store.path) failed: \(StoreError.reason(of: error))")
    }
  }

  /// Closes the database; call when nothing runs any more.
  func close() {
    do {
      try reader.close()
      try store.close()
    } catch {
      Log.warning("closing \(store.path): \(StoreError.reason(of: error)); nothing is lost, its WAL stays")
    }
  }

  // MARK: Merging

  private func signalCommit() {
    didCommit.withLock {
      commitCount += 1
      didCommit.broadcast()
    }
  }

  /// Ends merging, also in the middle of one, and bounds the attempts to write what is left.
  func prepareToStop() {
    endsMerging.store(true, ordering: .relaxed)
    didCommit.withLock {
      isStopping = true
      didCommit.broadcast()
    }
  }

  /// Merges after commits and counts what is settled, on a thread of its own, until told to stop.
  func runUpkeep(through writer: QueuedWriter) {
    var seen = 0
    var lastCountMilliseconds = Int64.min
    var wait = Self.idleSeconds
    repeat {
      do {
        try compact(mergesAllArrivals: false, memory: mergeMemory, through: writer) { _, _ in }
        let now = Clock.nowMilliseconds()
        let isDue = lastCountMilliseconds > now || now - Self.countingMilliseconds >= lastCountMilliseconds
        wait = isDue ? Self.idleSeconds : Double(Self.countingMilliseconds) / 1_000
        if isDue {
          lastCountMilliseconds = now
          // Before a long sleep in any case; under load it is soon touched again.
          mergeMemory.removeAll()
          try count(through: writer)
        }
      } catch {
        mergeMemory.removeAll()
        Log.warning("merging chunks failed: \(StoreError.reason(of: error))", .mergeFailed)
      }
    } while waitForCommit(after: &seen, seconds: wait)
  }

  /// Brings daily cells up to date.
  private func count(through writer: QueuedWriter) throws {
    let keeper = RollupKeeper(reader: reader) { result in
      try writer.withWriter { try $0.apply(result, nowMilliseconds: Clock.nowMilliseconds()) }
    } setAside: {
      try self.setAside($0, through: writer)
    }
    let now = Clock.nowMilliseconds()
    let (retention, clock) = try reader.read {
      (try Retention(in: $0), try BelievedClock(nowMilliseconds: now, in: $0))
    }
    try follow(clock, retention, nowMilliseconds: now, through: writer)
    let due =
      try retention.isOff
      ? [] : reader.read { retention.dueDays(try ChunkRow.all(in: $0), today: clock.today) }
    try keeper.run(
      isSettled: { $0 < clock.clockDay }, mustCover: due.contains,
      shouldStop: { didCommit.withLock { isStopping } })
    if !due.isEmpty { try prune(retention, today: clock.today, through: writer) }
  }

  /// Remembers the day, or says once that it is not believed.
  private func follow(
    _ clock: BelievedClock, _ retention: Retention, nowMilliseconds: Int64, through writer: QueuedWriter
  ) throws {
    if clock.isNews {
      try writer.write { try BelievedClock.note(nowMilliseconds: nowMilliseconds, in: $0) }
    }
    let isDoubted = clock.isAhead && !retention.isOff
    if isDoubted && !doubtsClock { Log.warning("\(clock.warning); \(BelievedClock.advice)") }
    doubtsClock = isDoubted
  }

  /// Deletes the events that retention does not keep, one rollup a transaction, and gives their pages back.
  private func prune(_ retention: Retention, today: Int32, through writer: QueuedWriter) throws {
    var eventCount = 0
    for rollup in try reader.read({ try Pruning.due(retention, today: today, in: $0) })
    where !didCommit.withLock({ isStopping }) {
      let now = Clock.nowMilliseconds()
      eventCount += try writer.write { try Pruning.apply(rollup, nowMilliseconds: now, in: $0) } ?? 0
    }
    guard eventCount > 0 else { return }
    Log.info("pruned \(eventCount) events; their daily cells stay")
    while !didCommit.withLock({ isStopping }), try writer.withWriter({ try $0.giveBackSomePages() }) {}
  }

  /// Runs the merges that are due.
  func compact(
    mergesAllArrivals: Bool, memory: MergeMemory = MergeMemory(), through writer: QueuedWriter,
    progress: @Sendable (_ rowCount: Int, _ rowsLeft: Int) -> Void
  ) throws {
    let today = CivilDay(localMilliseconds: Clock.nowMilliseconds()).number
    let compactor = ChunkCompactor(reader: reader, seen: runsSeen(on: today), memory: memory) { result in
      try writer.withWriter { try $0.apply(result, nowMilliseconds: Clock.nowMilliseconds()) }
    } setAside: {
      try self.setAside($0, through: writer)
    } shouldStop: { [self] in
      endsMerging.load(ordering: .relaxed)
    }
    try compactor.run(mergesAllArrivals: mergesAllArrivals, isSettled: { $0 < today }, progress: progress)
  }

  /// What was seen of runs since the day began: each day settles the one before.
  private func runsSeen(on today: Int32) -> ChunkCompactor.RunsSeen {
    runsSeen.withLock { known in
      if known.today != today { known = (today, ChunkCompactor.RunsSeen()) }
      return known.seen
    }
  }

  private func setAside(_ damage: ChunkDamage, through writer: QueuedWriter) throws {
    let now = Clock.nowMilliseconds()
    guard try writer.withWriter({ try $0.setAside([damage.chunk], nowMilliseconds: now) }) > 0
    else { throw damage }
    Log.error("set aside \(damage): its events are missing from reports, its bytes are kept")
  }

  /// Waits for a commit, or until a day may have ended.
  private func waitForCommit(after seen: inout Int, seconds: TimeInterval) -> Bool {
    didCommit.withLock {
      let end = Date(timeIntervalSinceNow: seconds)
      while commitCount == seen && !isStopping { if !didCommit.wait(until: end) { break } }
      seen = commitCount
      return !isStopping
    }
  }
}
