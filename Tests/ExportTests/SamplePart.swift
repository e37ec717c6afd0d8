import UsageModel

@testable import Export

/// Parts as tests need them.
enum SamplePart {
  static func make(
    _ name: String = "sample", columns: [String], rows: [[ReportValue]], totals: [ReportField] = []
  ) -> ExportPart {
    ExportPart(
      name,
      ReportDocument(
        report: name, method: "waterline-\(name)/1",
        window: Window(from: CivilDay(number: 20_514), to: CivilDay(number: 20_542)), timeZoneName: "UTC",
        population: "roster", catalog: "catalog", totals: totals, columns: columns, rows: rows))
  }
}
