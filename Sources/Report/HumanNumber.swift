/// Numbers as people read them; exact values are in the formats for programs.
package enum HumanNumber {
  /// What stands for a value that cannot be had.
  package static let absent = "–"

  /// A count with its thousands grouped: `999`, `1,234`.
  package static func count(_ value: Int64) -> String {
    let digits = String(value.magnitude)
    let sign = value < 0 ? "-" : ""
    guard digits.utf8.count > 3 else { return sign + digits }
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.utf8.count - index).isMultiple(of: 3) { grouped += "," }
      grouped.append(digit)
    }
    return sign + grouped
  }

  /// A time: `286 ms`, `3.4 s`, `12m 05s`, `1h 02m`, `1,234 h` from 100 hours on.
  package static func duration(milliseconds: Int64) -> String {
    let sign = milliseconds < 0 ? "-" : ""
    let magnitude = Int64(clamping: milliseconds.magnitude)
    if magnitude < 1_000 { return "\(sign)\(magnitude) ms" }
    let tenths = rounded(magnitude, by: 100)
    if tenths < 600 { return "\(sign)\(tenths / 10).\(tenths % 10) s" }
    let seconds = rounded(magnitude, by: 1_000)
    if seconds < 3_600 { return "\(sign)\(seconds / 60)m \(padded(seconds % 60))s" }
    let minutes = rounded(magnitude, by: 60_000)
    if minutes < 6_000 { return "\(sign)\(minutes / 60)h \(padded(minutes % 60))m" }
    return sign + count(rounded(magnitude, by: 3_600_000)) + " h"
  }

  /// A share as percent with one decimal: `12.3%`.
  package static func share(_ value: Double) -> String { fixed(value * 100, decimals: 1) + "%" }

  /// A number with a fixed count of decimals; far too large ones in scientific notation.
  package static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return absent }
    var scale: Int64 = 1
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value * Double(scale)).rounded()
    guard scaled.magnitude < 1e15 else { return value.description }
    let units = Int64(scaled.magnitude)
    let sign = scaled < 0 ? "-" : ""
    guard decimals > 0 else { return sign + count(units) }
    let fraction = String(units % scale)
    return sign + count(units / scale) + "." + String(repeating: "0", count: decimals - fraction.utf8.count)
      + fraction
  }

  /// A number without a known unit: about three significant digits.
  package static func plain(_ value: Double) -> String {
    switch value.magnitude {
    case 0: "0"
    case 100...: fixed(value, decimals: 0)
    case 10..<100: fixed(value, decimals: 1)
    case 0.1..<10: fixed(value, decimals: 2)
    case 0.0001..<0.1: fixed(value, decimals: 4)
    default: value.isFinite ? value.description : absent
    }
  }

  /// Division rounded half up; `value` is not negative.
  private static func rounded(_ value: Int64, by unit: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: unit)
    return quotient + (remainder * 2 >= unit ? 1 : 0)
  }

  private static func padded(_ value: Int64) -> String { value < 10 ? "0\(value)" : String(value) }
}
