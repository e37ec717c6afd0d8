import Ingest
import WireFormat

/// Who sends, and how it proves that.
package struct SenderIdentity: Sendable {
  package var sender: String
  package var mode: DeliveryMode
  /// For modes `sign` and `encrypt`.
  package var key: DeliveryKey?

  package init(sender: String, mode: DeliveryMode = .none, key: DeliveryKey? = nil) {
    precondition((key == nil) == (mode == .none), "BUG: a sender's key and mode differ")
    self.sender = sender
    self.mode = mode
    self.key = key
  }

  /// The owner of a key file.
  ///
  /// - Parameters:
  ///   - keyID: nil for the file's name without `.key`.
  ///   - isCredential: in systemd's own directory, which is private whatever its modes say.
  /// - Throws: `SocketError` naming the file that cannot be used.
  package init(
    keyPath: String, keyID: String?, mode: DeliveryMode, isCredential: Bool = false
  ) throws(SocketError) {
    let key = try KeyDirectory.loadKey(keyPath, id: keyID, isCredentials: isCredential)
    self.init(sender: key.sender, mode: mode, key: key)
  }

  /// Why the collector may refuse the key, by this machine's clock; nil when it will do.
  package func problemOfKey(nowMilliseconds: Int64) -> String? {
    guard let key else { return nil }
    do throws(EnvelopeRefusal) {
      try key.check(atMilliseconds: nowMilliseconds)
      return nil
    } catch {
      let reason = error == .oldKey ? "no longer valid" : "not valid yet"
      return "the key \(key.id) is \(reason) by this machine's clock: the collector may refuse it"
    }
  }

  /// A packet with a batch.
  package func packet(
    batch: UInt64, payload: [UInt8], oldestBatch: UInt64, spoolID: UInt64, packetNumber: UInt64,
    nowMilliseconds: Int64
  ) -> [UInt8] {
    let header = EnvelopeHeader(
      type: .batch, mode: mode, spoolID: spoolID, packetNumber: packetNumber, batchNumber: batch,
      oldestBatch: oldestBatch, sendMilliseconds: nowMilliseconds, sender: sender, keyID: key?.id ?? "")
    return payload.withUnsafeBytes { Envelope.seal(header, payload: $0, key: key) }
  }

  /// An answer that is meant for this sender's spool and whose maker holds the key; else nil.
  package func answer(_ bytes: [UInt8], spoolID: UInt64) -> DeliveryAnswer? {
    guard let (header, payload) = try? bytes.withUnsafeBytes({ try Envelope.open($0, key: key) }),
      header.mode == mode, header.sender == sender, header.spoolID == spoolID
    else { return nil }
    switch header.type {
    case .batch: return nil
    case .acknowledgement:
      return Acknowledgement(payload).map { DeliveryAnswer(packet: header.batchNumber, kind: .stored($0)) }
    case .busy:
      return BusyAnswer(payload).map {
        DeliveryAnswer(packet: header.batchNumber, kind: .busy(delayMilliseconds: $0.delayMilliseconds))
      }
    }
  }
}

/// What a collector answered.
package struct DeliveryAnswer: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    case stored(Acknowledgement)
    case busy(delayMilliseconds: UInt32)
  }

  /// The packet that it answers.
  package var packet: UInt64
  package var kind: Kind
}
