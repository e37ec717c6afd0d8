import UsageModel

/// Reads a roster: who works here, where, and when.
package enum RosterFile {
  static let columns = [
    "user", "department", "role", "site", "manager", "active_from", "active_to", "aliases", "service",
  ]

  /// Bytes among which the first that is no white space tells JSON from CSV.
  private static let headBytes = 4_096

  /// Reads all rows, as CSV or, where the first byte is `{`, as SCIM 2.0.
  ///
  /// A row at odds with an earlier one is refused whole, its aliases too.
  ///
  /// - Parameters:
  ///   - existing: rows already there, for `--merge`; new rows must fit them.
  ///   - isAdded: whether the rows add to a roster: then not all pages of a SCIM list need be there.
  /// - Throws: `ImportError` when there is no usable header or response.
  package static func read(
    _ input: ByteInput, existing: [RosterRow] = [], isAdded: Bool = false
  ) throws -> (rows: [RosterRow], result: ImportResult) {
    let (head, input) = try ByteInput.peek(input, limit: headBytes)
    let blank: [UInt8] = [0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF]
    if head.first(where: { !blank.contains($0) }) == UInt8(ascii: "{") {
      return try readScim(input, existing: existing, isAdded: isAdded)
    }
    var file = try TableFile("roster", input, required: ["user"], known: columns)
    var rows = AcceptedRows(existing)
    while let record = try file.next() {
      guard let row = row(record, &file) else { continue }
      if let problem = rows.add(row) {
        file.reject(problem.reason, record, problem.detail)
      } else {
        file.accept()
      }
    }
    return (rows.all, file.result)
  }

  private static func readScim(
    _ input: ByteInput, existing: [RosterRow], isAdded: Bool
  ) throws -> (rows: [RosterRow], result: ImportResult) {
    let scim = try ScimRoster.read(input, allowsPart: isAdded)
    var result = scim.result
    var rows = AcceptedRows(existing)
    for (number, row) in scim.rows {
      if let problem = rows.add(row) {
        result.reject(problem.reason, line: number, detail: problem.detail)
      } else {
        result.accepted += 1
      }
    }
    return (rows.all, result)
  }

  /// The rows taken so far, and what further ones must not contradict.
  private struct AcceptedRows {
    private(set) var all: [RosterRow]
    private var byUser: [Utf8Key: [RosterRow]]
    private var aliasOwner: [Utf8Key: Utf8Key] = [:]

    init(_ existing: [RosterRow]) {
      all = existing
      byUser = Dictionary(grouping: existing) { Utf8Key($0.user) }
      for row in existing {
        for alias in row.aliases { aliasOwner[Utf8Key(alias)] = Utf8Key(row.user) }
      }
    }

    /// Takes a row, or tells what speaks against it.
    mutating func add(_ row: RosterRow) -> (reason: String, detail: String)? {
      let user = Utf8Key(row.user)
      if let problem = contradiction(row, byUser[user] ?? [], aliasOwner) { return problem }
      byUser[user, default: []].append(row)
      for alias in row.aliases { aliasOwner[Utf8Key(alias)] = user }
      all.append(row)
      return nil
    }
  }

  private static func row(_ record: TableFile.Record, _ file: inout TableFile) -> RosterRow? {
    guard !record["user"].isEmpty else {
      file.reject("missing_user", record)
      return nil
    }
    guard let isService = CellText.boolean(record["service"]) else {
      file.reject("service", record, "use true or false")
      return nil
    }
    var days: [CivilDay?] = []
    for name in ["active_from", "active_to"] {
      let text = record[name]
      guard let day = text.isEmpty ? .some(nil) : CivilDay(text).map(Optional.some) else {
        file.reject("date", record, "\(name) is not YYYY-MM-DD")
        return nil
      }
      days.append(day)
    }
    return RosterRow(
      user: record["user"], department: record["department"], role: record["role"], site: record["site"],
      manager: record["manager"], activeFrom: days[0], activeTo: days[1],
      aliases: aliases(record["aliases"]), isService: isService)
  }

  /// The names between the semicolons, without spaces around them.
  private static func aliases(_ cell: String) -> [String] {
    cell.utf8.split(separator: UInt8(ascii: ";")).compactMap { part in
      var name = part[...]
      while let first = name.first, first == 0x20 || first == 0x09 { name.removeFirst() }
      while let last = name.last, last == 0x20 || last == 0x09 { name.removeLast() }
      return name.isEmpty ? nil : String(Substring(name))
    }
  }

  private static func contradiction(
    _ row: RosterRow, _ earlier: [RosterRow], _ aliasOwner: [Utf8Key: Utf8Key]
  ) -> (reason: String, detail: String)? {
    if let from = row.activeFrom, let to = row.activeTo, to < from {
      return ("ends_before_start", "active_to \(to) is before active_from \(from)")
    }
    if earlier.contains(where: { overlaps($0, row) }) {
      return ("overlap", "shares days with an earlier row of the same user")
    }
    let user = Utf8Key(row.user)
    for alias in row.aliases {
      if let owner = aliasOwner[Utf8Key(alias)], owner != user {
        return ("alias", "an alias belongs to another user already")
      }
    }
    return nil
  }

  /// Whether two rows share a day; `active_to` is the first day no longer active.
  private static func overlaps(_ left: RosterRow, _ right: RosterRow) -> Bool {
    func bounds(_ row: RosterRow) -> (Int64, Int64) {
      (row.activeFrom.map { Int64($0.number) } ?? .min, row.activeTo.map { Int64($0.number) } ?? .max)
    }
    let (leftFrom, leftTo) = bounds(left)
    let (rightFrom, rightTo) = bounds(right)
    return max(leftFrom, rightFrom) < min(leftTo, rightTo)
  }
}
