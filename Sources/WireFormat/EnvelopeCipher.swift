import CSodium

/// Signing and encryption of envelopes, with libsodium.
///
/// Each use has a key of its own, derived from the shared one (`crypto_kdf`, context "WLenvlp1"): number 1
/// signs (keyed BLAKE2b, 32 bytes), number 2 encrypts (XChaCha20-Poly1305-IETF).
enum EnvelopeCipher {
  static let signatureBytes = 32
  static let sealBytes = 16
  static let nonceBytes = 24
  static let noNonce = [UInt8](repeating: 0, count: nonceBytes)

  private static let context: [CChar] = "WLenvlp1".utf8.map { CChar($0) }

  static func randomNonce() -> [UInt8] {
    var nonce = noNonce
    randombytes_buf(&nonce, nonce.count)
    return nonce
  }

  /// Key 1 signs, key 2 encrypts, key 3 hashes.
  static func derived(_ number: UInt64, from key: [UInt8]) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: DeliveryKey.secretBytes)
    crypto_kdf_derive_from_key(&result, result.count, number, context, key)
    return result
  }

  static func signature(of bytes: [UInt8], key: DeliveryKey) -> [UInt8] {
    bytes.withUnsafeBytes { signature(of: $0, key: key) }
  }

  private static func signature(of bytes: UnsafeRawBufferPointer, key: DeliveryKey) -> [UInt8] {
    var tag = [UInt8](repeating: 0, count: signatureBytes)
    crypto_generichash(
      &tag, tag.count, bytes.bindMemory(to: UInt8.self).baseAddress, UInt64(bytes.count), key.signing,
      key.signing.count)
    return tag
  }

  /// Compares in constant time.
  static func isSignature(
    _ tag: UnsafeRawBufferPointer, of bytes: UnsafeRawBufferPointer, key: DeliveryKey
  ) -> Bool {
    tag.count == signatureBytes
      && sodium_memcmp(signature(of: bytes, key: key), tag.baseAddress, signatureBytes) == 0
  }

  /// The encrypted payload with its tag; the header is authenticated too.
  static func encrypt(
    _ payload: UnsafeRawBufferPointer, header: [UInt8], nonce: [UInt8], key: DeliveryKey
  ) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: payload.count + sealBytes)
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      &result, nil, payload.bindMemory(to: UInt8.self).baseAddress, UInt64(payload.count), header,
      UInt64(header.count), nil, nonce, key.encrypting)
    return result
  }

  /// The payload; nil when anything was changed or the key is another.
  static func decrypt(
    _ sealed: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
    key: DeliveryKey
  ) -> [UInt8]? {
    guard sealed.count >= sealBytes, nonce.count == nonceBytes else { return nil }
    let header = Array(header)
    let nonce = Array(nonce)
    var result = [UInt8](repeating: 0, count: sealed.count - sealBytes)
    let code = crypto_aead_xchacha20poly1305_ietf_decrypt(
      &result, nil, nil, Array(sealed), UInt64(sealed.count),
      header, UInt64(header.count), nonce, key.encrypting)
    return code == 0 ? result : nil
  }
}
