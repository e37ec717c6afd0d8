import UsageModel

/// What the store received since it was made, and what it knows it did not.
package struct CollectionLedger: Equatable, Sendable {
  /// Name of a count as `waterline status` shows it, and the count.
  package var counts: [(name: String, count: Int64)]

  package init(_ counts: [(name: String, count: Int64)]) { self.counts = counts }

  package static func == (left: CollectionLedger, right: CollectionLedger) -> Bool {
    left.counts.elementsEqual(right.counts) { $0 == $1 }
  }

  /// As a part: name, count and what it means.
  func part(like document: ReportDocument) -> ExportPart {
    .made(
      "collection", method: "waterline-status/1", like: document, columns: ["name", "count", "meaning"],
      rows: counts.map { [.text($0.name), .integer($0.count), .text(Self.meaning(of: $0.name))] })
  }

  private static func meaning(of name: String) -> String {
    switch name {
    case "stored": "events in the store's ledger"
    case "duplicate": "came again and were left out"
    case "conflict": "came again and differed from the stored ones"
    case "rejected": "were refused, each for a reason"
    case "lost": "were numbered by their sender and never arrived"
    case "dead_letters": "refused events kept word for word"
    case _ where name.hasPrefix("rejected."): "refused for this reason"
    case _ where name.hasPrefix("kernel_drops"): "dropped by the kernel before they could be read"
    default: "counted by the collector"
    }
  }
}
