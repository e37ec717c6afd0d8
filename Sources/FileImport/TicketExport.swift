import UsageModel

/// How the columns of another program's export become tickets: a preset, a mapping, or both.
package struct TicketExport: Equatable, Sendable {
  /// What a column can be taken for.
  package enum Field: String, CaseIterable, Sendable {
    case id
    case requester
    case opened
    case firstResponse = "first_response"
    case resolved
    case reopened
    case app
    case category
    case priority
    case state
    case satisfaction
    case effortMinutes = "effort_minutes"
    case group
    case owner
    case reassignments
    case level
    case comment
    /// When the row was written: orders the rows of a ticket's history.
    case updated
    /// Effort in seconds; becomes minutes, rounded half up.
    case effortSeconds = "effort_seconds"
  }

  /// What a state says about a ticket.
  enum StateMeaning: Sendable {
    /// Nobody has begun.
    case new
    case open
    /// Resolved, closed or cancelled.
    case done
  }

  /// `servicenow`, `jira`, `glpi` or `mapping`, for messages.
  package let name: String
  /// Column names as `ExportTable.normalized` leaves them, the best first.
  var columns: [Field: [String]]
  /// Fields of which every name counts, not just the first that the header has.
  var sharedFields: Set<Field> = [.app]
  /// States as `ExportTable.normalized` leaves them.
  var states: [String: StateMeaning]
  /// Cells that say "nothing".
  var missing: [String]
  /// Whether the first response is the first row of a ticket's history whose state is known and not new, or
  /// that names an owner.
  var derivesFirstResponse = false
  /// How dates are read whose year does not stand first.
  package var dateOrder = ExportTime.DateOrder.day
  /// Whether spaces within an id are thousands separators.
  var stripsSpacesFromID = false

  /// A preset by name; nil for an unknown one.
  package init?(preset: String) {
    switch preset {
    case "servicenow": self = .serviceNow
    case "jira": self = .jira
    case "glpi": self = .glpi
    default: return nil
    }
  }

  /// Names of the presets.
  package static let presetNames = ["servicenow", "jira", "glpi"]

  init(
    name: String, columns: [Field: [String]], states: [String: StateMeaning] = [:], missing: [String] = []
  ) {
    self.name = name
    self.columns = columns
    self.states = states
    self.missing = missing
  }

  /// Reads a mapping: CSV with the columns `column` and `field`, one line a column of the export.
  ///
  /// Several columns may be taken for one field; the first in the mapping that holds something counts.
  ///
  /// - Parameter base: fields that the mapping does not name are as here.
  /// - Throws: `ImportError` saying which line is wrong.
  package init(mapping text: String, over base: TicketExport?) throws {
    var columns: [Field: [String]] = [:]
    let bytes = Array(text.utf8)
    var taken = 0
    let input = ByteInput { buffer in
      let count = min(buffer.count, bytes.count - taken)
      bytes.withUnsafeBytes { all in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[taken..<taken + count]))
      }
      taken += count
      return count
    }
    var file = try TableFile("mapping", input, required: ["column", "field"], known: ["column", "field"])
    while let record = try file.next() {
      guard let field = Field(rawValue: record["field"]) else {
        let known = Field.allCases.map(\.rawValue).joined(separator: ", ")
        throw ImportError("mapping, line \(record.line): no field '\(record["field"])'; there are \(known)")
      }
      let column = ExportTable.normalized(record["column"])
      guard !column.isEmpty else { throw ImportError("mapping, line \(record.line): no column is named") }
      columns[field, default: []].append(column)
    }
    if let problem = file.result.problems.first {
      throw ImportError("mapping, line \(problem.line): \(problem.reason)")
    }
    guard !columns.isEmpty else { throw ImportError("the mapping names no column") }
    self = base ?? TicketExport(name: "mapping", columns: [:])
    self.columns.merge(columns) { _, mapped in mapped }
    sharedFields.formUnion(columns.keys)
  }
}
