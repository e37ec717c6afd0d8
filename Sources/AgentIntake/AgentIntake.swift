import Delivery
import Ingest
import UsageModel
import WireFormat

/// What stands between an agent's sockets and its spool: who may speak, rules, heartbeats.
///
/// Only one thread uses it.
package struct AgentIntake {
  /// What happened to events, since the agent started.
  package struct Counts: Equatable, Sendable {
    /// Accepted, before rules and merging.
    package var accepted = 0
    /// By reason.
    package var refused: [RejectReason: Int] = [:]
    /// Left out by a rule.
    package var withheld = 0
    /// Dropped by the kernel at the datagram socket.
    package var kernelDrops: Int64 = 0

    package var refusedTotal: Int { refused.values.reduce(0, +) }

    package init() {}
  }

  package private(set) var counts = Counts()
  private var speakers: SpeakerRules
  private var minimiser: Minimiser
  private var merger: HeartbeatMerger

  /// - Parameter memory: what the spool kept of the time before.
  package init(
    minimiser: Minimiser, mergeGapMilliseconds: Int64, ownSource: String, memory: SpoolMemory
  ) {
    self.minimiser = minimiser
    speakers = SpeakerRules(ownSource: ownSource, owners: memory.owners)
    merger = HeartbeatMerger(gapMilliseconds: mergeGapMilliseconds, open: memory.openFocus)
  }

  /// Takes other rules; what is open is completed by the next ``take(_:nowMilliseconds:)`` that is due.
  package mutating func setRules(_ minimiser: Minimiser, mergeGapMilliseconds: Int64) {
    self.minimiser = minimiser
    merger = HeartbeatMerger(gapMilliseconds: mergeGapMilliseconds, open: merger.openFocus)
  }

  /// Until heartbeats are complete; nil while none wait.
  package func millisecondsUntilDue(nowMilliseconds: Int64) -> Int64? {
    merger.millisecondsUntilDue(nowMilliseconds: nowMilliseconds)
  }

  /// What the spool has to add for these batches; empty batches complete the heartbeats that are due.
  package mutating func take(_ sealed: [SealedBatch], nowMilliseconds: Int64) -> SpoolAddition {
    var addition = SpoolAddition()
    let openBefore = merger.openFocus
    var refused = RefusalTally()
    for batch in sealed {
      take(batch.batch, into: &addition, &refused, nowMilliseconds)
      counts.kernelDrops += batch.kernelDrops
      for (delivery, _) in batch.deliveries {
        addition.deliveries.append(delivery)
        take(delivery.unsent, into: &addition)
        take(delivery.refused, into: &addition)
      }
    }
    addition.refused += refused.all
    merger.closeDue(nowMilliseconds: nowMilliseconds, complete: &addition.events)
    finish(&addition, openBefore)
    return addition
  }

  /// Completes all heartbeats, before the agent ends.
  package mutating func completeAll() -> SpoolAddition {
    var addition = SpoolAddition()
    let openBefore = merger.openFocus
    merger.closeAll(complete: &addition.events)
    finish(&addition, openBefore)
    return addition
  }

  private mutating func finish(_ addition: inout SpoolAddition, _ openBefore: [OpenFocus]) {
    addition.owners = speakers.takeClaims()
    let open = merger.openFocus
    if open != openBefore { addition.openFocus = open }
  }

  private mutating func take(
    _ batch: EventBatch, into addition: inout SpoolAddition, _ refused: inout RefusalTally, _ now: Int64
  ) {
    for reject in batch.rejects {
      counts.refused[reject.reason, default: 0] += 1
      refused.add(
        reject.reason, source: ownSource(of: reject, batch), number: UInt64(clamping: reject.sequence))
    }
    for row in 0..<batch.count {
      let event = batch.event(at: row)
      guard speakers.allows(event, speaker: batch.strings.text(of: batch.speaker[row])) else {
        counts.refused[.notYours, default: 0] += 1
        // What an impostor says must not show in the ledger of whom they name.
        refused.add(.notYours, source: nil, number: 0)
        continue
      }
      counts.accepted += 1
      guard let kept = minimiser.minimised(event) else {
        counts.withheld += 1
        if let source = event.source, let number = event.sequence {
          addition.unsent.append(.init(source: source, isWithheld: true, ranges: [number...number]))
        }
        continue
      }
      if kept.kind == .focus && kept.source == nil {
        merger.add(kept, nowMilliseconds: now, complete: &addition.events)
      } else {
        addition.events.append(kept)
      }
    }
  }

  /// The source that a refused event names, if its sender may number under it.
  private mutating func ownSource(of reject: EventBatch.Reject, _ batch: EventBatch) -> String? {
    guard let source = batch.strings.text(of: reject.source),
      speakers.allows(source: source, speaker: batch.strings.text(of: reject.speaker))
    else { return nil }
    return source
  }

  /// Events that a local sender refused itself, if the source is its own.
  private mutating func take(_ refused: [DeliveredBatch.Refused], into addition: inout SpoolAddition) {
    for var events in refused {
      let speaker = events.speaker.isEmpty ? nil : String(decoding: events.speaker, as: UTF8.self)
      if let source = events.source, !speakers.allows(source: source, speaker: speaker) {
        counts.refused[.notYours, default: 0] += 1
        continue
      }
      events.speaker = []
      addition.refused.append(events)
    }
  }

  /// Numbers that a local sender says will not come, if the source is its own.
  private mutating func take(_ unsent: [DeliveredBatch.Unsent], into addition: inout SpoolAddition) {
    for numbers in unsent {
      let speaker = numbers.speaker.isEmpty ? nil : String(decoding: numbers.speaker, as: UTF8.self)
      if speakers.allows(source: numbers.source, speaker: speaker) {
        addition.unsent.append(numbers)
      } else {
        counts.refused[.notYours, default: 0] += 1
      }
    }
  }
}
