import UsageModel

/// Money, only where the organisation gave its rates.
enum CostNotes {
  /// What an amount of lost time costs, or that no rate is given.
  static func lost(_ part: ExportPart) -> Prose {
    guard let currency = part.total("cost_currency").name, part.value("cost_lost") != .null else {
      return "no rate given"
    }
    return "\(part.figure("cost_lost").worded(Wording.money)) \(name: currency)"
  }

  /// The rates, or how to give them.
  static func rates(_ part: ExportPart) -> Prose {
    guard let currency = part.total("cost_currency").name else {
      return
        "Cost: no rate given. The settings cost.hour, cost.ticket and cost.currency put lost time and tickets in money."
    }
    return
      "Cost: an hour at \(part.totalFigure("cost_hour").worded(Wording.rate)) and a ticket at \(part.totalFigure("cost_ticket").worded(Wording.rate)) \(name: currency), as the organisation set them, and no more exact than that."
  }
}
