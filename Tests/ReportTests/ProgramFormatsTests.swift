import Foundation
import Report
import Testing
import UsageModel

/// JSON, NDJSON and CSV: exact values, read back by other parsers.
struct ProgramFormatsTests {
  @Test func jsonGolden() {
    let text = """
      {
        "report": "bottlenecks",
        "method": "waterline-bottleneck/1",
        "window": {"from": "2026-01-01", "to": "2026-01-29", "timezone": "Europe/Berlin"},
        "population": "roster",
        "catalog": "catalog",
        "totals": {"people": 12345, "outside_people": 0, "outside_events": 0, "too_new": 3, "suppressed": 2, \
      "lost_ms": 7384000},
        "rows": [
          {"app": "erp", "feature": "post_invoice", "attempts": 14210, "failed": 310, "eroded": 2100, \
      "people": 212, "people_affected": 90, "benchmark_ms": 3400, "benchmark_kind": "peers", \
      "lost_ms": 7200000, "frequency": 0.1477832512315271, "reach": 0.42452830188679247, "severity": 0.1, \
      "score": 18.44, "points": 2.5},
          {"app": "mail, \\"new\\"", "feature": "a|b", "attempts": 4, "failed": 0, "eroded": 1, "people": 4, \
      "people_affected": 1, "benchmark_ms": null, "benchmark_kind": "none", "lost_ms": 184000, \
      "frequency": 0.25, "reach": 0.25, "severity": null, "score": null, "points": 1e-07}
        ],
        "warnings": [
          "score of 1 feature is null: fewer than 10 people"
        ]
      }

      """
    #expect(ReportRenderer.render(SampleReports.bottlenecks, as: .json) == text)
  }

  @Test func jsonWithoutRows() {
    let text = """
      {
        "report": "flow",
        "method": "waterline-flow/1",
        "window": {"from": "2026-01-01", "to": "2026-01-29", "timezone": "UTC"},
        "population": "roster",
        "catalog": "catalog",
        "totals": {},
        "rows": [],
        "warnings": []
      }

      """
    #expect(ReportRenderer.render(SampleReports.empty, as: .json) == text)
    #expect(ReportRenderer.render(SampleReports.empty, as: .ndjson) == "")
    #expect(ReportRenderer.render(SampleReports.empty, as: .csv) == "app,count\n")
  }

  @Test func genericTableIsRowsOnly() {
    let table = GenericTable(
      columns: ["a", "a", "b"], rows: [[.integer(1), .boolean(true), .number(.nan)]])
    let text = """
      {
        "rows": [
          {"a": 1, "a_2": true, "b": null}
        ]
      }

      """
    #expect(ReportRenderer.render(table, as: .json) == text)
    #expect(ReportRenderer.render(table, as: .ndjson) == #"{"a": 1, "a_2": true, "b": null}"# + "\n")
    #expect(ReportRenderer.render(table, as: .csv) == "a,a,b\n1,true,\n")
  }

  /// Foundation's parser finds every text and number again.
  @Test func jsonReadsBack() throws {
    let texts = HostileText.all
    let numbers: [Double] = [
      0, -0.0, 1, 0.1, 1 / 3, .leastNonzeroMagnitude, 1e-7, 1e16, 123_456_789_012_345_680,
      .greatestFiniteMagnitude, -2.5,
    ]
    let table = GenericTable(
      columns: ["text", "number", "integer"],
      rows: texts.enumerated().map { index, text in
        [.text(text), .number(numbers[index % numbers.count]), .integer(Int64.max - Int64(index))]
      })
    let json = ReportRenderer.render(table, as: .json)
    let parsed = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    let rows = try #require(parsed["rows"] as? [[String: Any]])
    #expect(rows.count == texts.count)
    for (index, row) in rows.enumerated() {
      let text = try #require(row["text"] as? String)
      #expect(Array(text.utf8) == Array(texts[index].utf8))
      #expect((row["number"] as? Double)?.bitPattern == numbers[index % numbers.count].bitPattern)
      #expect(row["integer"] as? Int64 == Int64.max - Int64(index))
    }
  }

  /// Rows are written in parts at the same time; they read as the lines do.
  @Test(arguments: [1, 4_095, 4_096, 4_097, 20_000])
  func jsonHoldsAllRowsInTheirOrder(count: Int) {
    let table = GenericTable(
      columns: ["n", "text"], rows: (0..<count).map { [.integer(Int64($0)), .text("row \($0)")] })
    let lines = ReportRenderer.render(table, as: .ndjson).split(separator: "\n")
    #expect(lines.count == count)
    let text = "{\n  \"rows\": [\n    " + lines.joined(separator: ",\n    ") + "\n  ]\n}\n"
    #expect(ReportRenderer.render(table, as: .json) == text)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func neverWritesWhatIsNoNumber(value: Double) {
    let table = GenericTable(columns: ["x"], rows: [[.number(value)]])
    #expect(ReportRenderer.render(table, as: .ndjson) == "{\"x\": null}\n")
    #expect(ReportRenderer.render(table, as: .csv) == "x\n\"\"\n")
  }

  @Test func csvGolden() {
    let text = """
      app,feature,attempts,failed,eroded,people,people_affected,benchmark_ms,benchmark_kind,lost_ms,\
      frequency,reach,severity,score,points
      erp,post_invoice,14210,310,2100,212,90,3400,peers,7200000,0.1477832512315271,0.42452830188679247,\
      0.1,18.44,2.5
      "mail, ""new""\",a|b,4,0,1,4,1,,none,184000,0.25,0.25,,,1e-07

      """
    #expect(ReportRenderer.render(SampleReports.bottlenecks, as: .csv) == text)
  }

  /// An obvious reader finds every text again, and tells null from the empty text by its quotes.
  @Test func csvReadsBack() {
    let rows: [[ReportValue]] = HostileText.all.map { [.text($0), .null, .text("")] }
    let csv = ReportRenderer.render(GenericTable(columns: ["a", "b,c", "d"], rows: rows), as: .csv)
    let records = SimpleCommaSeparated.parse(Array(csv.utf8))
    #expect(records.count == rows.count + 1)
    #expect(records.first == ["a", "b,c", "d"].map { Array($0.utf8) })
    for (record, text) in zip(records.dropFirst(), HostileText.all) {
      #expect(record == [Array(text.utf8), [], []])
    }
    #expect(csv.contains(",,\"\"\n"))
  }

  /// As many rows as are written in several rounds, by several threads.
  @Test(arguments: [OutputFormat.json, .ndjson, .csv])
  func handsOverPartsThatMakeTheWhole(format: OutputFormat) {
    let count = 20_000
    let table = SampleReports.numbered(count)
    var parts: [[UInt8]] = []
    var rest: [UInt8] = []
    ReportRenderer.append(table, as: format, options: RenderOptions(rowLimit: 0), to: &rest) { part in
      parts.append(part)
      part.removeAll()
    }
    #expect(parts.count > 1)
    #expect(parts.allSatisfy { !$0.isEmpty && $0.count < 1 << 20 })
    let text = String(decoding: parts.joined() + rest, as: UTF8.self)
    #expect(text == ReportRenderer.render(table, as: format, options: RenderOptions(rowLimit: 0)))
    let numbers = text.split(separator: "\n").compactMap { line in Int(line.filter(\.isNumber)) }
    #expect(numbers == Array(0..<count))
  }

  @Test func limitsRowsWhenAsked() {
    let table = SampleReports.numbered(30)
    let lines = ReportRenderer.render(table, as: .ndjson).split(separator: "\n")
    #expect(lines.count == 30)
    let limited = ReportRenderer.render(table, as: .csv, options: RenderOptions(rowLimit: 2))
    #expect(limited == "n\n0\n1\n")
    let all = ReportRenderer.render(table, as: .csv, options: RenderOptions(rowLimit: 0))
    #expect(all.split(separator: "\n").count == 31)
  }
}

/// RFC 4180 byte by byte, for tests: no cleverness, no errors.
enum SimpleCommaSeparated {
  static func parse(_ bytes: [UInt8]) -> [[[UInt8]]] {
    var records: [[[UInt8]]] = []
    var record: [[UInt8]] = []
    var cell: [UInt8] = []
    var isQuoted = false
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if isQuoted {
        if byte == 0x22, index + 1 < bytes.count, bytes[index + 1] == 0x22 {
          cell.append(0x22)
          index += 1
        } else if byte == 0x22 {
          isQuoted = false
        } else {
          cell.append(byte)
        }
      } else if byte == 0x22 {
        isQuoted = true
      } else if byte == 0x2C || byte == 0x0A {
        record.append(cell)
        cell = []
        if byte == 0x0A {
          records.append(record)
          record = []
        }
      } else {
        cell.append(byte)
      }
      index += 1
    }
    return records
  }
}
