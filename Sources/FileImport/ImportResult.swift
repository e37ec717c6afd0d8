/// What an import did; the answer of `waterline import`.
package struct ImportResult: Equatable, Codable, Sendable {
  /// A refused or doubtful record, for people.
  package struct Problem: Equatable, Codable, Sendable {
    /// Line of the file on which the record starts, from 1; 0 when unknown.
    package var line: Int
    package var reason: String

    package init(line: Int, reason: String) {
      self.line = line
      self.reason = reason
    }
  }

  /// Problems listed one by one; further ones are only counted.
  package static let problemsMax = 20

  package var accepted = 0
  package var duplicate = 0
  /// Duplicates that differ from the event stored first; in `duplicate` too.
  package var conflict = 0
  /// Refused records by reason.
  package var rejected: [String: Int] = [:]
  package var problems: [Problem] = []
  package var warnings: [String] = []

  package init() {}

  package var rejectedCount: Int { rejected.values.reduce(0, +) }

  /// Counts a refused record and lists it while there is room.
  package mutating func reject(_ reason: String, line: Int, detail: String? = nil) {
    rejected[reason, default: 0] += 1
    if problems.count < Self.problemsMax {
      problems.append(Problem(line: line, reason: detail.map { "\(reason): \($0)" } ?? reason))
    }
  }
}

/// Why a file could not be imported at all; nothing of it was taken.
package struct ImportError: Error, CustomStringConvertible, Sendable {
  package var description: String

  package init(_ description: String) { self.description = description }
}
