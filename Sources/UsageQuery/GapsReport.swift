import Aggregation
import UsageModel

extension UsageReports {
  private static let gapNames = ["expected", "adopted", "missing", "adoption_benchmark", "gap"]

  /// Who has not adopted what: per group and feature, or by name with `--by user`.
  package static func gaps(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    if options.groupBy.contains(.user) { return try gapsByUser(data, options) }
    let sweep = try AdoptionSweep(data, options)
    let scope = sweep.scope
    let groups = PersonGroups(
      scope.groupAttributes, population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout(gapItems(options), groups: groups, features: scope.features)
    var tallies = [
      (tally: sweep.tally(groups, level: .feature), takes: scope.isSelected), sweep.departmentTally(),
    ]
    sweep.count(&tallies)
    let benchmarks = sweep.adoptionBenchmarks(departments: tallies[1].tally.rows)
    let found = tallies[0].tally.rows.filter { $0.expected > 0 }.map { row in
      ReportRow(
        key: layout.key(
          group: row.group, app: scope.features.appOfRank[row.unit] + 1,
          feature: scope.features.featureNameOfRank[row.unit]),
        people: row.people,
        values: gapValues(expected: row.expected, adopted: row.adopted, benchmarks[row.unit]))
    }
    let rows = ReportRows(found, columns: layout.columns, minimumPeople: options.minimumGroupSize)
    return document(
      "gaps", scope: scope, columns: layout.columns, valueNames: gapNames, rows: rows,
      totals: scope.totals(
        tooNew: scope.tooNewCount(sweep.expectations), suppressed: rows.suppressedCount),
      warnings: scope.warnings + gapWarnings(rows.values))
  }

  /// One row for each expected cell that is not adopted, with its state; people without events included.
  ///
  /// - Throws: `QueryError.purposeNeeded` unless names are allowed.
  private static func gapsByUser(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    guard options.namesAllowed else { throw QueryError.purposeNeeded(option: "--by user") }
    let sweep = try AdoptionSweep(data, options)
    let scope = sweep.scope
    var tallies = [sweep.departmentTally()]
    sweep.count(&tallies)
    let listing = GapListing(
      sweep: sweep, benchmarks: sweep.adoptionBenchmarks(departments: tallies[0].tally.rows))
    var result = ReportDocument(
      report: "gaps", method: "waterline-gaps/1", window: scope.window,
      timeZoneName: scope.options.zone.name, population: scope.population.kind,
      catalog: scope.features.hasCatalog ? "catalog" : "observed",
      totals: scope.totals(tooNew: scope.tooNewCount(sweep.expectations), suppressed: 0),
      columns: listing.columnNames + ["app", "feature"] + gapNames + ["state"], rows: listing.rows())
    let keyCount = result.columns.count - gapNames.count - 1
    result.warnings =
      scope.warnings + gapWarnings(result.rows.map { RowValues(row: $0, keyCount: keyCount) })
    return result
  }

  private static func gapItems(_ options: QueryOptions) -> [RowLayout.Item] {
    let people = options.groupBy.compactMap { $0.personAttribute.map(RowLayout.Item.person) }
    return people + [.own(.app), .own(.feature)]
  }

  static func gapValues(
    expected: Int64, adopted: Int64, _ benchmark: AdoptionBenchmark?
  ) -> [ReportValue] {
    [
      .integer(expected), .integer(adopted), .integer(expected - adopted), ReportValue(benchmark?.share),
      ReportValue(benchmark?.gap(expected: expected, adopted: adopted)),
    ]
  }

  private static func gapWarnings(_ rows: [RowValues]) -> [String] {
    nullWarning(
      "adoption_benchmark and gap", at: 3, in: rows,
      because: "fewer than \(AdoptionBenchmark.departmentsMin) departments have at least "
        + "\(AdoptionBenchmark.departmentCellsMin) people of whom the feature is expected")
  }
}

/// Lists expected cells that are not adopted, person by person.
private struct GapListing {
  let sweep: AdoptionSweep
  /// a(f) by rank.
  let benchmarks: [AdoptionBenchmark?]

  private var scope: ReportScope { sweep.scope }

  /// `user` and the attributes among `--by`, in order.
  var columnNames: [String] {
    scope.options.groupBy.filter { $0 == .user || $0.personAttribute != nil }.map(\.rawValue)
  }

  /// Rows by person (bytes of the name), application and feature.
  func rows() -> [[ReportValue]] {
    let names = scope.population.personOfMember.map { scope.directory.names[Int($0)] }
    let members = names.indices.filter { scope.isChosen[$0] && scope.isEligible($0) }
      .sorted { names[$0].precedesByBytes(names[$1]) }
    var found: [Int: [(rank: Int, state: AdoptionState)]] = [:]
    sweep.forEachFeature { rank, records in
      guard scope.isSelected[rank] else { return }
      let recordOfMember = Dictionary(uniqueKeysWithValues: records.map { (Int($0.person), $0) })
      for member in members {
        if let state = state(member: member, rank: rank, record: recordOfMember[member]) {
          found[member, default: []].append((rank, state))
        }
      }
    }
    return members.flatMap { member in
      (found[member] ?? []).map { row(member: member, name: names[member], rank: $0.rank, state: $0.state) }
    }
  }

  /// The cell's state; nil when nothing is expected there, or it is adopted.
  private func state(member: Int, rank: Int, record: AdoptionRecord?) -> AdoptionState? {
    let expectation = sweep.expectations[rank]
    let facts = sweep.facts[member]
    guard expectation.roles.contains(facts.role) else { return nil }
    if let record, record.isInWindow {
      if Int64(record.okDays) >= expectation.targetDays { return nil }
      return record.okDays > 0 ? .tried : .struggling
    }
    if !facts.isObserved { return .dark }
    return record == nil ? .never : .lapsed
  }

  private func row(member: Int, name: String, rank: Int, state: AdoptionState) -> [ReportValue] {
    let keys = scope.options.groupBy.compactMap { dimension -> ReportValue? in
      if dimension == .user { return .text(name) }
      return dimension.personAttribute.map { attribute in
        let value = scope.population.attributes[attribute]?.table.values[
          Int(scope.population.rank(of: attribute, member: member))]
        return ReportValue(value ?? nil)
      }
    }
    let feature = scope.features.names[rank]
    return keys + [.text(feature.app), ReportValue(feature.feature)]
      + UsageReports.gapValues(expected: 1, adopted: 0, benchmarks[rank]) + [.text(state.rawValue)]
  }
}
