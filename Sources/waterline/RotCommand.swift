import ArgumentParser
import EventExtension
import EventStore
import Foundation
import GRDB
import UsageModel
import UsageQuery

struct RotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rot",
    abstract: "Features nobody needs any more, old versions, and machines among the people.",
    discussion: """
      Without a flag: features that are trivial, obsolete or redundant, those that must stay, and why.

      EXAMPLES:
        waterline rot
        waterline rot --all --app crm
        waterline rot --versions
        waterline rot --laggards --by department
        waterline rot --laggards --by user --purpose "upgrade calls"
        waterline rot --suspects
      """)

  /// What to look at.
  enum Part: String, EnumerableFlag {
    case versions
    case laggards
    case suspects

    static func help(for value: Part) -> ArgumentHelp? {
      switch value {
      case .versions: "People per version and application."
      case .laggards: "People behind the most used version, per group; --by user names them."
      case .suspects: "Accounts and features that look like machines, by pseudonym unless --purpose."
      }
    }
  }

  @OptionGroup var options: ReportOptions
  @Flag(exclusivity: .exclusive) var part: Part?
  @Flag(help: "Features in use too.") var all = false

  func validate() throws {
    if all, part != nil {
      throw ValidationError("--all goes with neither --versions, --laggards nor --suspects")
    }
  }

  func run() throws {
    switch part {
    case nil: try options.run("rot") { try UsageReports.rot($0, $1, showsAll: all) }
    case .versions: try options.run("versions") { try UsageReports.versions($0, $1) }
    case .laggards: try options.run("laggards") { try UsageReports.laggards($0, $1) }
    case .suspects: try runSuspects()
    }
  }

  private func runSuspects() throws {
    let key = try EventStore(readingAt: options.database.path).read { database in
      try Data.fetchOne(database, sql: "SELECT value FROM secret WHERE name = 'pseudonym'")
    }
    let pseudonyms = Pseudonyms(key: key.map { [UInt8]($0) } ?? [])
    try options.run("suspects") { data, query in
      try UsageReports.suspects(data, query) { name in
        query.namesAllowed ? name : pseudonyms.pseudonym(of: name)
      }
    }
  }
}
