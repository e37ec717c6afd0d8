import CSodium
import CEventTable

/// Keyed pseudonyms of people: stable within one database, meaningless outside it.
///
/// BLAKE2b keyed with a random secret that the database holds (libsodium `crypto_generichash`); without
/// the key a name cannot be tested by hashing candidates.
package struct Pseudonyms {
  private let key: [UInt8]

  /// Length of the shown digest: 12 hexadecimal digits tell a million people apart.
  private static let digestBytes = 16
  private static let shownBytes = 6

  /// Reads the key of a database; empty (and nothing is shown) before any writer made one.
  init(_ database: OpaquePointer) throws(ScanError) {
    let select = try PreparedSelect(database, "SELECT value FROM secret WHERE name = 'pseudonym'")
    key = try select.next() ? Array(select.bytes(0)) : []
  }

  package init(key: [UInt8]) { self.key = key }

  /// What to show for a person: the name if names are on, else the pseudonym.
  func shown(_ name: String) -> String {
    EventExtension.showsNames ? name : pseudonym(of: name)
  }

  /// `p-` and 12 hexadecimal digits.
  package func pseudonym(of name: String) -> String {
    guard key.count >= 16 else { return "p-?" }
    var digest = [UInt8](repeating: 0, count: Self.digestBytes)
    let bytes = Array(name.utf8)
    crypto_generichash(&digest, digest.count, bytes, UInt64(bytes.count), key, key.count)
    let digits = Array("0123456789abcdef".utf8)
    var text = Array("p-".utf8)
    for byte in digest.prefix(Self.shownBytes) { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }
}
