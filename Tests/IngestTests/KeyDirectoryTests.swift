import Foundation
import Testing
import WireFormat

@testable import Ingest

struct KeyDirectoryTests {
  private static let text = "key: " + Data(repeating: 7, count: 32).base64EncodedString() + "\n"

  /// A directory with a key under each name.
  private static func directory(_ names: [String]) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for name in names {
      let path = directory.path + "/" + name
      let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
      #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: attributes))
    }
    return directory
  }

  @Test(arguments: [
    // What systemd makes of a directory, and of single files.
    (true, ["keys_pc-17.key", "keys_pc_18.key"], ["pc-17", "pc_18"]),
    (true, ["pc-17.key"], ["pc-17"]),
    (true, ["keys_keys_a.key"], ["keys_a"]),
    (true, ["keys_pc-17.key", "other_secret"], ["pc-17"]),
    // Elsewhere a name is a name.
    (false, ["keys_pc-17.key", "pc-17.key"], ["keys_pc-17", "pc-17"]),
    (false, ["pc-17.key", "README"], ["pc-17"]),
  ])
  func idsComeFromNames(isCredentials: Bool, names: [String], ids: [String]) throws {
    let directory = try Self.directory(names)
    let keys = try KeyDirectory.load(directory.path, isCredentials: isCredentials)
    #expect(keys.keys.sorted() == ids)
    #expect(keys.values.map(\.id).sorted() == ids)
  }

  @Test(arguments: [
    (["keys_a.key", "a.key"], "second key of the id 'a'"), (["keys_.key"], "is no key"), ([], "no key in"),
    (["keys_a b.key"], "is no key"),
  ])
  func saysWhichFileIsWrong(names: [String], words: String) throws {
    let directory = try Self.directory(names)
    #expect {
      _ = try KeyDirectory.load(directory.path, isCredentials: true)
    } throws: { "\($0)".contains(words) && !"\($0)".contains(Self.text.prefix(20)) }
  }

  @Test func othersMayNotReadAKeyUnlessItIsSystemds() throws {
    let directory = try Self.directory(["keys_a.key"])
    let path = directory.path + "/keys_a.key"
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(throws: SocketError.self) { _ = try KeyDirectory.load(directory.path, isCredentials: false) }
    #expect(try KeyDirectory.load(directory.path, isCredentials: true).count == 1)
  }
}
