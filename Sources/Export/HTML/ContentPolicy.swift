import CSodium

/// A page's Content-Security-Policy: nothing from anywhere, but the page's own style sheet and script, told
/// apart from any other by their hashes.
enum ContentPolicy {
  static func text(style: String, script: String) -> String {
    "default-src 'none'; style-src '\(hash(style))'; script-src '\(hash(script))'; base-uri 'none'; "
      + "form-action 'none'"
  }

  /// `sha256-…` of a text's UTF-8, as CSP Level 3 section 2.3.1 writes it.
  private static func hash(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var digest = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
    crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
    let variant = sodium_base64_VARIANT_ORIGINAL
    var encoded = [CChar](repeating: 0, count: sodium_base64_encoded_len(digest.count, variant))
    sodium_bin2base64(&encoded, encoded.count, digest, digest.count, variant)
    return "sha256-" + String(decoding: encoded.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
