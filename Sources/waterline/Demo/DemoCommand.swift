import ArgumentParser
import Foundation
import Glibc
import Ingest
import UsageModel

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "A made-up organisation through the real daemon, end to end.",
    discussion: """
      Writes what it planted to planted.json, starts waterlined on a database of its own, loads four weeks \
      of events, sends the last day live over UDP and both Unix sockets, and shows the reports. What the \
      organisation is like depends on the seed alone; its days end yesterday.

      EXAMPLES:
        waterline demo
        waterline demo --seed 7 --directory /tmp/demo
        waterline demo --people 300 --events 100000 --quiet
      """)

  @Option(help: ArgumentHelp("Another number, another organisation.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp("Where to put the database; else a new temporary directory.", valueName: "directory"))
  var directory: String?

  @Option(help: ArgumentHelp("How many people work there (100 to 20000).", valueName: "n"))
  var people = 2_000

  @Option(help: ArgumentHelp("How many events they cause (1000 to 50000000).", valueName: "n"))
  var events = 2_000_000

  @Flag(help: "No reports and no progress, only the database and planted.json.")
  var quiet = false

  func validate() throws {
    guard (100...20_000).contains(people) else { throw ValidationError("--people takes 100 to 20000") }
    guard (1_000...50_000_000).contains(events) else {
      throw ValidationError("--events takes 1000 to 50000000")
    }
  }

  func run() throws {
    let place = try makeDirectory()
    let today = CivilDay(localMilliseconds: Clock.nowMilliseconds())
    let demo = DemoRun(
      directory: place, seed: seed, people: people, events: events, lastDay: today.advanced(by: -1),
      isQuiet: quiet)
    try demo.run()
  }

  private func makeDirectory() throws -> String {
    if let directory {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      for file in ["demo.db", "demo.db-wal", "demo.db-shm", "planted.json"] {
        unlink(directory + "/" + file)
      }
      return directory
    }
    var template = Array("/tmp/waterline-demo.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw SocketError("cannot make a temporary directory: \(String(cString: strerror(errno)))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
