import UsageModel

/// Reads a roster: who works here, where, and when.
package enum RosterFile {
  static let columns = [
    "user", "department", "role", "site", "manager", "active_from", "active_to", "aliases", "service",
  ]

  /// Reads all rows; a row at odds with an earlier one is refused whole, its aliases too.
  ///
  /// - Parameter existing: rows already there, for `--merge`; new rows must fit them.
  /// - Throws: `ImportError` when there is no usable header.
  package static func read(
    _ input: ByteInput, existing: [RosterRow] = []
  ) throws -> (rows: [RosterRow], result: ImportResult) {
    var file = try TableFile("roster", input, required: ["user"], known: columns)
    var accepted = existing
    var byUser: [Utf8Key: [RosterRow]] = Dictionary(grouping: existing) { Utf8Key($0.user) }
    var aliasOwner: [Utf8Key: Utf8Key] = [:]
    for row in existing {
      for alias in row.aliases { aliasOwner[Utf8Key(alias)] = Utf8Key(row.user) }
    }
    while let record = try file.next() {
      guard let row = row(record, &file) else { continue }
      let user = Utf8Key(row.user)
      if let problem = contradiction(row, byUser[user] ?? [], aliasOwner) {
        file.reject(problem.reason, record, problem.detail)
        continue
      }
      byUser[user, default: []].append(row)
      for alias in row.aliases { aliasOwner[Utf8Key(alias)] = user }
      accepted.append(row)
      file.accept()
    }
    return (accepted, file.result)
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
      aliases: record["aliases"].split(separator: ";").map(String.init), isService: isService)
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
