import CSodium
import UsageModel

/// A key that sender and collector share, with what it is good for.
///
/// Its description never shows the secret.
package struct DeliveryKey: Sendable, CustomStringConvertible, CustomReflectable {
  package static let secretBytes = 32
  /// Largest key file read.
  package static let fileBytesMax = 4_096

  /// Letters, digits, dots, dashes and underscores, 1 to 64.
  package let id: String
  /// The only sender that may use it.
  package let sender: String
  /// Not valid before; nil always was.
  package let notBeforeMilliseconds: Int64?
  /// Not valid from then on; nil for ever.
  package let notAfterMilliseconds: Int64?
  /// Whom its sender may speak for; nil for everybody.
  package let users: Set<String>?
  let signing: [UInt8]
  let encrypting: [UInt8]
  /// For keyed hashes of what events say.
  package let hashing: [UInt8]

  package var description: String { "key \(id)" }
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }

  package init(
    id: String, secret: [UInt8], sender: String? = nil, notBeforeMilliseconds: Int64? = nil,
    notAfterMilliseconds: Int64? = nil, users: Set<String>? = nil
  ) {
    precondition(secret.count == Self.secretBytes, "BUG: a key has another length")
    self.id = id
    self.sender = sender ?? id
    self.notBeforeMilliseconds = notBeforeMilliseconds
    self.notAfterMilliseconds = notAfterMilliseconds
    self.users = users
    signing = EnvelopeCipher.derived(1, from: secret)
    encrypting = EnvelopeCipher.derived(2, from: secret)
    hashing = EnvelopeCipher.derived(3, from: secret)
  }

  /// Whether the key may be used at a moment.
  package func check(atMilliseconds moment: Int64) throws(EnvelopeRefusal) {
    if let notBefore = notBeforeMilliseconds, moment < notBefore { throw .futureKey }
    if let notAfter = notAfterMilliseconds, moment >= notAfter { throw .oldKey }
  }

  package static func isValidID(_ id: String) -> Bool {
    (1...EnvelopeHeader.keyIDBytesMax).contains(id.utf8.count)
      && id.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// Reads a key file: `name: value` lines, or nothing but the key in base64.
  ///
  /// - Throws: `DeliveryKeyError`, which never repeats what stands in the file.
  package static func parse(_ text: String, id: String) throws(DeliveryKeyError) -> DeliveryKey {
    guard isValidID(id) else {
      throw DeliveryKeyError("a key's name has other characters than A-Z a-z 0-9 . _ -")
    }
    var fields: [String: String] = [:]
    for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = trimmed(raw)
      if line.isEmpty || line.hasPrefix("#") { continue }
      let colon = line.firstIndex(of: ":")
      let name = colon.map { trimmed(line[..<$0]) } ?? "key"
      let value = colon.map { trimmed(line[line.index(after: $0)...]) } ?? line
      guard ["key", "sender", "not_before", "not_after", "users"].contains(name) else {
        throw DeliveryKeyError("line \(index + 1): known are key, sender, not_before, not_after and users")
      }
      guard fields.updateValue(value, forKey: name) == nil else {
        throw DeliveryKeyError("line \(index + 1): '\(name)' stands there twice")
      }
    }
    guard let encoded = fields["key"], let secret = secret(base64: encoded) else {
      throw DeliveryKeyError("it needs 'key: ' and 32 bytes in base64")
    }
    let sender = fields["sender"] ?? id
    guard (1...EnvelopeHeader.senderBytesMax).contains(sender.utf8.count) else {
      throw DeliveryKeyError("'sender' needs 1 to \(EnvelopeHeader.senderBytesMax) bytes")
    }
    guard !sender.utf8.starts(with: SpoolName.unprovenPrefix.utf8), !sender.utf8.contains(0) else {
      throw DeliveryKeyError("'sender' begins with '~', like those without keys, or holds a NUL: use another")
    }
    return DeliveryKey(
      id: id, secret: secret, sender: sender, notBeforeMilliseconds: try time(fields, "not_before"),
      notAfterMilliseconds: try time(fields, "not_after"), users: users(fields["users"] ?? "*"))
  }

  /// A key file with a fresh random key.
  package static func makeFile(sender: String?) -> String {
    var secret = [UInt8](repeating: 0, count: secretBytes)
    randombytes_buf(&secret, secret.count)
    let line = "key: \(base64(secret))\n"
    return sender.map { line + "sender: \($0)\n" } ?? line
  }

  private static func users(_ text: String) -> Set<String>? {
    if text == "*" { return nil }
    return Set(text.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty })
  }

  private static func time(
    _ fields: [String: String], _ name: String
  ) throws(DeliveryKeyError) -> Int64? {
    guard let text = fields[name] else { return nil }
    var copy = text
    guard let milliseconds = copy.withUTF8({ TimestampParser.milliseconds($0) }) else {
      throw DeliveryKeyError("'\(name)' needs a time such as 2026-01-31T00:00:00Z")
    }
    return milliseconds
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    func isSpace(_ character: Character) -> Bool {
      character == " " || character == "\t" || character == "\r"
    }
    let start = text.drop(while: isSpace)
    let end = start.lastIndex { !isSpace($0) }
    return end.map { String(start[...$0]) } ?? ""
  }

  private static let base64Variant = Int32(sodium_base64_VARIANT_ORIGINAL)

  private static func secret(base64 text: String) -> [UInt8]? {
    var secret = [UInt8](repeating: 0, count: secretBytes)
    var count = 0
    let code = sodium_base642bin(
      &secret, secret.count, text, text.utf8.count, nil, &count, nil, base64Variant)
    return code == 0 && count == secretBytes ? secret : nil
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    var text = [CChar](
      repeating: 0, count: sodium_base64_encoded_len(bytes.count, base64Variant))
    sodium_bin2base64(&text, text.count, bytes, bytes.count, base64Variant)
    return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// What is wrong with a key file.
package struct DeliveryKeyError: Error, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
