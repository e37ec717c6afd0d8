/// Why a report cannot be made: one line that says what is wrong, where, and what to do.
package enum QueryError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A dimension of `--by` or column of `--where` that does not exist here.
  case unknownColumn(option: String, given: String, known: [String])
  /// A malformed value of an option.
  case badOption(option: String, given: String, expected: String)
  /// A window whose end does not lie after its start.
  case emptyWindow(from: String, to: String)
  /// A zone that the system's time zone database does not hold.
  case unknownTimeZone(String)
  /// People would be named, and no purpose was given.
  case purposeNeeded(option: String)
  /// Events that refer to names the store does not hold.
  case inconsistentStore
  /// Retention deleted events of these days, which the report needs.
  case eventsPruned(from: String, to: String)
  /// Retention deleted the events of a day, and its cells cut it into civil days as another zone does.
  case prunedInOtherZone(day: String, zone: String)
  /// A dimension that this report cannot be grouped by.
  case unsupportedGroup(report: String, dimension: String, reason: String)

  /// Whether the report is a right one, and what it needs was pruned: its figures are null then.
  package var isAboutPrunedEvents: Bool {
    switch self {
    case .eventsPruned, .prunedInOtherZone: true
    default: false
    }
  }

  package var description: String {
    switch self {
    case .unknownColumn(let option, let given, let known):
      "\(option): there is no column \"\(given)\"; use one of \(known.joined(separator: ", "))"
    case .badOption(let option, let given, let expected):
      "\(option): cannot read \"\(given)\"; write \(expected)"
    case .emptyWindow(let from, let to):
      "--from/--to: the window from \(from) to \(to) holds no day; --to is excluded and must be later than --from"
    case .unknownTimeZone(let name):
      "time zone: \"\(name)\" is unknown here; use an IANA name such as Europe/Oslo or UTC "
        + "(is the package tzdata installed?)"
    case .purposeNeeded(let option):
      "\(option): this names people; give the reason with --purpose TEXT (it is logged)"
    case .inconsistentStore:
      "store: events refer to users, features or sources without a name; check the database with: waterline doctor"
    case .eventsPruned(let from, let to):
      "it needs single events, and retention deleted those of days from \(from) to \(to); choose later days, or "
        + "a report that daily cells answer, such as coverage"
    case .prunedInOtherZone(let day, let zone):
      "retention deleted the events of \(day), and what is left of them was counted by the days of another zone than "
        + "\(zone); choose later days, or the zone of that time"
    case .unsupportedGroup(let report, let dimension, let reason):
      "--by \(dimension): \(report) has no such rows, \(reason)"
    }
  }
}
