import Aggregation
import UsageModel

extension UsageReports {
  private static let benchmarkNames = [
    "people", "benchmark_ms", "benchmark_kind", "adoption_benchmark", "departments",
  ]

  /// Best-practice times and adoption benchmarks of every feature of the catalog or used in the window.
  ///
  /// Benchmarks are of all of P, whatever `--where` says; a row's figures rest on the peers it counts.
  package static func benchmark(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    try refuse(
      GroupDimension.allCases, in: options, report: "benchmark", because: "benchmarks are of all people")
    var sweep = try AdoptionSweep(data, options)
    var tallies = [sweep.departmentTally()]
    sweep.count(&tallies)
    let adoption = sweep.adoptionBenchmarks(departments: tallies[0].tally.rows)
    sweep.releaseUses()
    let scope = sweep.scope
    let groups = PersonGroups([], population: scope.population, isChosen: scope.isChosen)
    let layout = RowLayout([.own(.app), .own(.feature)], groups: groups, features: scope.features)
    let times = try benchmarkTimes(data, scope, expectations: sweep.expectations)
    let found = times.indices.filter { times[$0] != nil && scope.isSelected[$0] }.map { rank in
      benchmarkRow(rank, times[rank], adoption[rank], layout, scope)
    }
    let rows = ReportRows(found, columns: layout.columns, minimumPeople: options.minimumGroupSize)
    return document(
      "benchmark", scope: scope, columns: layout.columns, valueNames: benchmarkNames, rows: rows,
      totals: scope.totals(
        tooNew: scope.tooNewCount(sweep.expectations), suppressed: rows.suppressedCount),
      warnings: scope.warnings + benchmarkWarnings(rows, scope))
  }

  /// The window's benchmark times, to be published under a name; `--app`, `--feature`, `--where` have no say.
  package static func benchmarkSet(
    named name: String, _ data: some UsageData, _ options: QueryOptions
  ) throws -> BenchmarkSet {
    var sweep = try AdoptionSweep(data, options)
    sweep.releaseUses()
    let scope = sweep.scope
    let times = try benchmarkTimes(data, scope, expectations: sweep.expectations)
    let rows = times.enumerated().compactMap { rank, time in
      time.map {
        BenchmarkSet.Row(feature: scope.features.names[rank], milliseconds: $0.milliseconds, kind: $0.kind)
      }
    }
    return BenchmarkSet(
      name: name, window: scope.window, timeZoneName: options.zone.name, rows: rows)
  }

  /// By rank; nil for features that are neither in the (observed) catalog nor used by P in the window.
  private static func benchmarkTimes(
    _ data: some UsageData, _ scope: ReportScope, expectations: [FeatureExpectation]
  ) throws -> [Benchmark?] {
    let source = BenchmarkSource(scope.options.benchmark, features: scope.features)
    var times: [Benchmark?] = scope.features.names.indices.map { rank in
      guard scope.features.catalogRows[rank] != nil || expectations[rank].roles != .nobody else { return nil }
      var nobody: [Int64] = []
      return source.benchmark(rank: rank, medians: &nobody)
    }
    let found: [[(rank: Int, benchmark: Benchmark)]] = try scope.measureFeatures(
      of: try scope.packWindow(data), source, tally: { [] },
      add: { tally, feature in
        if feature.cells.contains(where: { $0.attempts > 0 }) {
          tally.append((feature.rank, feature.benchmark))
        }
      })
    for (rank, benchmark) in found.joined() { times[rank] = benchmark }
    return times
  }

  private static func benchmarkRow(
    _ rank: Int, _ time: Benchmark?, _ adoption: AdoptionBenchmark?, _ layout: RowLayout, _ scope: ReportScope
  ) -> ReportRow {
    let kind = time?.kind ?? .none
    return ReportRow(
      key: layout.key(
        group: 0, app: scope.features.appOfRank[rank] + 1,
        feature: scope.features.featureNameOfRank[rank]),
      // A time that no peers set tells nothing about people.
      people: RowPeople(count: kind == .peers ? time?.peerCount ?? 0 : Int.max, members: []),
      priority: [Int64(rank)],
      values: [
        ReportValue(count: time?.peerCount ?? 0), ReportValue(time?.milliseconds), .text(kind.rawValue),
        ReportValue(adoption?.share), ReportValue(adoption.map { Int64($0.departments) }),
      ])
  }

  private static func benchmarkWarnings(_ rows: ReportRows, _ scope: ReportScope) -> [String] {
    let source = BenchmarkSource(scope.options.benchmark, features: scope.features)
    return nullWarning("benchmark_ms", at: 1, in: rows.values, because: source.reasonForNone)
      + nullWarning(
        "adoption_benchmark and departments", at: 3, in: rows.values,
        because: "fewer than \(AdoptionBenchmark.departmentsMin) departments have at least "
          + "\(AdoptionBenchmark.departmentCellsMin) people of whom the feature is expected")
  }
}
