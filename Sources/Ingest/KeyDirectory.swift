import Foundation
import Glibc
import WireFormat

/// Reads the directory of keys that senders share with the collector.
package enum KeyDirectory {
  /// Keys taken: ten for each of ten thousand workstations.
  private static let keysMax = 100_000
  private static let ending = ".key"
  /// `LoadCredential=keys:DIRECTORY` calls its copy of the file `ID.key` `keys_ID.key` (systemd.exec(5)).
  private static let credentialPrefix = "keys_"

  /// All keys by their id, from the files `ID.key`, in systemd's directory also `keys_ID.key`.
  ///
  /// - Parameter isCredentials: systemd's own directory, which is private whatever its modes say.
  /// - Throws: `SocketError` naming the file that cannot be used; never what stands in it.
  package static func load(_ path: String, isCredentials: Bool) throws -> [String: DeliveryKey] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(ending) }
    } catch {
      throw SocketError("cannot read the keys in \(path): \(error.localizedDescription)")
    }
    guard names.count <= keysMax else { throw SocketError("more than \(keysMax) keys in \(path)") }
    var keys: [String: DeliveryKey] = [:]
    for name in names.sorted() {
      let id = keyID(ofFile: name, isCredentials: isCredentials)
      let file = path + "/" + name
      guard keys[id] == nil else {
        throw SocketError("\(file) is a second key of the id '\(id)': load one of the two only")
      }
      keys[id] = try loadKey(file, id: id, isCredentials: isCredentials)
    }
    guard !keys.isEmpty else { throw SocketError("no key in \(path): put ID.key files there") }
    return keys
  }

  private static func keyID(ofFile name: String, isCredentials: Bool) -> String {
    let id = name.hasSuffix(ending) ? name.dropLast(ending.count) : name[...]
    let isCopy = isCredentials && id.hasPrefix(credentialPrefix)
    return String(isCopy ? id.dropFirst(credentialPrefix.count) : id)
  }

  /// One key, from its file.
  ///
  /// - Parameter id: nil for the file's name without `.key`.
  /// - Throws: as ``load(_:isCredentials:)``.
  package static func loadKey(
    _ path: String, id: String? = nil, isCredentials: Bool
  ) throws(SocketError) -> DeliveryKey {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let text = try text(path, isCredentials: isCredentials)
    do throws(DeliveryKeyError) {
      return try DeliveryKey.parse(text, id: id ?? keyID(ofFile: name, isCredentials: isCredentials))
    } catch {
      throw SocketError("\(path) is no key: \(error)")
    }
  }

  private static func text(_ path: String, isCredentials: Bool) throws(SocketError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw SocketError("cannot read the key \(path): \(SocketError.reason(errno))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw SocketError("the key \(path) is no ordinary file")
    }
    guard isCredentials || status.st_mode & 0o007 == 0 else {
      throw SocketError("the key \(path) may be read by others: run 'chmod o= \(path)'")
    }
    var bytes = [UInt8](repeating: 0, count: DeliveryKey.fileBytesMax + 1)
    let count = read(descriptor, &bytes, bytes.count)
    guard count >= 0, count <= DeliveryKey.fileBytesMax,
      let text = String(validating: bytes[..<count], as: UTF8.self)
    else { throw SocketError("the key \(path) is no text of at most \(DeliveryKey.fileBytesMax) bytes") }
    return text
  }
}
