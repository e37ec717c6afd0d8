/// How much a spool keeps, and in what pieces.
package struct SpoolLimits: Equatable, Sendable {
  /// Bytes of payloads; beyond, the oldest batches are dropped and counted.
  ///
  /// A workstation makes about 20 kB
  /// a day, so 64 MiB are years.
  package var bytesMax: Int64 = 64 << 20
  /// Age of a batch by this machine's clock; older ones are dropped and counted.
  package var ageMillisecondsMax: Int64 = 90 * 86_400_000
  /// Payload of a batch as far as events can be divided: what a datagram of 1,400 bytes leaves beside its
  /// header.
  package var payloadBytesMax = 1_200

  /// Largest payload of all, for an event with long attributes: a batch must always fit a UDP datagram, since
  /// it keeps its bytes when the collector's address changes.
  package static let payloadBytesCeiling = 65_000

  package init() {}
}
