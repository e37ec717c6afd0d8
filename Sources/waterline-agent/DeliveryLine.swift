import Delivery
import Foundation
import Ingest
import ServiceManager
import Synchronization

/// The sender of the spool and its thread; replaced as a whole when address or key change.
///
/// Nothing is lost by that: what counts is in the spool.
final class DeliveryLine: Sendable {
  /// How long stopping waits for the sender, which may be asking a name server; the spool is safe either way.
  private static let stopSeconds: TimeInterval = 2

  private struct State {
    var sender: Sender?
    var stop = StopSignal()
    var thread: WorkerThread?
    var address = ""
  }

  private let spool: Spool
  private let state = Mutex(State())
  private let condition = Mutex("no answer yet")

  init(spool: Spool) { self.spool = spool }

  /// One line for `systemctl status`.
  var status: String {
    let waiting = (try? spool.summary().batchCount).map { "\($0) batches wait" } ?? "the spool cannot be read"
    return "\(condition.withLock { $0 }); \(waiting)"
  }

  /// Makes a sender; ends the one before.
  func configure(address: String, identity: SenderIdentity) {
    stop()
    state.withLock { state in
      state.stop = StopSignal()
      state.address = address
      state.sender = Sender(
        spool: spool, address: address, identity: identity, pace: Sender.Pace(towards: address),
        stop: state.stop
      ) { [weak self] in self?.report($0, address) }
    }
  }

  /// Begins to deliver.
  func start() {
    state.withLock { state in
      guard let sender = state.sender, state.thread == nil else { return }
      state.thread = WorkerThread(name: "wl-sender") { sender.run() }
    }
  }

  /// Ends delivering; what is not acknowledged stays in the spool.
  func stop() {
    let thread = state.withLock { state in
      state.stop.signal()
      defer { state.thread = nil }
      return state.thread
    }
    let limit = Date(timeIntervalSinceNow: Self.stopSeconds)
    while let thread, !thread.isDone, Date() < limit { Thread.sleep(forTimeInterval: 0.005) }
  }

  /// Says that the spool has new batches.
  func wake() { state.withLock { $0.sender }?.wake() }

  private func report(_ event: SenderEvent, _ address: String) {
    switch event {
    case .away(let reason):
      condition.withLock { $0 = "the collector is away" }
      Log.warning("\(address): \(reason); events wait in \(spool.path)", .collectorAway)
    case .answering:
      condition.withLock { $0 = "the collector answers" }
      Log.notice("the collector \(address) answers", .collectorAnswers)
    case .spoolFailed(let reason):
      Log.error("cannot read or write \(spool.path): \(reason); trying again", .cannotWrite)
    }
  }
}
