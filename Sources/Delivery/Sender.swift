import Foundation
import Glibc
import Ingest
import Synchronization
import WireFormat

/// Sends a spool's batches until each is acknowledged; one thread.
///
/// Every batch under way has its own time of resending; a lost packet or answer only costs that wait. What
/// was acknowledged is deleted from the spool. Through restarts of either side nothing but the spool counts.
package final class Sender: Sendable {
  /// How fast it goes.
  package struct Pace: Equatable, Sendable {
    /// Batches under way at first; one more for each that is acknowledged, as far as the collector allows, so that
    /// nobody begins with a burst.
    package var firstWindow = 2
    /// Never more, whatever the collector says: bounds the packets that the host has to take at once.
    package var windowMax = 256
    /// Before a batch is sent again.
    package var resend = Backoff(floorMilliseconds: 250, baseMilliseconds: 250, capMilliseconds: 60_000)
    /// Before connecting again.
    package var reconnect = Backoff(floorMilliseconds: 50, baseMilliseconds: 500, capMilliseconds: 60_000)
    /// Without any answer for so long, the connection is made anew.
    package var silenceMilliseconds: Int64 = 10_000
    /// The first packet goes within this time, so that thousands that boot at once do not send at once.
    package var firstSpreadMilliseconds: Int64 = 5_000

    package init() {}

    /// The pace towards an address: a collector on this machine has no ten thousand agents that could come back
    /// at once, and is looked for more often.
    package init(towards address: String) {
      guard address.contains("/") else { return }
      resend.capMilliseconds = 5_000
      firstSpreadMilliseconds = 1_000
      reconnect.capMilliseconds = 2_000
    }
  }

  /// What happened so far.
  package struct Counts: Equatable, Sendable {
    package var packets = 0
    package var resent = 0
    package var acknowledgedBatches = 0
    package var busyAnswers = 0
    /// Answers that were forged, damaged, late, or for something that was never sent.
    package var ignoredAnswers = 0
  }

  private let spool: Spool
  private let address: String
  private let identity: SenderIdentity
  private let pace: Pace
  private let stop: StopSignal
  private let onEvent: @Sendable (SenderEvent) -> Void
  private let counted = Mutex(Counts())
  /// Written to by ``wake()``.
  private let wakeRead: Int32
  private let wakeWrite: Int32

  /// - Parameter onEvent: told about what an operator should know, once each time it changes.
  package init(
    spool: Spool, address: String, identity: SenderIdentity, pace: Pace = Pace(), stop: StopSignal,
    onEvent: @escaping @Sendable (SenderEvent) -> Void = { _ in }
  ) {
    self.spool = spool
    self.address = address
    self.identity = identity
    self.pace = pace
    self.stop = stop
    self.onEvent = onEvent
    var pair: [Int32] = [-1, -1]
    pipe(&pair)
    for descriptor in pair {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }
    (wakeRead, wakeWrite) = (pair[0], pair[1])
  }

  deinit {
    close(wakeRead)
    close(wakeWrite)
  }

  package var counts: Counts { counted.withLock { $0 } }

  /// Says that there are new batches.
  package func wake() {
    var byte: UInt8 = 1
    _ = write(wakeWrite, &byte, 1)
  }

  /// Sends until the stop signal.
  package func run() {
    var run = SenderRun(spool: spool, address: address, identity: identity, pace: pace)
    while !stop.isSet {
      do {
        try run.turn(onEvent)
      } catch {
        onEvent(.spoolFailed(SpoolError.reason(of: error)))
        run.pause(milliseconds: Self.spoolRetryMilliseconds)
      }
      counted.withLock { $0 = run.counts }
      wait(run)
    }
  }

  /// Before a spool that could not be written is tried again.
  private static let spoolRetryMilliseconds: Int64 = 1_000

  private func wait(_ run: borrowing SenderRun) {
    var descriptors = [
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0),
    ]
    if let (descriptor, events) = run.awaited {
      descriptors.append(pollfd(fd: descriptor, events: events, revents: 0))
    }
    let milliseconds = run.millisecondsUntilDue.map { Int32(clamping: max(0, $0)) } ?? -1
    _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(wakeRead, &bytes, bytes.count) > 0 {}
  }
}

/// What an operator should know about sending.
package enum SenderEvent: Equatable, Sendable {
  /// The collector cannot be reached, and why.
  case away(String)
  /// It answers, for the first time or again.
  case answering
  /// The spool could not be read or written.
  case spoolFailed(String)
}
