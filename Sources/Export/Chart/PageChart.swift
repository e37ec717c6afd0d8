/// A chart of a page: what it shows, apart from its size.
package struct PageChart: Equatable, Sendable {
  package enum Shape: Equatable, Sendable {
    /// Bars from the left, one below the other.
    case bars(BarChart)
    /// Columns from below, one beside the other.
    case columns(ColumnChart)
  }

  package var title: String
  /// What it shows in words, for those who cannot see it.
  package var description: String
  /// Name of the part whose rows it shows.
  package var source: String
  package var shape: Shape

  var series: [ChartSeries] {
    switch shape {
    case .bars(let chart): chart.series
    case .columns(let chart): chart.series
    }
  }
}

/// One kind of value of a chart, in one colour.
package struct ChartSeries: Equatable, Sendable {
  package var name: String
  package var ink: ChartInk
}

/// The colours of charts, which people with any common colour blindness can tell apart.
///
/// They are the set of Masataka Okabe and Kei Ito ("Color Universal Design", 2008) and two greys. The style
/// sheet holds the values; what was not seen is hatched besides.
package enum ChartInk: String, CaseIterable, Sendable {
  case blue
  case sky
  case green
  case orange
  case vermillion
  case purple
  case grey
  case hatched
}

/// The unit of a chart's axis.
package enum ChartUnit: Equatable, Sendable {
  case hours
  /// 0 … 1 is shown as percent.
  case share
  case count

  /// A value at a tick, in as many digits as the ticks' step needs.
  func tick(_ value: Double, step: Double) -> String {
    switch self {
    case .hours: ChartUnit.plain(value, step: step) + " h"
    case .share: ChartUnit.plain(value * 100, step: step * 100) + "%"
    case .count: ChartUnit.plain(value, step: step)
    }
  }

  private static func plain(_ value: Double, step: Double) -> String {
    if value == 0 { return "0" }
    var decimals = 0
    var scaled = step
    while decimals < 6, abs(scaled - scaled.rounded()) > 1e-9 * max(1, scaled) {
      decimals += 1
      scaled *= 10
    }
    return ChartNumber.fixed(value, decimals: decimals)
  }
}
