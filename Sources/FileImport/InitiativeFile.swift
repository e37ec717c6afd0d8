import UsageModel
import WireFormat

/// Reads interventions and changes.
package enum InitiativeFile {
  /// Columns of the file, in the order in which they are described.
  package static let columns = ["name", "kind", "app", "feature", "cohort", "start", "end", "note"]

  /// The kinds that mean something, by sort; others are kept, with a warning.
  package static func kinds(of sort: Initiative.Sort) -> [String] {
    switch sort {
    case .intervention: ["training", "fix", "simplification", "support"]
    case .change: ["rollout", "upgrade", "release"]
    }
  }

  /// Why a row cannot be taken.
  package struct RowError: Error, CustomStringConvertible, Sendable {
    /// A word for the counts: `time`.
    package var reason: String
    package var detail: String

    package var description: String { detail }
  }

  /// Reads all rows; of one name and cohort, the last row stays.
  ///
  /// - Parameters:
  ///   - zone: for dates, and for times without an offset.
  ///   - checkCohort: what is wrong with a cohort; nil when nothing is.
  /// - Throws: `ImportError` when there is no usable header.
  package static func read(
    _ input: ByteInput, sort: Initiative.Sort, zone: ZoneRules, checkCohort: (String) -> String?
  ) throws -> (rows: [Initiative], result: ImportResult) {
    var file = try TableFile(
      "\(sort.rawValue)s", input, required: ["name", "start"], known: columns)
    var rows: [Initiative] = []
    var places: [[Utf8Key]: Int] = [:]
    while let record = try file.next() {
      let row: Initiative
      do {
        row = try initiative(zone, checkCohort: checkCohort) { record[$0] }
      } catch {
        file.reject(error.reason, record, error.detail)
        continue
      }
      if !row.kind.isEmpty, !kinds(of: sort).contains(row.kind) {
        let known = kinds(of: sort).joined(separator: ", ")
        file.warn("line \(record.line): the kind \(row.kind) is unknown and kept; known are \(known)")
      }
      let key = [Utf8Key(row.name), Utf8Key(row.cohort)]
      if let place = places[key] {
        rows[place] = row
        file.countDuplicate()
      } else {
        places[key] = rows.count
        rows.append(row)
        file.accept()
      }
    }
    return (rows, file.result)
  }

  /// One row from its cells; absent cells are empty.
  package static func initiative(
    _ zone: ZoneRules, checkCohort: (String) -> String?, cell: (String) -> String
  ) throws(RowError) -> Initiative {
    guard !cell("name").isEmpty else { throw RowError(reason: "missing_name", detail: "the name is missing") }
    if let problem = checkCohort(cell("cohort")) { throw RowError(reason: "cohort", detail: problem) }
    guard let start = milliseconds(cell("start"), zone) else {
      throw RowError(
        reason: "time", detail: "start is no date or time: use YYYY-MM-DD, YYYY-MM-DD HH:MM, or RFC 3339")
    }
    var end: Int64?
    if !cell("end").isEmpty {
      guard let moment = milliseconds(cell("end"), zone) else {
        throw RowError(reason: "time", detail: "end is no date or time")
      }
      guard moment >= start else { throw RowError(reason: "time", detail: "end lies before start") }
      end = moment
    }
    return Initiative(
      name: cell("name"), kind: cell("kind"), app: cell("app").isEmpty ? nil : cell("app"),
      feature: cell("feature").isEmpty ? nil : cell("feature"), cohort: cell("cohort"),
      startMilliseconds: start, endMilliseconds: end, note: cell("note"))
  }

  /// A date (its first moment in the zone), or a time as in tickets; nil when it is neither.
  package static func milliseconds(_ text: String, _ zone: ZoneRules) -> Int64? {
    if let day = CivilDay(text) { return zone.utcMilliseconds(local: day.startMilliseconds) }
    return TicketTime.milliseconds(text, zone)
  }
}
