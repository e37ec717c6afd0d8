import ArgumentParser
import Control
import EventStore
import Foundation
import GRDB
import Ingest
import Report
import UsageModel
import UsageQuery

/// Settings kept in the database.
enum SettingName: String, CaseIterable {
  /// IANA name of the zone whose civil days count.
  case timeZone = "organisation.timezone"
  /// What the organisation is called in reports.
  case organisationName = "organisation.name"
  /// What an hour of a person's time costs, in `cost.currency`.
  case costHour = "cost.hour"
  /// What a ticket costs the service desk, in `cost.currency`.
  case costTicket = "cost.ticket"
  /// Code of ISO 4217.
  case costCurrency = "cost.currency"
  /// Whole days of which the daemon keeps events.
  case retentionDays = "retention.events_days"
  /// Bytes that collected events may take.
  case retentionBytes = "retention.bytes"
  /// The day it is, said by an administrator whose clock is doubted.
  case retentionToday = "retention.today"

  var purpose: String {
    switch self {
    case .timeZone: "zone whose days count, such as Europe/Oslo (default UTC)"
    case .organisationName: "how reports call the organisation"
    case .costHour: "what an hour of a person's time costs, such as 54.50"
    case .costTicket: "what a ticket costs the service desk, such as 18"
    case .retentionDays:
      "so many days, today among them, keep their events; of older ones daily cells stay (default all)"
    case .retentionBytes:
      "collected events may take so many bytes; the oldest days go first, their cells stay (default any)"
    case .retentionToday: "today's date, where 'doctor' doubts the clock and it is right"
    case .costCurrency: "in which currency, such as EUR; reports show costs once all three are set"
    }
  }

  /// Checks a value before it is stored.
  func validate(_ value: String) throws {
    switch self {
    case .timeZone:
      _ = try TimeZoneLoading.zoneRules(named: value, covering: 0...1)
    case .organisationName:
      guard value.utf8.count <= EventLimits.stringBytesMax else {
        throw UsageError("the name is longer than \(EventLimits.stringBytesMax) bytes")
      }
    case .costHour, .costTicket:
      guard Self.isAmount(value) else {
        throw UsageError("\(rawValue) takes an amount such as 54.50, digits and a point, up to 1000000000")
      }
    case .retentionDays, .retentionBytes:
      let least: Int64 = self == .retentionDays ? 1 : Self.retentionBytesMin
      guard let number = Int64(value), number >= least else {
        throw UsageError("\(rawValue) takes a whole number from \(least) on; an empty value keeps everything")
      }
    case .retentionToday:
      let clock = CivilDay(localMilliseconds: Clock.nowMilliseconds()).number
      guard let day = CivilDay(value), abs(Int64(day.number) - Int64(clock)) <= 1 else {
        throw UsageError(
          "retention.today takes today's date; this machine's clock says \(CivilDay(number: clock)): set it if that is wrong"
        )
      }
    case .costCurrency:
      guard value.utf8.count == 3, value.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
        throw UsageError("cost.currency takes a code of three capital letters, such as EUR")
      }
    }
  }

  /// Less would not hold a day of a small organisation: 1 MiB.
  private static let retentionBytesMin: Int64 = 1 << 20

  /// Digits with at most one point between them, no more than a thousand million.
  private static func isAmount(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count),
      parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }),
      let amount = Double(text)
    else { return false }
    return amount <= 1_000_000_000
  }
}

struct SettingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings", abstract: "Settings kept in the database.",
    discussion: """
      EXAMPLES:
        waterline settings set organisation.timezone Europe/Oslo
        waterline settings get

      SETTINGS:
      \(SettingName.allCases.map { "  \($0.rawValue)  \($0.purpose)" }.joined(separator: "\n"))
      """,
    subcommands: [Get.self, Set.self], defaultSubcommand: Get.self)

  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "get", abstract: "Show one setting or all.",
      discussion: """
        EXAMPLES:
          waterline settings get
          waterline settings get organisation.timezone
        """)

    @Argument(help: "Name of the setting.") var name: String?
    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    func run() throws {
      let known = try name.map { try SettingsCommand.known($0) }
      let values = try EventStore(readingAt: database.path).read { try SettingStore.all(in: $0) }
      let rows = SettingName.allCases.filter { known == nil || $0 == known }.map { setting -> [ReportValue] in
        let value = values.first { $0.name == setting.rawValue }?.value
        return [.text(setting.rawValue), value.map(ReportValue.text) ?? .null]
      }
      format.print(GenericTable(columns: ["name", "value"], rows: rows))
    }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set", abstract: "Change a setting; an empty value removes it.",
      discussion: """
        EXAMPLES:
          waterline settings set organisation.timezone Europe/Oslo
        """)

    @Argument(help: "Name of the setting.") var name: String
    @Argument(help: "Its value.") var value: String
    @OptionGroup var database: DatabaseOption

    func run() throws {
      let setting = try SettingsCommand.known(name)
      if !value.isEmpty {
        do {
          try setting.validate(value)
        } catch let error as QueryError {
          throw UsageError("\(error)")
        }
      }
      _ = try ControlClient(databasePath: database.path).run(
        .setSetting(name: setting.rawValue, value: value))
    }
  }

  private static func known(_ name: String) throws -> SettingName {
    guard let setting = SettingName(rawValue: name) else {
      let names = SettingName.allCases.map(\.rawValue).joined(separator: ", ")
      throw UsageError("no setting is called '\(SafeText.escaping(name))'; there are \(names)")
    }
    return setting
  }
}
