import UsageModel

/// An attribute of a person in the roster that groups and filters may name.
package enum PersonAttribute: String, CaseIterable, Sendable {
  case department
  case role
  case site
  /// A manager is a person: grouping by managers names them.
  case manager
}

/// A column by which a report's rows are grouped.
package enum GroupDimension: String, CaseIterable, Sendable {
  case department
  case role
  case site
  case manager
  case app
  /// Implies `app`.
  case feature
  /// One row a person; only `gaps`, and only with a purpose.
  case user

  /// The attribute of a person behind the dimension; nil for `app`, `feature` and `user`.
  package var personAttribute: PersonAttribute? { PersonAttribute(rawValue: rawValue) }
}

/// One `--where column=value`: people whose attribute is exactly this value, byte by byte.
package struct PersonFilter: Equatable, Sendable {
  package var attribute: PersonAttribute
  package var value: String

  package init(attribute: PersonAttribute, value: String) {
    self.attribute = attribute
    self.value = value
  }
}

/// Which days a report covers.
package enum WindowChoice: Equatable, Sendable {
  /// Exactly these days.
  case days(Window)
  /// So many days ending with the newest event's day that is not after today.
  case last(dayCount: Int)

  /// 28 days: four of each weekday.
  package static let standard = WindowChoice.last(dayCount: 28)
}

/// Against which best-practice times slowness is measured.
package enum BenchmarkChoice: Equatable, Sendable {
  /// The window's own peers (`--benchmark self`).
  case current
  /// A published set.
  case frozen(BenchmarkSet)
}

/// What a report was asked for; the same for every report.
package struct QueryOptions: Equatable, Sendable {
  package var window: WindowChoice
  /// The present moment, milliseconds since 1970 UTC: decides "today".
  package var nowMilliseconds: Int64
  /// The organisation's zone, with rules that cover all stored events (see `TimeZoneLoading`).
  package var zone: ZoneRules
  package var app: String?
  package var feature: String?
  /// All of them must hold.
  package var filters: [PersonFilter]
  /// In the order in which the columns shall stand.
  package var groupBy: [GroupDimension]
  /// Rows about fewer people are left out and counted; 0 and 1 leave none out.
  package var minimumGroupSize: Int
  package var benchmark: BenchmarkChoice
  /// True once a purpose has been logged: people may be named.
  package var namesAllowed: Bool

  /// Smallest group that is shown unless a purpose says otherwise.
  package static let standardMinimumGroupSize = 5

  package init(
    window: WindowChoice = .standard, nowMilliseconds: Int64, zone: ZoneRules = .utc, app: String? = nil,
    feature: String? = nil, filters: [PersonFilter] = [], groupBy: [GroupDimension] = [],
    minimumGroupSize: Int = QueryOptions.standardMinimumGroupSize, benchmark: BenchmarkChoice = .current,
    namesAllowed: Bool = false
  ) {
    self.window = window
    self.nowMilliseconds = nowMilliseconds
    self.zone = zone
    self.app = app
    self.feature = feature
    self.filters = filters
    self.groupBy = groupBy
    self.minimumGroupSize = minimumGroupSize
    self.benchmark = benchmark
    self.namesAllowed = namesAllowed
  }
}

extension QueryOptions {
  /// Reads `--by department,feature`; an empty text is no grouping, repeated names count once.
  package static func dimensions(fromList text: String) throws(QueryError) -> [GroupDimension] {
    var dimensions: [GroupDimension] = []
    for part in text.utf8.split(separator: UInt8(ascii: ",")) {
      let name = String(Substring(part)).trimmedOfSpaces
      guard let dimension = GroupDimension(rawValue: name) else {
        throw .unknownColumn(
          option: "--by", given: name, known: GroupDimension.allCases.map(\.rawValue))
      }
      if !dimensions.contains(dimension) { dimensions.append(dimension) }
    }
    return dimensions
  }

  /// Reads `--where department=Sales`; the value is everything after the first `=`.
  package static func filter(from text: String) throws(QueryError) -> PersonFilter {
    let bytes = text.utf8
    guard let split = bytes.firstIndex(of: UInt8(ascii: "=")) else {
      throw .badOption(option: "--where", given: text, expected: "COLUMN=VALUE, such as department=Sales")
    }
    let column = String(text[..<split]).trimmedOfSpaces
    guard let attribute = PersonAttribute(rawValue: column) else {
      throw .unknownColumn(
        option: "--where", given: column, known: PersonAttribute.allCases.map(\.rawValue))
    }
    return PersonFilter(attribute: attribute, value: String(text[bytes.index(after: split)...]))
  }

  /// Reads `--window 28d`: 1 to 3,660 days.
  package static func windowLength(from text: String) throws(QueryError) -> WindowChoice {
    let digits = text.utf8.last == UInt8(ascii: "d") ? String(text.utf8.dropLast()) ?? "" : ""
    guard let dayCount = Int(digits), (1...3_660).contains(dayCount) else {
      throw .badOption(
        option: "--window", given: text, expected: "a number of days such as 28d (1d to 3660d)")
    }
    return .last(dayCount: dayCount)
  }

  /// Reads `--from` and `--to` as `YYYY-MM-DD`, `to` excluded.
  package static func days(from: String, to: String) throws(QueryError) -> WindowChoice {
    func day(_ option: String, _ text: String) throws(QueryError) -> CivilDay {
      guard let day = CivilDay(text) else {
        throw .badOption(option: option, given: text, expected: "a date as YYYY-MM-DD")
      }
      return day
    }
    let window = Window(from: try day("--from", from), to: try day("--to", to))
    guard window.dayCount > 0 else { throw .emptyWindow(from: from, to: to) }
    return .days(window)
  }
}

extension String {
  /// The text without leading and trailing spaces and tabs.
  var trimmedOfSpaces: String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}
