/// What an envelope is for.
package enum EnvelopeType: UInt8, Sendable {
  /// Sender to collector: events to be stored and acknowledged.
  case batch = 1
  /// Collector to sender: these batches are on disk.
  case acknowledgement = 2
  /// Collector to sender: not stored, try again later.
  case busy = 3
}

/// How envelopes prove who made them; a higher mode promises more.
package enum DeliveryMode: UInt8, Comparable, CaseIterable, Sendable {
  case none = 0
  case sign = 1
  case encrypt = 2

  package init?(name: String) {
    guard let mode = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = mode
  }

  package var name: String {
    switch self {
    case .none: "none"
    case .sign: "sign"
    case .encrypt: "encrypt"
    }
  }

  /// Bytes behind the payload.
  var tagBytes: Int {
    switch self {
    case .none: 0
    case .sign: EnvelopeCipher.signatureBytes
    case .encrypt: EnvelopeCipher.sealBytes
    }
  }

  package static func < (left: DeliveryMode, right: DeliveryMode) -> Bool { left.rawValue < right.rawValue }
}

/// What stands before an envelope's payload (`schemas/envelope.md`).
package struct EnvelopeHeader: Equatable, Sendable {
  package var type: EnvelopeType
  package var mode: DeliveryMode
  /// Random, made with each new spool: a deleted spool does not look like redelivery.
  package var spoolID: UInt64
  /// Grows with every packet of this spool, resent ones too; an acknowledgement has its own count.
  package var packetNumber: UInt64
  /// From 1, the same however often the batch is sent; in an answer, the packet number that it answers.
  package var batchNumber: UInt64
  /// The oldest batch that the sender still keeps; 0 in an answer.
  package var oldestBatch: UInt64
  /// The maker's clock when the packet was made, milliseconds since 1970 UTC.
  package var sendMilliseconds: Int64
  /// The sender's id, 1 to 255 bytes; an answer repeats it.
  package var sender: String
  /// Which key; empty exactly in mode `none`.
  package var keyID: String

  package init(
    type: EnvelopeType, mode: DeliveryMode, spoolID: UInt64, packetNumber: UInt64, batchNumber: UInt64,
    oldestBatch: UInt64, sendMilliseconds: Int64, sender: String, keyID: String
  ) {
    self.type = type
    self.mode = mode
    self.spoolID = spoolID
    self.packetNumber = packetNumber
    self.batchNumber = batchNumber
    self.oldestBatch = oldestBatch
    self.sendMilliseconds = sendMilliseconds
    self.sender = sender
    self.keyID = keyID
  }

  /// Where names begin.
  package static let fixedBytes = 80
  package static let senderBytesMax = 255
  package static let keyIDBytesMax = 64
  static let nonceRange = 56..<80

  /// Reads the header of a whole envelope.
  ///
  /// - Returns: the header and where the payload lies, its tag left out.
  /// - Throws: `EnvelopeRefusal.truncated` or `.malformed`.
  package static func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(EnvelopeRefusal) -> (header: EnvelopeHeader, payload: Range<Int>) {
    guard bytes.count >= fixedBytes else { throw .truncated }
    guard bytes.starts(with: Envelope.magic), let type = EnvelopeType(rawValue: bytes[8]),
      let mode = DeliveryMode(rawValue: bytes[9]), bytes[12..<16].allSatisfy({ $0 == 0 })
    else { throw .malformed }
    let senderEnd = fixedBytes + Int(bytes[10])
    let keyEnd = senderEnd + Int(bytes[11])
    guard Int(bytes.littleEndian(at: 4, as: UInt32.self)) == bytes.count - 8 else { throw .truncated }
    guard bytes.count >= keyEnd + mode.tagBytes else { throw .truncated }
    guard senderEnd > fixedBytes, Int(bytes[11]) <= keyIDBytesMax, (keyEnd == senderEnd) == (mode == .none),
      mode == .encrypt || bytes[nonceRange].allSatisfy({ $0 == 0 }),
      let sender = String(validating: bytes[fixedBytes..<senderEnd], as: UTF8.self), !sender.utf8.contains(0),
      let keyID = String(validating: bytes[senderEnd..<keyEnd], as: UTF8.self)
    else { throw .malformed }
    let header = EnvelopeHeader(
      type: type, mode: mode, spoolID: bytes.littleEndian(at: 16, as: UInt64.self),
      packetNumber: bytes.littleEndian(at: 24, as: UInt64.self),
      batchNumber: bytes.littleEndian(at: 32, as: UInt64.self),
      oldestBatch: bytes.littleEndian(at: 40, as: UInt64.self),
      sendMilliseconds: bytes.littleEndian(at: 48, as: Int64.self), sender: sender, keyID: keyID)
    return (header, keyEnd..<bytes.count - mode.tagBytes)
  }

  /// The header's bytes, names included.
  ///
  /// - Precondition: names within their limits, a key id exactly when the mode has one.
  func encoded(payloadBytes: Int, nonce: [UInt8]) -> [UInt8] {
    let sender = Array(sender.utf8)
    let keyID = Array(keyID.utf8)
    precondition(
      (1...Self.senderBytesMax).contains(sender.count) && keyID.count <= Self.keyIDBytesMax
        && keyID.isEmpty == (mode == .none) && nonce.count == Self.nonceRange.count,
      "BUG: envelope header outside its limits")
    let length = Self.fixedBytes - 8 + sender.count + keyID.count + payloadBytes + mode.tagBytes
    var bytes = Envelope.magic
    bytes.reserveCapacity(length + 8)
    bytes.append(littleEndian: UInt32(length))
    bytes += [type.rawValue, mode.rawValue, UInt8(sender.count), UInt8(keyID.count), 0, 0, 0, 0]
    bytes.append(littleEndian: spoolID)
    bytes.append(littleEndian: packetNumber)
    bytes.append(littleEndian: batchNumber)
    bytes.append(littleEndian: oldestBatch)
    bytes.append(littleEndian: sendMilliseconds)
    bytes += nonce
    bytes += sender
    bytes += keyID
    return bytes
  }
}

extension UnsafeRawBufferPointer {
  /// An integer at any offset; the caller has checked that it is there.
  func littleEndian<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
    precondition(offset >= 0 && offset <= count - MemoryLayout<Value>.size, "BUG: read behind the end")
    return Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}

extension [UInt8] {
  mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
