/// Why a packet is refused; counted under these names and never answered.
package enum EnvelopeRefusal: String, Error, CaseIterable, Sendable {
  /// Shorter than it says, or than its header.
  case truncated
  /// Not an envelope of this version.
  case malformed
  /// A mode below what this socket asks for, or a type that the receiver does not take.
  case wrongMode = "wrong_mode"
  case unknownKey = "unknown_key"
  /// The key is no longer valid.
  case oldKey = "old_key"
  /// The key is not valid yet.
  case futureKey = "future_key"
  /// The key belongs to another sender.
  case wrongSender = "wrong_sender"
  case badSignature = "bad_signature"
  /// A packet number that was seen before, or is too old to tell.
  case replayed
  /// Sent, it says, more than a day after it came.
  case future
}

/// Envelopes: batches on their way to be acknowledged, and the answers (`schemas/envelope.md`).
///
///     "WLE1" | length u32 | fixed header, to byte 80 | sender | key id | payload | tag
package enum Envelope {
  package static let magic: [UInt8] = [0x57, 0x4C, 0x45, 0x31]  // "WLE1"
  /// Enough to tell that most datagrams are none.
  package static let firstByte: UInt8 = 0x57
  /// Largest payload: a batch as large as may be, its frame, and a little room for withheld numbers.
  package static let payloadBytesMax = UsageBatchFrame.batchBytesMax + (64 << 10)
  /// Largest value of the length field.
  package static let lengthMax =
    payloadBytesMax + EnvelopeHeader.fixedBytes + EnvelopeHeader.senderBytesMax
    + EnvelopeHeader.keyIDBytesMax + EnvelopeCipher.signatureBytes

  /// What the bytes at the start of a frame tell.
  package enum Inspection: Equatable, Sendable {
    /// Fewer bytes than the frame needs, as far as one can see; `needed` counts from the frame's start.
    case incomplete(needed: Int)
    /// A whole frame of so many bytes is there.
    case whole(byteCount: Int)
    /// No envelope begins here.
    case badMagic
    /// A length that no envelope has; a stream cannot be read on.
    case badLength(Int)
  }

  /// Looks at the bytes from the start of a frame on.
  package static func inspect(_ bytes: UnsafeRawBufferPointer) -> Inspection {
    for index in 0..<min(magic.count, bytes.count) where bytes[index] != magic[index] { return .badMagic }
    guard bytes.count >= 8 else { return .incomplete(needed: 8) }
    let length = Int(bytes.littleEndian(at: 4, as: UInt32.self))
    guard length >= EnvelopeHeader.fixedBytes - 8, length <= lengthMax else { return .badLength(length) }
    guard bytes.count >= 8 + length else { return .incomplete(needed: 8 + length) }
    return .whole(byteCount: 8 + length)
  }

  /// Makes an envelope.
  ///
  /// - Parameters:
  ///   - key: for modes `sign` and `encrypt`; the header names it.
  ///   - nonce: for tests only; otherwise random.
  /// - Precondition: the header is within its limits and the payload within ``payloadBytesMax``.
  package static func seal(
    _ header: EnvelopeHeader, payload: UnsafeRawBufferPointer, key: DeliveryKey?, nonce: [UInt8]? = nil
  ) -> [UInt8] {
    precondition(payload.count <= payloadBytesMax, "BUG: envelope over its limit")
    precondition((key == nil) == (header.mode == .none), "BUG: an envelope's key and mode differ")
    let isEncrypted = header.mode == .encrypt
    let nonce = isEncrypted ? nonce ?? EnvelopeCipher.randomNonce() : EnvelopeCipher.noNonce
    var bytes = header.encoded(payloadBytes: payload.count, nonce: nonce)
    guard let key else { return bytes + payload }
    if isEncrypted {
      bytes += EnvelopeCipher.encrypt(payload, header: bytes, nonce: nonce, key: key)
    } else {
      bytes += payload
      bytes += EnvelopeCipher.signature(of: bytes, key: key)
    }
    return bytes
  }

  /// The payload of a whole envelope, once it is sure that it is as its sender made it.
  ///
  /// - Parameter key: the key that the header names; nil for mode `none`.
  /// - Throws: `EnvelopeRefusal`.
  /// - Complexity: O(bytes).
  package static func open(
    _ bytes: UnsafeRawBufferPointer, key: DeliveryKey?
  ) throws(EnvelopeRefusal) -> (header: EnvelopeHeader, payload: [UInt8]) {
    let (header, range) = try EnvelopeHeader.parse(bytes)
    let payload = UnsafeRawBufferPointer(rebasing: bytes[range])
    switch header.mode {
    case .none: return (header, Array(payload))
    case .sign, .encrypt: break
    }
    guard let key, key.id == header.keyID else { throw .unknownKey }
    if header.mode == .sign {
      let signed = UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound])
      let tag = UnsafeRawBufferPointer(rebasing: bytes[range.upperBound...])
      guard EnvelopeCipher.isSignature(tag, of: signed, key: key) else { throw .badSignature }
      return (header, Array(payload))
    }
    let plain = EnvelopeCipher.decrypt(
      UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound...]),
      header: UnsafeRawBufferPointer(rebasing: bytes[..<range.lowerBound]),
      nonce: UnsafeRawBufferPointer(rebasing: bytes[EnvelopeHeader.nonceRange]), key: key)
    guard let plain else { throw .badSignature }
    return (header, plain)
  }
}
