import UsageModel

/// Reads a catalog: which features are expected of whom.
package enum CatalogFile {
  static let columns = [
    "app", "feature", "roles", "target_days", "target_ms", "category", "critical", "automatic",
  ]

  /// Reads all rows; a feature that comes twice keeps its last row, and a warning says so.
  ///
  /// - Parameter existing: rows already there, for `--merge`.
  /// - Throws: `ImportError` when there is no usable header.
  package static func read(
    _ input: ByteInput, existing: [CatalogRow] = []
  ) throws -> (rows: [CatalogRow], result: ImportResult) {
    var file = try TableFile("catalog", input, required: ["app", "feature"], known: columns)
    var rows = existing
    var places: [[Utf8Key]: Int] = [:]
    for (index, row) in existing.enumerated() { places[key(row)] = index }
    while let record = try file.next() {
      guard let row = row(record, &file) else { continue }
      if let place = places[key(row)] {
        if place >= existing.count {
          file.countDuplicate()
          file.warn(
            "line \(record.line): \(row.app) / \(row.feature) stands twice; this row replaces the earlier")
        } else {
          file.accept()
        }
        rows[place] = row
      } else {
        places[key(row)] = rows.count
        rows.append(row)
        file.accept()
      }
    }
    return (rows, file.result)
  }

  private static func key(_ row: CatalogRow) -> [Utf8Key] { [Utf8Key(row.app), Utf8Key(row.feature)] }

  private static func row(_ record: TableFile.Record, _ file: inout TableFile) -> CatalogRow? {
    if record["app"].isEmpty {
      file.reject("missing_app", record)
    } else if record["feature"].isEmpty {
      file.reject("missing_feature", record)
    } else if let days = CellText.integer(record["target_days"], 1...366, whenEmpty: 1) {
      guard let target = CellText.integer(record["target_ms"], 0...Int64(UInt32.max), whenEmpty: -1) else {
        file.reject("target_ms", record, "use whole milliseconds")
        return nil
      }
      guard let isCritical = CellText.boolean(record["critical"]),
        let isAutomatic = CellText.boolean(record["automatic"])
      else {
        file.reject("switch", record, "critical and automatic take true or false")
        return nil
      }
      return CatalogRow(
        app: record["app"], feature: record["feature"],
        roles: record["roles"].split(separator: ";").map(String.init), targetDays: Int(days),
        targetMilliseconds: target < 0 ? nil : target, category: record["category"],
        isCritical: isCritical, isAutomatic: isAutomatic)
    } else {
      file.reject("target_days", record, "use a whole number from 1 to 366")
    }
    return nil
  }
}
