import AgentIntake
import Delivery
import Foundation
import Ingest
import ServiceManager
import ServiceRuntime
import Synchronization
import UsageModel
import WireFormat

/// The one thread that adds to the spool: takes what receivers sealed, and answers once it is on disk.
final class SpoolWriterThread: @unchecked Sendable {
  /// Pause before a failed write is tried again: a full disk is looked at once a second.
  private static let retrySeconds: TimeInterval = 1
  /// Attempts once the agent is asked to stop: a disk that stays full must not keep it for ever.
  private static let attemptsWhenStopping = 10
  /// Events of one transaction, as far as batches can be divided: about 30 MiB as plain values.
  private static let eventsPerTransaction = 16_384
  /// Between two looks for batches that are too old: the limit is in days, and an idle agent should sleep.
  private static let expiryMilliseconds: Int64 = 600_000

  /// For the watchdog.
  let progress = WriterProgress()
  private let spool: Spool
  private let queue: WriterQueue
  private let gate: EnvelopeGate
  private let delivery: DeliveryLine
  /// Only touched on this thread, as the next ones.
  private var intake: AgentIntake
  private var reporter = AgentReporter()
  private var lastExpiryMilliseconds: Int64 = 0
  private let failing = Atomic(false)
  private let isStopping = Atomic(false)
  /// Events that were received and could not be written before the agent had to stop.
  private(set) var abandonedEventCount = 0

  init(spool: Spool, queue: WriterQueue, gate: EnvelopeGate, intake: AgentIntake, delivery: DeliveryLine) {
    self.spool = spool
    self.queue = queue
    self.gate = gate
    self.intake = intake
    self.delivery = delivery
  }

  /// Whether the last write failed, as on a full disk.
  var isFailing: Bool { failing.load(ordering: .relaxed) }

  /// Bounds the attempts to write what is left.
  func prepareToStop() { isStopping.store(true, ordering: .relaxed) }

  /// Takes other rules for what comes from now on.
  func setRules(_ minimiser: Minimiser, mergeGapMilliseconds: Int64) {
    _ = queue.post { [self] in
      intake.setRules(minimiser, mergeGapMilliseconds: mergeGapMilliseconds)
    }
  }

  /// Drops what the spool has kept for too long: before anything is delivered, and then now and again.
  ///
  /// To be called before ``run()`` begins, or by it.
  func dropExpired() {
    lastExpiryMilliseconds = Clock.nowMilliseconds()
    do {
      let dropped = try spool.dropExpired(nowMilliseconds: lastExpiryMilliseconds)
      guard dropped > 0 else { return }
      reporter.noteDropped(dropped, tooLarge: 0)
      reporter.note(intake.counts, 0)
      delivery.wake()
    } catch {
      Log.error(
        "cannot write \(spool.path): \(SpoolError.reason(of: error)); what is too old there stays for now",
        .cannotWrite)
    }
  }

  /// Runs until the queue is closed and drained.
  func run() {
    while true {
      let work = queue.take(timeout: secondsUntilDue)
      if millisecondsUntilExpiry <= 0 { dropExpired() }
      for job in work.jobs { job() }
      var rest = work.batches[...]
      repeat {
        var count = 0
        let group = rest.prefix { batch in
          defer { count += batch.batch.count }
          return count < Self.eventsPerTransaction && batch.large == nil
        }
        rest = rest.dropFirst(group.count)
        if !group.isEmpty || rest.isEmpty { take(Array(group)) }
        if let first = rest.first, let large = first.large {
          rest = rest.dropFirst()
          take(first, large)
        }
      } while !rest.isEmpty
      if work.isClosed && work.batches.isEmpty && work.jobs.isEmpty { break }
    }
    take([], completing: true)
    reporter.finish(intake.counts)
  }

  private var secondsUntilDue: TimeInterval {
    let now = Clock.nowMilliseconds()
    let waits = [intake.millisecondsUntilDue(nowMilliseconds: now), reporter.millisecondsUntilDue]
    return TimeInterval(max(0, waits.reduce(millisecondsUntilExpiry) { min($0, $1 ?? $0) })) / 1_000
  }

  /// By the clock, which goes on while the machine sleeps; at most the interval, should it be set back.
  private var millisecondsUntilExpiry: Int64 {
    min(lastExpiryMilliseconds - Clock.nowMilliseconds(), 0) + Self.expiryMilliseconds
  }

  private func take(_ sealed: [SealedBatch], completing: Bool = false) {
    let addition =
      completing ? intake.completeAll() : intake.take(sealed, nowMilliseconds: Clock.nowMilliseconds())
    if !addition.isEmpty { store(sealed) { add in try add(addition) } }
    finish(sealed)
  }

  /// Takes a payload that does not fit one batch, in one transaction all the same.
  private func take(_ sealed: SealedBatch, _ large: LargePayload) {
    let before = intake
    let now = Clock.nowMilliseconds()
    store([sealed]) { [self] add in
      intake = before
      var last = sealed
      let news = try large.forEachPiece { piece in
        let part = SealedBatch(
          batch: piece, transport: sealed.transport, receivedMilliseconds: sealed.receivedMilliseconds,
          kernelDrops: 0)
        try add(intake.take([part], nowMilliseconds: now))
      }
      for index in last.deliveries.indices {
        last.deliveries[index].delivery.unsent += news.unsent
        last.deliveries[index].delivery.refused += news.refused
      }
      try add(intake.take([last], nowMilliseconds: now))
    }
    finish([sealed])
  }

  private func finish(_ sealed: [SealedBatch]) {
    queue.recycle(sealed)
    let refusals = gate.takeRefusals()
    reporter.note(intake.counts, refusals.values.reduce(0, +))
  }

  /// Writes until it succeeds; only an agent that must stop gives up what receivers handed over.
  ///
  /// - Parameter pieces: hands over what is to be added; called anew with each attempt.
  private func store(_ sealed: [SealedBatch], _ pieces: ((SpoolAddition) throws -> Void) throws -> Void) {
    var failureCount = 0
    while true {
      progress.begin()
      do {
        let outcome = try spool.append(nowMilliseconds: Clock.nowMilliseconds(), pieces)
        progress.end()
        gate.setBusy(false)
        gate.committed(sealed.flatMap(\.deliveries))
        if failureCount > 0 { Log.notice("writing the spool again", .writingAgain) }
        failing.store(false, ordering: .relaxed)
        reporter.noteDropped(outcome.droppedEvents, tooLarge: outcome.refusedEvents)
        delivery.wake()
        return
      } catch {
        progress.end()
        failureCount += 1
        failing.store(true, ordering: .relaxed)
        gate.setBusy(true)
        if failureCount == 1 {
          Log.error(
            "cannot write \(spool.path): \(SpoolError.reason(of: error)); keeping what was received and trying "
              + "again", .cannotWrite)
        }
        if failureCount >= Self.attemptsWhenStopping, isStopping.load(ordering: .relaxed) {
          abandonedEventCount += sealed.reduce(0) { $0 + $1.batch.count }
          return
        }
        Thread.sleep(forTimeInterval: Self.retrySeconds)
      }
    }
  }
}
