import ArgumentParser
import Delivery
import Foundation
import Ingest
import WireFormat

/// The key under which single events are sent over UDP, as an agent's.
struct KeyOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The key's name; else its file's.", valueName: "id"))
  var keyID: String?

  @Option(
    help: ArgumentHelp(
      "The key that sender and collector share, for UDP; else $WATERLINE_KEY_FILE.", valueName: "file"))
  var keyFile: String?

  @Option(help: ArgumentHelp("How to use the key; encrypt unless told.", valueName: "mode"))
  var mode: DeliveryMode?

  /// A key by the place of its file.
  struct Named {
    var path: String
    var id: String?
    var mode: DeliveryMode

    /// The options that say the same.
    var words: [String] {
      ["--key-file", path, "--mode", mode.name] + (id.map { ["--key-id=\($0)"] } ?? [])
    }
  }

  func validate() throws {
    if mode == DeliveryMode.none { throw ValidationError("--mode none needs no saying: leave the key out") }
    if keyID != nil || mode != nil, keyFile == nil {
      throw ValidationError("--key-id and --mode say how to use a key: name its file with --key-file")
    }
    if let keyID, !DeliveryKey.isValidID(keyID) {
      throw ValidationError("--key-id '\(keyID)' has other characters than A-Z a-z 0-9 . _ -")
    }
  }

  /// The key to use at these addresses; nil for none.
  ///
  /// At Unix sockets the kernel says who sends, so a key named by the environment is left alone there.
  func named(for addresses: [String], environment: [String: String]) throws -> Named? {
    let isLocal = addresses.contains { $0.contains("/") }
    if keyFile != nil && isLocal {
      throw SocketError("a key is for UDP: at a Unix socket the kernel says who sends; leave --key-file out")
    }
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    guard !isLocal, let path = keyFile ?? variable("WATERLINE_KEY_FILE") else { return nil }
    let isOwn = keyFile != nil
    let chosen = try isOwn ? mode : variable("WATERLINE_MODE").map(Self.mode)
    // Another process may have another directory.
    return Named(
      path: URL(fileURLWithPath: path).path, id: isOwn ? keyID : variable("WATERLINE_KEY_ID"),
      mode: chosen ?? .encrypt)
  }

  /// Who sends to these addresses; without a key, this machine, as an agent would.
  ///
  /// - Throws: `SocketError` naming the file that cannot be used.
  func identity(for addresses: [String], environment: [String: String]) throws -> SenderIdentity {
    guard let key = try named(for: addresses, environment: environment) else {
      return SenderIdentity(sender: LocalHost.name)
    }
    return try SenderIdentity(keyPath: key.path, keyID: key.id, mode: key.mode)
  }

  private static func mode(_ name: String) throws -> DeliveryMode {
    guard let mode = DeliveryMode(name: name), mode != .none else {
      throw SocketError("$WATERLINE_MODE '\(name)' is neither sign nor encrypt")
    }
    return mode
  }
}

extension DeliveryMode: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }

  public static var allValueStrings: [String] { allCases.filter { $0 > .none }.map(\.name) }
}
