import UsageModel

/// What an hour and a ticket cost the organisation: settings `cost.hour`, `cost.ticket`, `cost.currency`.
struct CostRates {
  let hour: Double
  let ticket: Double
  /// Three letters of ISO 4217.
  let currency: String

  /// The rates; nil unless all three are set.
  init?(_ data: some UsageData) throws {
    guard let hour = try data.setting("cost.hour").flatMap(Double.init),
      let ticket = try data.setting("cost.ticket").flatMap(Double.init),
      let currency = try data.setting("cost.currency")
    else { return nil }
    self.hour = hour
    self.ticket = ticket
    self.currency = currency
  }

  /// Lost time in money.
  func cost(lostMilliseconds: Int64) -> Double { Double(lostMilliseconds) / 3_600_000 * hour }

  /// Tickets in money.
  func cost(tickets: Int64) -> Double { Double(tickets) * ticket }

  /// The rates by name, for totals.
  var fields: [ReportField] {
    [
      ReportField("cost_currency", .text(currency)), ReportField("cost_hour", .number(hour)),
      ReportField("cost_ticket", .number(ticket)),
    ]
  }

  /// The row key of lost time in money, if there are rates.
  static func lostNames(_ rates: CostRates?) -> [String] { rates == nil ? [] : ["cost_lost"] }

  /// Lost time in money, if there are rates.
  static func values(_ rates: CostRates?, lostMilliseconds: Int64) -> [ReportValue] {
    rates.map { [.number($0.cost(lostMilliseconds: lostMilliseconds))] } ?? []
  }

  /// A warning when only some of the three settings are there.
  static func warnings(_ data: some UsageData) throws -> [String] {
    let names = ["cost.hour", "cost.ticket", "cost.currency"]
    let missing = try names.filter { try data.setting($0) == nil }
    guard !missing.isEmpty, missing.count < names.count else { return [] }
    return ["no cost is shown: \(missing.joined(separator: " and ")) must be set too"]
  }
}
