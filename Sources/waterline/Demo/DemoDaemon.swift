import Foundation
import Glibc
import Ingest
import UsageModel

/// A real `waterlined` of its own for the demo.
final class DemoDaemon {
  let databasePath: String
  let datagramPath: String
  let streamPath: String
  private(set) var udpAddress = ""
  private let process = Process()
  private let log = Pipe()

  /// Starts the daemon beside this program and waits until it listens.
  init(directory: String) throws {
    databasePath = directory + "/demo.db"
    datagramPath = directory + "/datagram.sock"
    streamPath = directory + "/stream.sock"
    process.executableURL = URL(fileURLWithPath: try Self.programPath())
    process.arguments = [
      "--db", databasePath, "--udp", "127.0.0.1:0", "--unix-datagram", datagramPath, "--unix-stream",
      streamPath,
    ]
    process.standardError = log
    try process.run()
    try waitUntilListening()
  }

  /// Asks it to stop and waits: everything it received is stored then.
  func stop() throws {
    process.terminate()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw SocketError("waterlined left with status \(process.terminationStatus)")
    }
  }

  private static func programPath() throws -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let beside = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("waterlined")
      .path
    if access(beside, X_OK) == 0 { return beside }
    throw SocketError("there is no waterlined beside \(own): build or install it first")
  }

  private func waitUntilListening() throws {
    var text = ""
    while !text.contains("listening on ") || !text.hasSuffix("\n") {
      let data = log.fileHandleForReading.availableData
      guard !data.isEmpty else { throw SocketError("waterlined did not start: \(text)") }
      text += String(decoding: data, as: UTF8.self)
    }
    guard let start = text.range(of: "udp ")?.upperBound else {
      throw SocketError("waterlined has no UDP socket")
    }
    udpAddress = String(text[start...].prefix { $0 != "," && $0 != ";" })
    // From here on its messages go where this program's go.
    let reading = log.fileHandleForReading
    reading.readabilityHandler = { handle in
      let data = handle.availableData
      let isTalk = String(decoding: data, as: UTF8.self).contains(": notice: ")
      if data.isEmpty { handle.readabilityHandler = nil }
      if !data.isEmpty && !isTalk { FileHandle.standardError.write(data) }
    }
  }
}
