import EventStore
import FileImport
import Ingest
import UsageModel
import UsageQuery

/// Writes interventions and changes.
struct InitiativeWriter<Store: StoreWriting> {
  private let store: Store
  private let sort: Initiative.Sort
  private let zone: ZoneRules

  /// - Parameters:
  ///   - sort: raw value of `Initiative.Sort`.
  ///   - timeZone: zone of dates and of times without offset; nil is the organisation's.
  /// - Throws: `ImportError` for an unknown sort, `QueryError` for an unknown zone.
  init(store: Store, sort: String, timeZone: String?) throws {
    guard let sort = Initiative.Sort(rawValue: sort) else {
      throw ImportError("there is no table of \(sort): use intervention or change")
    }
    self.store = store
    self.sort = sort
    let setting = try store.write { try SettingStore.get("organisation.timezone", in: $0) }
    // Starts may be planned ahead.
    let latest = Clock.nowMilliseconds() + 3_660 * CivilDay.milliseconds
    zone = try TimeZoneLoading.zoneRules(
      named: timeZone ?? setting ?? "UTC", covering: EventLimits.earliestTimeMilliseconds...latest)
  }

  func importFile(_ input: ByteInput) throws -> ImportResult {
    var (rows, result) = try InitiativeFile.read(input, sort: sort, zone: zone, checkCohort: Self.check)
    let readCount = rows.count
    let tombstones = try store.write { try Tombstones(in: $0) }
    rows.removeAll { Self.names($0, tombstones) }
    if rows.count < readCount {
      result.rejected["forgotten", default: 0] += readCount - rows.count
      result.accepted = max(0, result.accepted - (readCount - rows.count))
    }
    try upsert(rows)
    return result
  }

  /// Adds one, or replaces the one with the same name and cohort.
  func add(_ cells: [String: String]) throws {
    let initiative: Initiative
    do {
      initiative = try InitiativeFile.initiative(zone, checkCohort: Self.check) { cells[$0] ?? "" }
    } catch {
      throw ImportError("\(sort.rawValue): \(error)")
    }
    guard try !Self.names(initiative, store.write { try Tombstones(in: $0) }) else {
      throw ImportError(
        "\(sort.rawValue): its name, cohort or note names someone who was forgotten; leave them out")
    }
    try upsert([initiative])
  }

  /// Whether one names someone who was forgotten.
  private static func names(_ initiative: Initiative, _ tombstones: Tombstones) -> Bool {
    [initiative.name, initiative.cohort, initiative.note].contains(where: tombstones.areNamed(in:))
  }

  /// Sets the end of all rows of a name, or of one cohort's.
  func end(_ name: String, cohort: String?, at text: String) throws {
    guard let end = InitiativeFile.milliseconds(text, zone) else {
      throw ImportError("\(sort.rawValue): the end \(text) is no date or time")
    }
    let sort = sort
    let all = try store.write { try OrganisationStore.initiatives(sort, in: $0) }
    var rows = all.filter { row in
      row.name.hasSameBytes(as: name) && (cohort.map { row.cohort.hasSameBytes(as: $0) } ?? true)
    }
    guard !rows.isEmpty else {
      let which = cohort == nil ? "of this name" : "of this name and cohort"
      throw ImportError("there is no \(sort.rawValue) \(which): see waterline \(sort.rawValue) list")
    }
    for index in rows.indices {
      guard end >= rows[index].startMilliseconds else {
        throw ImportError("\(sort.rawValue): the end lies before the start")
      }
      rows[index].endMilliseconds = end
    }
    try upsert(rows)
  }

  private func upsert(_ rows: [Initiative]) throws {
    let sort = sort
    try store.write { try OrganisationStore.upsert(rows, sort, in: $0) }
  }

  private static func check(_ cohort: String) -> String? {
    do {
      _ = try Cohort(cohort)
      return nil
    } catch {
      return "\(error)"
    }
  }
}
