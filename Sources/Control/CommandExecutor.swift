import EventStore
import FileImport
import Ingest
import UsageModel
import UsageQuery

/// Carries out requests against the one writer: the same code in the daemon and in a command of its own.
package struct CommandExecutor<Store: StoreWriting> {
  private let store: Store

  package init(store: Store) { self.store = store }

  /// Runs a request to its end.
  ///
  /// - Parameters:
  ///   - input: the file's bytes for requests that carry data.
  ///   - progress: called now and then.
  /// - Throws: `ImportError`, `StoreError`, `DatabaseError`; each says what to do.
  package func run(
    _ request: ControlRequest, input: ByteInput,
    progress: @escaping @Sendable (RequestStep) -> Void
  ) throws -> ControlResponse {
    switch request {
    case .importEvents(let form): return .imported(try importEvents(form, input, progress))
    case .importRoster(let merge): return .imported(try importRoster(merge, input))
    case .importCatalog(let merge): return .imported(try importCatalog(merge, input))
    case .importTickets(let timeZone, let preset, let mapping, let dateOrder):
      let export = try ticketExport(preset: preset, mapping: mapping, dateOrder: dateOrder)
      return .imported(try importTickets(timeZone, export, input))
    case .importInitiatives(let sort, let timeZone):
      return .imported(try InitiativeWriter(store: store, sort: sort, timeZone: timeZone).importFile(input))
    case .addInitiative(let sort, let cells, let timeZone):
      try InitiativeWriter(store: store, sort: sort, timeZone: timeZone).add(cells)
    case .endInitiative(let sort, let name, let cohort, let end, let timeZone):
      try InitiativeWriter(store: store, sort: sort, timeZone: timeZone).end(name, cohort: cohort, at: end)
    case .setSetting(let name, let value):
      try store.write { try SettingStore.set(name, to: value, in: $0) }
    case .publishBenchmark(let record): try store.write { try BenchmarkStore.publish(record, in: $0) }
    case .logPurpose(let login, let command, let purpose):
      let now = Clock.nowMilliseconds()
      try store.write {
        try PurposeLog.add(timeMilliseconds: now, login: login, command: command, purpose: purpose, in: $0)
      }
    case .markAlerts(let text):
      guard let day = CivilDay(text) else { throw StoreError.invalid("'\(text)' is not a day to mark") }
      let now = Clock.nowMilliseconds()
      try store.write { try AlertMarkStore.set(day, markedMilliseconds: now, in: $0) }
    case .forget(let user, let login, let purpose):
      return .forgot(try forget(user, login: login, purpose: purpose, progress))
    case .setAside(let chunks):
      let now = Clock.nowMilliseconds()
      try store.withWriter { _ = try $0.setAside(chunks, nowMilliseconds: now) }
    case .recount(let rollups):
      let now = Clock.nowMilliseconds()
      try store.withWriter { try $0.discardRollups(rollups, nowMilliseconds: now) }
    case .replayDeadLetters(let filter): return .replayed(try replay(filter, progress))
    case .dropDeadLetters(let filter):
      return .dropped(
        count: try store.withWriter { writer in
          try writer.maintain { try DeadLetterStore.drop(filter, in: $0) }
        })
    case .status: return .failed("no daemon is running")
    }
    return .done
  }

  private func importEvents(
    _ form: String?, _ input: ByteInput, _ progress: @escaping @Sendable (RequestStep) -> Void
  ) throws -> ImportResult {
    let result = try EventFile.read(
      input, form: form.flatMap(EventFile.Form.init(rawValue:)), into: store,
      nowMilliseconds: Clock.nowMilliseconds()
    ) { progress(RequestStep(bytes: $0)) }
    try store.mergeAll { progress(RequestStep(rows: $0, rowsLeft: $1)) }
    return result
  }

  private func forget(
    _ user: String, login: String, purpose: String, _ progress: @escaping @Sendable (RequestStep) -> Void
  ) throws -> ForgetReceipt {
    let now = Clock.nowMilliseconds()
    return try store.withWriter { writer in
      try writer.maintain {
        try PurposeLog.add(timeMilliseconds: now, login: login, command: "forget", purpose: purpose, in: $0)
      }
      return try writer.forget(person: user, nowMilliseconds: now) { progress(RequestStep(rows: $0)) }
    }
  }

  /// Takes out what is about people who were forgotten.
  private func withoutForgotten<Row>(
    _ rows: [Row], _ result: inout ImportResult, names: (Row) -> [String]
  ) throws -> [Row] {
    let tombstones = try store.write { try Tombstones(in: $0) }
    guard !tombstones.isEmpty else { return rows }
    let kept = rows.filter { row in !names(row).contains(where: tombstones.hold) }
    if kept.count < rows.count {
      result.rejected["forgotten", default: 0] += rows.count - kept.count
      result.accepted = max(0, result.accepted - (rows.count - kept.count))
    }
    return kept
  }

  /// Reads letters again, some at a time, so that what arrives meanwhile need not wait for all of them.
  private func replay(
    _ filter: DeadLetterFilter, _ progress: @escaping @Sendable (RequestStep) -> Void
  ) throws -> ReplayResult {
    var result = ReplayResult()
    var rest = try store.write { try DeadLetterStore.ids(filter, in: $0) }[...]
    while !rest.isEmpty {
      let some = Array(rest.prefix(EventWriter.replayedAtOnceMax))
      rest = rest.dropFirst(some.count)
      let now = Clock.nowMilliseconds()
      result += try store.withWriter { try $0.replay(some, nowMilliseconds: now) }
      progress(RequestStep(rows: some.count, rowsLeft: rest.count))
    }
    return result
  }

  private func importRoster(_ merge: Bool, _ input: ByteInput) throws -> ImportResult {
    let existing = merge ? try store.write { try OrganisationStore.roster(in: $0) } : []
    var (rows, result) = try RosterFile.read(input, existing: existing, isAdded: merge)
    rows = try withoutForgotten(rows, &result) { [$0.user] + $0.aliases }
    let tombstones = try store.write { try Tombstones(in: $0) }
    for index in rows.indices where tombstones.hold(rows[index].manager) { rows[index].manager = "" }
    let kept = rows
    try store.write { try OrganisationStore.replaceRoster(kept, in: $0) }
    return result
  }

  private func importCatalog(_ merge: Bool, _ input: ByteInput) throws -> ImportResult {
    let existing = merge ? try store.write { try OrganisationStore.catalog(in: $0) } : []
    let (rows, result) = try CatalogFile.read(input, existing: existing)
    try store.write { try OrganisationStore.replaceCatalog(rows, in: $0) }
    return result
  }

  /// How another program's export is read; nil for a tickets file of our own.
  private func ticketExport(preset: String?, mapping: String?, dateOrder: String?) throws -> TicketExport? {
    var export: TicketExport?
    if let preset {
      guard let known = TicketExport(preset: preset) else {
        throw ImportError(
          "no preset '\(preset)'; there are \(TicketExport.presetNames.joined(separator: ", "))")
      }
      export = known
    }
    if let mapping { export = try TicketExport(mapping: mapping, over: export) }
    if let dateOrder {
      guard let order = ExportTime.DateOrder(rawValue: dateOrder), export != nil else {
        throw ImportError("no order of dates '\(dateOrder)' here: day or month, with a preset or a mapping")
      }
      export?.dateOrder = order
    }
    return export
  }

  private func importTickets(
    _ timeZone: String, _ export: TicketExport?, _ input: ByteInput
  ) throws -> ImportResult {
    let latest = Clock.nowMilliseconds() + EventLimits.futureToleranceMilliseconds
    let zone = try TimeZoneLoading.zoneRules(
      named: timeZone, covering: EventLimits.earliestTimeMilliseconds...latest)
    let (tickets, read) =
      try export.map { try TicketExportFile.read(input, $0, zone: zone) }
      ?? TicketFile.read(input, zone: zone)
    var result = read
    var kept = try withoutForgotten(tickets, &result) { [$0.requester] }
    let tombstones = try store.write { try Tombstones(in: $0) }
    for index in kept.indices {
      if tombstones.hold(kept[index].owner) { kept[index].owner = "" }
      kept[index].comment = tombstones.removed(from: kept[index].comment)
      kept[index].group = tombstones.removed(from: kept[index].group)
    }
    let rows = kept
    try store.write { try OrganisationStore.upsertTickets(rows, in: $0) }
    return result
  }
}
