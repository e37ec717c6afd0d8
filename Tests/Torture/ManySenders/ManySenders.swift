import Delivery
import Foundation
import Glibc
import Ingest

/// Thousands of agents' senders in one thread, each with a spool and a key of its own.
///
///     many-senders --address HOST:PORT --directory DIR --count N --events N [--first N] [--seconds N]
///
/// Fills the spools, says "ready", waits for a line, delivers until everything is acknowledged or the time is
/// over, and prints one line of JSON: packets by tenths of a second since 1970, and counts.
@main
struct ManySenders {
  private let address: String
  private let directory: String
  private let numbers: Range<Int>
  private let eventCount: Int
  private let end: Date

  private struct UsageError: Error, CustomStringConvertible {
    var description: String
  }

  /// - Throws: `UsageError`.
  private init(_ arguments: [String]) throws {
    var texts: [String: String] = [:]
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard name.hasPrefix("--"), let value = rest.popFirst() else {
        throw UsageError(description: "'\(name)' takes a value")
      }
      texts[name] = value
    }
    func number(_ name: String, or standard: Int? = nil) throws -> Int {
      guard let value = texts[name].map({ Int($0) }) ?? standard else {
        throw UsageError(description: "\(name) takes a number")
      }
      return value
    }
    guard let address = texts["--address"], let directory = texts["--directory"] else {
      throw UsageError(description: "name --address and --directory")
    }
    self.address = address
    self.directory = directory
    let first = try number("--first", or: 0)
    numbers = first..<first + (try number("--count"))
    eventCount = try number("--events")
    end = Date(timeIntervalSinceNow: TimeInterval(try number("--seconds", or: 600)))
  }

  /// Whether everything was delivered.
  private func run() throws -> Bool {
    DescriptorLimit.raise()
    let pace = Sender.Pace(towards: address)
    var crowd = Crowd(
      try numbers.map {
        try SimulatedAgent(
          number: $0, directory: directory, address: address, eventCount: eventCount, pace: pace)
      })
    Self.say("ready")
    _ = readLine()
    try crowd.deliver(until: end)
    Self.say(try crowd.report())
    return crowd.isDone
  }

  private static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

  static func main() {
    do {
      let isDone = try ManySenders(Array(CommandLine.arguments.dropFirst())).run()
      exit(isDone ? 0 : 1)
    } catch {
      FileHandle.standardError.write(Data("many-senders: \(error)\n".utf8))
      exit(2)
    }
  }
}
