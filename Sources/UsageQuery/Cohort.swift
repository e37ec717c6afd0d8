import Aggregation
import UsageModel

/// Whom an initiative reached, as its `cohort` says.
package enum Cohort: Equatable, Sendable {
  case everyone
  case attribute(PersonAttribute, String)
  /// People who used the application before the start.
  case users(ofApp: String)
  case people([String])

  /// Reads `department=Sales`, `role=…`, `site=…`, `app=…`, `people=a;b;c`, or nothing for everyone.
  ///
  /// - Throws: `QueryError.badOption`.
  package init(_ text: String) throws(QueryError) {
    if text.isEmpty {
      self = .everyone
      return
    }
    let bytes = text.utf8
    guard let split = bytes.firstIndex(of: UInt8(ascii: "=")) else { throw Self.error(text) }
    let value = String(text[bytes.index(after: split)...])
    switch String(text[..<split]).trimmedOfSpaces {
    case _ where value.isEmpty: throw Self.error(text)
    case "department": self = .attribute(.department, value)
    case "role": self = .attribute(.role, value)
    case "site": self = .attribute(.site, value)
    case "app": self = .users(ofApp: value)
    case "people":
      let names = value.utf8.split(separator: UInt8(ascii: ";")).map { String(Substring($0)) }
      guard !names.isEmpty else { throw Self.error(text) }
      self = .people(names)
    default: throw Self.error(text)
    }
  }

  private static func error(_ text: String) -> QueryError {
    .badOption(
      option: "cohort", given: text,
      expected: "department=D, role=R, site=S, app=A, people=NAME;NAME, or nothing for everyone")
  }

  /// How many people a list names; nil for other cohorts.
  package var listedCount: Int? {
    if case .people(let names) = self { names.count } else { nil }
  }

  /// The cohort as anyone may see it: a list of people shows only its size.
  package var publicText: String {
    switch self {
    case .everyone: ""
    case .attribute(let attribute, let value): "\(attribute.rawValue)=\(value)"
    case .users(let app): "app=\(app)"
    case .people(let names): "people=(\(names.count))"
    }
  }

  /// The unit whose shocks cannot be told from an effect; nil where people were chosen one by one.
  var wholeUnit: String? {
    if case .attribute(let attribute, _) = self { attribute.rawValue } else { nil }
  }
}

/// Finds out who belongs to cohorts.
struct CohortMembership {
  let roster: [RosterRow]
  let directory: PersonDirectory
  let features: FeatureDirectory
  /// All history, with `user`, `feature`, `kind` and `start`.
  let columns: EventColumns
  let zone: ZoneRules

  /// By person: whether they belong to the cohort of an initiative.
  ///
  /// Departments, roles and sites are those of the day of the start; of people not active then, those of
  /// their first row after it, else of their last one. Service accounts belong to none.
  func members(of cohort: Cohort, startMilliseconds: Int64) -> [Bool] {
    switch cohort {
    case .everyone: return directory.names.indices.map { !isService($0) }
    case .attribute(let attribute, let value):
      let day = zone.day(of: startMilliseconds)
      return directory.names.indices.map { person in
        row(of: person, on: day).map { $0.text(of: attribute).hasSameBytes(as: value) } ?? false
          && !isService(person)
      }
    case .users(let app):
      guard let rank = features.appTable.rank(of: app) else { break }
      let keys = EventKeys(
        personOfUser: directory.personOfUser, personCount: directory.names.count,
        rankOfFeature: features.rankOfNumber, appOfRank: features.appOfRank, appCount: features.apps.count)
      return columns.peopleUsing(app: rank - 1, before: startMilliseconds, keys: keys)
    case .people(let names):
      var isMember = [Bool](repeating: false, count: directory.names.count)
      for person in directory.people(named: names) {
        if let person { isMember[Int(person)] = true }
      }
      return isMember
    }
    return [Bool](repeating: false, count: directory.names.count)
  }

  private func rows(of person: Int) -> [RosterRow] {
    person < directory.rosterRows.count ? directory.rosterRows[person].map { roster[$0] } : []
  }

  private func isService(_ person: Int) -> Bool { rows(of: person).contains(where: \.isService) }

  private func row(of person: Int, on day: CivilDay) -> RosterRow? {
    let rows = rows(of: person).sorted { Self.first($0) < Self.first($1) }
    return rows.first { Self.first($0) <= day && $0.activeTo.map { day < $0 } ?? true }
      ?? rows.first { Self.first($0) > day } ?? rows.last
  }

  private static func first(_ row: RosterRow) -> CivilDay { row.activeFrom ?? CivilDay(number: .min) }
}

extension RosterRow {
  /// The row's cell for an attribute.
  func text(of attribute: PersonAttribute) -> String {
    switch attribute {
    case .department: department
    case .role: role
    case .site: site
    case .manager: manager
    }
  }
}
