import UsageModel
import WireFormat

/// A batch on its way into the store.
package struct ReceivedBatch: Sendable {
  package var batch: EventBatch
  /// Where it came from: `udp`, `unix-datagram`, `unix-stream`, `import`.
  package var transport: String
  /// Collector's clock, milliseconds since 1970 UTC.
  package var receivedMilliseconds: Int64
  /// Datagrams that the kernel dropped at the socket since the batch before.
  package var kernelDrops: Int64

  /// Batches in envelopes whose events are in here.
  package var deliveries: [DeliveredBatch]
  /// Events of the one delivery that do not fit `batch`, and come before those in it.
  package var pieces: Pieces?

  /// Calls its argument with one batch after another, each only valid during the call, and returns what is told
  /// besides events; each time anew the same.
  package typealias Pieces =
    @Sendable (_ body: (EventBatch) throws -> Void) throws -> (
      unsent: [DeliveredBatch.Unsent], refused: [DeliveredBatch.Refused]
    )

  package init(
    batch: EventBatch, transport: String, receivedMilliseconds: Int64, kernelDrops: Int64 = 0,
    deliveries: [DeliveredBatch] = [], pieces: Pieces? = nil
  ) {
    self.pieces = pieces
    self.deliveries = deliveries
    self.batch = batch
    self.transport = transport
    self.receivedMilliseconds = receivedMilliseconds
    self.kernelDrops = kernelDrops
  }

  /// Retention leaves imported events alone.
  var isImported: Bool { transport == "import" }

  /// Events that end before are late; an import is never.
  var lateBeforeMilliseconds: Int64 {
    transport == "import" ? .min : receivedMilliseconds - SequenceLedger.lateMilliseconds
  }
}

/// What became of the events of a commit.
package struct CommitSummary: Equatable, Sendable {
  package var accepted = 0
  package var duplicate = 0
  /// Duplicates that differ from the event stored first; counted in `duplicate` too.
  package var conflict = 0
  /// Refused events by reason.
  package var rejected: [RejectReason: Int] = [:]

  package init() {}

  package var rejectedCount: Int { rejected.values.reduce(0, +) }

  package static func += (left: inout CommitSummary, right: CommitSummary) {
    left.accepted += right.accepted
    left.duplicate += right.duplicate
    left.conflict += right.conflict
    left.rejected.merge(right.rejected, uniquingKeysWith: +)
  }
}
