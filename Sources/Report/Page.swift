import UsageModel

/// A result in words: what `table` and `markdown` both show, before any layout.
struct Page {
  /// Parts of the title; empty for none.
  var title: [String] = []
  /// Totals worth a mention, as `name value`.
  var totals: [String] = []
  var table: TextTable
  /// How many rows the limit left out.
  var hiddenRowCount = 0
  /// Sentences under the table.
  var notes: [String] = []
  /// Lists under the notes.
  var asides: [GenericTable.Aside] = []
  var warnings: [String] = []

  init(_ document: ReportDocument, rows: ArraySlice<[ReportValue]>, options: RenderOptions) {
    title = Self.title(of: document)
    totals = document.totals.filter(Self.isWorthShowing).map { field in
      let wording = ColumnWording(name: field.name)
      return "\(wording.header) \(wording.text(field.value))"
    }
    table = TextTable(columns: document.columns, rows: rows, style: .human, report: document.report)
    hiddenRowCount = document.rows.count - rows.count
    notes = Self.suppressionNote(document.totals, minimumGroup: options.minimumGroup)
    warnings = document.warnings.map(SafeText.escaping)
  }

  init(_ generic: GenericTable, rows: ArraySlice<[ReportValue]>) {
    title = generic.title.map { [SafeText.escaping($0)] } ?? []
    table = TextTable(columns: generic.columns, rows: rows, style: generic.style, report: "")
    hiddenRowCount = generic.rows.count - rows.count
    asides = generic.asides
    warnings = generic.warnings.map(SafeText.escaping)
  }

  private static func title(of document: ReportDocument) -> [String] {
    let days = document.window.dayCount
    return [
      document.report,
      "\(document.window.from) → \(document.window.to)"
        + " (\(days) \(days == 1 ? "day" : "days"), \(document.timeZoneName))",
      "population: \(document.population)",
      "catalog: \(document.catalog)",
      document.method,
    ].map(SafeText.escaping)
  }

  /// Counts of people and events that were set aside are news only when there are some.
  private static func isWorthShowing(_ field: ReportField) -> Bool {
    switch field.name {
    case "outside_people", "outside_events", "too_new", "suppressed": field.value != .integer(0)
    default: true
    }
  }

  private static func suppressionNote(_ totals: [ReportField], minimumGroup: Int) -> [String] {
    for field in totals where field.name == "suppressed" {
      guard case .integer(let count) = field.value, count > 0 else { return [] }
      let subject = count == 1 ? "1 row" : "\(HumanNumber.count(count)) rows"
      return ["\(subject) about fewer than \(minimumGroup) people \(count == 1 ? "is" : "are") not shown"]
    }
    return []
  }
}
