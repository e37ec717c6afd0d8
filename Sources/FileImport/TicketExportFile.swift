import UsageModel

/// Reads another program's export of tickets, one row a ticket or one row for each update of it.
package enum TicketExportFile {
  /// Different unknown states named in the warning.
  private static let statesListedMax = 20

  /// Reads all tickets, the latest of several rows of one ticket.
  ///
  /// That is the latest by the time of update where the export has one, else by the place in the file.
  ///
  /// - Parameter zone: for times without an offset.
  /// - Throws: `ImportError` when there is no usable header.
  package static func read(
    _ input: ByteInput, _ export: TicketExport, zone: ZoneRules
  ) throws -> (tickets: [Ticket], result: ImportResult) {
    var table = try ExportTable(input)
    var reader = try RowReader(export, &table, zone: zone)
    var histories: [History] = []
    var places: [Utf8Key: Int] = [:]
    while try table.next() {
      guard let row = reader.row(&table) else { continue }
      let key = Utf8Key(row.ticket.id)
      if let place = places[key] {
        histories[place].add(row)
      } else {
        places[key] = histories.count
        histories.append(History(first: row))
      }
    }
    warn(&table, reader, histories)
    let rowCount = histories.reduce(0) { $0 + $1.rowCount }
    let result = table.finish(accepted: histories.count, duplicate: rowCount - histories.count)
    return (histories.map(\.ticket), result)
  }

  private static func warn(_ table: inout ExportTable, _ reader: RowReader, _ histories: [History]) {
    let unknown = reader.unknownStates.sorted { Utf8Key($0.key) < Utf8Key($1.key) }
    if !unknown.isEmpty {
      let named = unknown.prefix(statesListedMax).map { "'\($0.key)' (\($0.value) rows)" }
      let more = unknown.count > statesListedMax ? " and \(unknown.count - statesListedMax) more" : ""
      table.warn(
        "unknown states, kept as they are and taken for nothing: \(named.joined(separator: ", "))\(more)")
    }
    let further = histories.reduce(0) { $0 + $1.rowCount - 1 }
    if further > 0 {
      table.warn("\(further) rows are updates of the same tickets; the latest of each ticket counts")
    }
    let unnamed = histories.count { $0.ticket.requester.isEmpty }
    if unnamed > 0 { table.warn("\(unnamed) tickets name no requester") }
    let unresolved = histories.count { $0.isDone && $0.ticket.resolvedMilliseconds == nil }
    if unresolved > 0 {
      table.warn(
        "\(unresolved) tickets are in a final state without a time of resolution: they count as not resolved")
    }
  }
}

/// One row of an export, as a ticket of its own.
private struct ExportRow {
  var ticket: Ticket
  var updatedMilliseconds: Int64?
  /// Whether somebody had begun to work on it.
  var isAnswered: Bool
  var isDone: Bool
}

/// The rows of one ticket, reduced to what they say together.
private struct History {
  private var latest: ExportRow
  private var answeredMilliseconds: Int64?
  private(set) var rowCount = 1

  init(first: ExportRow) {
    latest = first
    answeredMilliseconds = first.isAnswered ? first.updatedMilliseconds : nil
  }

  var isDone: Bool { latest.isDone }

  /// The latest row, with the first response found on the way unless the export names one.
  var ticket: Ticket {
    var ticket = latest.ticket
    if ticket.firstResponseMilliseconds == nil { ticket.firstResponseMilliseconds = answeredMilliseconds }
    return ticket
  }

  mutating func add(_ row: ExportRow) {
    rowCount += 1
    if row.isAnswered, let moment = row.updatedMilliseconds {
      answeredMilliseconds = min(answeredMilliseconds ?? .max, moment)
    }
    // Rows at the same time, or without one, follow the file.
    if let known = latest.updatedMilliseconds, let moment = row.updatedMilliseconds, moment < known { return }
    latest = row
  }
}

/// Turns the table's current record into a row.
private struct RowReader {
  private let export: TicketExport
  private let zone: ZoneRules
  private let places: [TicketExport.Field: ExportTable.Places]
  /// Rows by state that means nothing to us.
  private(set) var unknownStates: [String: Int] = [:]
  private var knownStates: [String: TicketExport.StateMeaning] = [:]

  init(_ export: TicketExport, _ table: inout ExportTable, zone: ZoneRules) throws {
    self.export = export
    self.zone = zone
    var places: [TicketExport.Field: ExportTable.Places] = [:]
    for (field, names) in export.columns {
      let known = names.filter { !table.places(of: [$0]).isEmpty }
      places[field] = table.places(of: export.sharedFields.contains(field) ? known : Array(known.prefix(1)))
    }
    self.places = places
    for field in [TicketExport.Field.id, .opened] where places[field]?.isEmpty ?? true {
      let wanted = export.columns[field]?.joined(separator: ", ") ?? "none is mapped"
      throw ImportError(
        "tickets: no column for '\(field.rawValue)' (looked for: \(wanted)); name it with --mapping FILE")
    }
    if places[.requester]?.isEmpty ?? true {
      table.warn("no column for 'requester': nobody's tickets will be told apart")
    }
    table.warnIgnored(used: Set(places.values.joined()))
  }

  /// The current record; nil when it was refused.
  mutating func row(_ table: inout ExportTable) -> ExportRow? {
    var cells: [TicketExport.Field: String] = [:]
    // In a fixed order, as the first faulty cell is the one that is named.
    for field in TicketExport.Field.allCases {
      guard let places = places[field], !places.isEmpty else { continue }
      guard let text = table.text(places, missing: export.missing) else {
        table.reject("not_utf8", "\(field.rawValue) is not UTF-8 or holds a NUL character")
        return nil
      }
      if !text.isEmpty { cells[field] = text }
    }
    guard let id = cells[.id] else {
      table.reject("missing_id")
      return nil
    }
    guard let times = times(cells, &table), let opened = times[.opened] else { return nil }
    var ticket = Ticket(
      id: export.stripsSpacesFromID ? Self.withoutSpaces(id) : id, requester: cells[.requester] ?? "",
      openedMilliseconds: opened)
    ticket.firstResponseMilliseconds = times[.firstResponse]
    ticket.resolvedMilliseconds = times[.resolved]
    fillTexts(cells, &ticket)
    guard fillNumbers(cells, &ticket, &table) else { return nil }
    let meaning = meaning(ofState: ticket.state)
    let isAnswered =
      export.derivesFirstResponse && (meaning == .open || meaning == .done || !ticket.owner.isEmpty)
    return ExportRow(
      ticket: ticket, updatedMilliseconds: times[.updated], isAnswered: isAnswered, isDone: meaning == .done)
  }

  private func times(
    _ cells: [TicketExport.Field: String], _ table: inout ExportTable
  ) -> [TicketExport.Field: Int64]? {
    var times: [TicketExport.Field: Int64] = [:]
    for field in [TicketExport.Field.opened, .firstResponse, .resolved, .updated] {
      guard let text = cells[field] else { continue }
      guard let time = ExportTime.milliseconds(text, zone, order: export.dateOrder) else {
        let isDayFirst = export.dateOrder == .day
        let known = isDayFirst ? "day/month/year (month/day: --date-order month)" : "month/day/year"
        table.reject("time", "\(field.rawValue) is no time: use ISO 8601 or \(known)")
        return nil
      }
      times[field] = time
    }
    if times[.opened] == nil { table.reject("time", "opened is missing") }
    return times
  }

  private func fillTexts(_ cells: [TicketExport.Field: String], _ ticket: inout Ticket) {
    ticket.app = cells[.app]
    for (field, path) in [
      (TicketExport.Field.category, \Ticket.category), (.priority, \Ticket.priority),
      (.state, \Ticket.state), (.group, \Ticket.group), (.owner, \Ticket.owner), (.level, \Ticket.level),
      (.comment, \Ticket.comment),
    ] {
      ticket[keyPath: path] = cells[field] ?? ""
    }
  }

  private func fillNumbers(
    _ cells: [TicketExport.Field: String], _ ticket: inout Ticket, _ table: inout ExportTable
  ) -> Bool {
    for (field, path) in [
      (TicketExport.Field.reopened, \Ticket.reopenCount), (.reassignments, \Ticket.reassignmentCount),
    ] {
      guard let count = CellText.integer(cells[field] ?? "", 0...1_000_000, whenEmpty: 0) else {
        table.reject("number", "\(field.rawValue) is no count")
        return false
      }
      ticket[keyPath: path] = Int(count)
    }
    for (field, perMinute) in [(TicketExport.Field.effortSeconds, Int64(60)), (.effortMinutes, 1)] {
      guard let text = cells[field] else { continue }
      guard let value = CellText.integer(text, 0...6_000_000_000, whenEmpty: 0) else {
        table.reject("number", "\(field.rawValue) is no whole number")
        return false
      }
      ticket.effortMinutes = (2 * value + perMinute) / (2 * perMinute)
    }
    if let text = cells[.satisfaction] {
      guard let value = Double(text), value.isFinite else {
        table.reject("number", "satisfaction is no number")
        return false
      }
      ticket.satisfaction = value
    }
    return true
  }

  private mutating func meaning(ofState state: String) -> TicketExport.StateMeaning? {
    guard !state.isEmpty, !export.states.isEmpty else { return nil }
    if let known = knownStates[state] { return known }
    // "-1" is no "1".
    if !state.utf8.starts(with: "-".utf8), let known = export.states[ExportTable.normalized(state)] {
      knownStates[state] = known
      return known
    }
    unknownStates[state, default: 0] += 1
    return nil
  }

  /// An id without spaces and no-break spaces, which some exports put between thousands.
  private static func withoutSpaces(_ id: String) -> String {
    String(id.unicodeScalars.filter { !["\u{20}", "\u{A0}", "\u{202F}"].contains($0) }.map(Character.init))
  }
}
