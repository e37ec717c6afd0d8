import UsageModel
import WireFormat

/// Reads service-desk tickets in Waterline's own columns.
package enum TicketFile {
  static let columns = [
    "id", "requester", "opened", "first_response", "resolved", "reopened", "app", "category", "priority",
    "state", "satisfaction", "effort_minutes", "group", "owner", "reassignments", "level", "comment",
  ]

  /// Reads all tickets; of one id, the last row stays.
  ///
  /// - Parameter zone: for times without an offset.
  /// - Throws: `ImportError` when there is no usable header.
  package static func read(
    _ input: ByteInput, zone: ZoneRules
  ) throws -> (tickets: [Ticket], result: ImportResult) {
    var file = try TableFile("tickets", input, required: ["id", "requester", "opened"], known: columns)
    var tickets: [Ticket] = []
    var places: [Utf8Key: Int] = [:]
    while let record = try file.next() {
      guard let ticket = ticket(record, zone, &file) else { continue }
      if let place = places[Utf8Key(ticket.id)] {
        tickets[place] = ticket
        file.countDuplicate()
      } else {
        places[Utf8Key(ticket.id)] = tickets.count
        tickets.append(ticket)
        file.accept()
      }
    }
    return (tickets, file.result)
  }

  private static func ticket(
    _ record: TableFile.Record, _ zone: ZoneRules, _ file: inout TableFile
  ) -> Ticket? {
    for (name, reason) in [("id", "missing_id"), ("requester", "missing_requester")]
    where record[name].isEmpty {
      file.reject(reason, record)
      return nil
    }
    guard let opened = TicketTime.milliseconds(record["opened"], zone) else {
      file.reject("time", record, "opened is no time: use RFC 3339, or YYYY-MM-DD HH:MM with --timezone")
      return nil
    }
    var ticket = Ticket(id: record["id"], requester: record["requester"], openedMilliseconds: opened)
    for (name, field) in [
      ("first_response", \Ticket.firstResponseMilliseconds), ("resolved", \Ticket.resolvedMilliseconds),
    ] where !record[name].isEmpty {
      guard let time = TicketTime.milliseconds(record[name], zone) else {
        file.reject("time", record, "\(name) is no time")
        return nil
      }
      ticket[keyPath: field] = time
    }
    guard fillNumbers(record, &ticket, &file) else { return nil }
    ticket.app = record["app"].isEmpty ? nil : record["app"]
    for (name, field) in [
      ("category", \Ticket.category), ("priority", \Ticket.priority), ("state", \Ticket.state),
      ("group", \Ticket.group), ("owner", \Ticket.owner), ("level", \Ticket.level),
      ("comment", \Ticket.comment),
    ] {
      ticket[keyPath: field] = record[name]
    }
    return ticket
  }

  private static func fillNumbers(
    _ record: TableFile.Record, _ ticket: inout Ticket, _ file: inout TableFile
  ) -> Bool {
    for (name, field) in [("reopened", \Ticket.reopenCount), ("reassignments", \Ticket.reassignmentCount)] {
      guard let value = CellText.integer(record[name], 0...1_000_000, whenEmpty: 0) else {
        file.reject("number", record, "\(name) is no count")
        return false
      }
      ticket[keyPath: field] = Int(value)
    }
    guard let effort = CellText.integer(record["effort_minutes"], 0...100_000_000, whenEmpty: -1) else {
      file.reject("number", record, "effort_minutes is no whole number of minutes")
      return false
    }
    ticket.effortMinutes = effort < 0 ? nil : effort
    if !record["satisfaction"].isEmpty {
      guard let value = Double(record["satisfaction"]), value.isFinite else {
        file.reject("number", record, "satisfaction is no number")
        return false
      }
      ticket.satisfaction = value
    }
    return true
  }
}

/// Times in ticket files.
enum TicketTime {
  /// RFC 3339, integer milliseconds since 1970, or local `YYYY-MM-DD HH:MM[:SS]` of the zone.
  static func milliseconds(_ text: String, _ zone: ZoneRules) -> Int64? {
    if let exact = TimestampParser.milliseconds(text) { return exact }
    if let number = Int64(text) {
      return number >= EventLimits.earliestTimeMilliseconds ? number : nil
    }
    let withSeconds = text.utf8.count == 16 ? text + ":00Z" : text + "Z"
    return TimestampParser.milliseconds(withSeconds).map { zone.utcMilliseconds(local: $0) }
  }
}
