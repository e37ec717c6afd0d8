import ArgumentParser
import EventStore
import Report
import UsageModel
import UsageQuery

extension BenchmarkCommand {
  struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "compare", abstract: "Times now against times then, and against the whole organisation.",
      discussion: """
        EXAMPLES:
          waterline benchmark compare --before
          waterline benchmark compare --with 2026-q1 --by department
          waterline benchmark compare --before --app crm --by role --window 56d
        """)

    @OptionGroup var options: ReportOptions

    @Option(
      name: .customLong("with"),
      help: ArgumentHelp("A published set: its times, and the events of its window.", valueName: "name"))
    var set: String?

    @Flag(help: "The window of the same length just before (the default).") var before = false

    func validate() throws {
      if before, set != nil { throw ValidationError("use either --before or --with NAME") }
      if options.benchmark != "self" {
        throw ValidationError("compare takes --with NAME instead of --benchmark")
      }
    }

    func run() throws {
      let base = try comparisonBase()
      try options.run("benchmark-compare") { try UsageReports.benchmarkComparison($0, $1, with: base) }
    }

    private func comparisonBase() throws -> ComparisonBase {
      guard let set else { return .windowBefore }
      let records = try EventStore(readingAt: options.database.path).read { try BenchmarkStore.all(in: $0) }
      guard let record = records.first(where: { $0.name.hasSameBytes(as: set) }) else {
        let names = records.map(\.name).joined(separator: ", ")
        throw UsageError(
          "no benchmark named '\(SafeText.escaping(set))' was published; there are: "
            + (names.isEmpty ? "none" : names)
        )
      }
      guard let published = BenchmarkSet(record) else {
        throw StoreError.invalid(
          "the published benchmark '\(record.name)' is damaged: its days cannot be read")
      }
      return .published(published)
    }
  }
}
