import ArgumentParser
import Control
import EventStore
import Foundation
import Glibc
import Ingest
import Report
import UsageModel

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check the database: pages, checksums, sums, disk, clock.",
    discussion: """
      Every chunk is read. One that is damaged is set aside: its bytes are kept, reports about its days say \
      what is missing, and everything else goes on. The exit code is 1 if something is wrong.

      EXAMPLES:
        waterline doctor
        waterline doctor --format json
      """)

  @OptionGroup var database: DatabaseOption
  @OptionGroup var format: FormatOptions

  func run() throws {
    let path = database.path
    let line = ProgressLine()
    defer { line.finish() }
    let store = try EventStore(readingAt: path)
    let doctor = try store.read { database in
      try StoreDoctor(database, path: path, nowMilliseconds: Clock.nowMilliseconds()) { done, total in
        line.show("checking", .things("chunks"), done: Int64(done), of: Int64(total))
      }
    }
    line.finish()
    try store.close()
    DamagedData.setAside(
      doctor.damaged.map(\.chunk), mendsPages: doctor.hasDamagedPages, databasePath: path)
    DamagedData.recount(doctor.wrongRollups, databasePath: path)
    format.printAll(
      GenericTable(
        columns: ["check", "verdict", "finding", "do"],
        rows: doctor.findings.map {
          [
            .text($0.check), .text($0.verdict.rawValue), .text($0.text),
            $0.advice.isEmpty ? .null : .text($0.advice),
          ]
        }))
    if !doctor.isHealthy { throw ExitCode(1) }
  }
}

/// Damaged chunks that a command came across.
enum DamagedData {
  /// Has the writer delete rollups that are wrong.
  static func recount(_ rollups: [Int64], databasePath: String) {
    guard !rollups.isEmpty else { return }
    do {
      _ = try ControlClient(databasePath: databasePath).run(.recount(rollups: rollups))
    } catch {
      Output.writeError("warning: \(rollups.count) wrong rollups are not deleted yet: \(error)")
    }
  }

  /// Has the writer set chunks aside and mend the pages that they stood on; where that may not be done, the next
  /// writer that meets them does it.
  static func setAside(_ chunks: [Int64], mendsPages: Bool = false, databasePath: String) {
    guard !chunks.isEmpty || mendsPages else { return }
    do {
      _ = try ControlClient(databasePath: databasePath).run(.setAside(chunks: chunks))
    } catch {
      Output.writeError("warning: what is damaged is not wholly set aside: \(StoreError.line(for: error))")
    }
  }
}
