import UsageModel
import WireFormat

/// Times as service desks export them.
package enum ExportTime {
  /// Which of two numbers of a date comes first where the year does not.
  ///
  /// It is said by whoever imports, never guessed: 3/4/2024 is a day in either.
  package enum DateOrder: String, CaseIterable, Sendable {
    case day
    case month
  }

  /// Milliseconds since 1970 UTC of RFC 3339, integer milliseconds, or a local time of the zone.
  ///
  ///     2024-03-12 15:45[:10]   2024/03/12 15:45   2024-03-12T15:45   2024-03-12
  ///     12/3/2024 15:45[:10]    12-03-2024 3:45 PM   12.03.24
  ///     12/Mar/24 3:45 PM
  ///
  /// Numbers without a month's name are day, month, year unless the year stands first; with `order` `month`
  /// they are month, day, year. A year of two digits is of this century. A date alone means its midnight.
  /// - Returns: nil for anything else, a day that does not exist (so most dates in the other order) included.
  static func milliseconds(_ text: String, _ zone: ZoneRules, order: DateOrder = .day) -> Int64? {
    if let exact = TimestampParser.milliseconds(text) { return exact }
    let bytes = Array(text.utf8)
    guard bytes.count <= 40 else { return nil }
    if bytes.count > 10, let number = Int64(text) {
      return number >= EventLimits.earliestTimeMilliseconds ? number : nil
    }
    var cursor = Cursor(bytes)
    guard let day = cursor.date(order), let timeOfDay = cursor.timeOfDay() else { return nil }
    return zone.utcMilliseconds(local: day.startMilliseconds + timeOfDay)
  }

  /// Walks over the bytes of one text.
  private struct Cursor {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func number(digitsMax: Int) -> (value: Int, digits: Int)? {
      var value = 0
      var digits = 0
      while let byte = current, (0x30...0x39).contains(byte), digits < digitsMax {
        value = value * 10 + Int(byte - 0x30)
        digits += 1
        position += 1
      }
      return digits > 0 ? (value, digits) : nil
    }

    private mutating func take(_ accepted: [UInt8]) -> UInt8? {
      guard let byte = current, accepted.contains(byte) else { return nil }
      position += 1
      return byte
    }

    mutating func date(_ order: DateOrder) -> CivilDay? {
      let separators = [UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: ".")]
      guard let first = number(digitsMax: 4), let separator = take(separators) else { return nil }
      let named = monthName()
      guard let second = named ?? number(digitsMax: 2)?.value, take([separator]) != nil,
        let last = number(digitsMax: 4)
      else { return nil }
      if first.digits == 4 { return CivilDay(year: first.value, month: second, day: last.value) }
      guard last.digits == 4 || last.digits == 2, first.digits <= 2 else { return nil }
      let year = last.digits == 2 ? 2_000 + last.value : last.value
      let isMonthFirst = order == .month && named == nil
      return isMonthFirst
        ? CivilDay(year: year, month: first.value, day: second)
        : CivilDay(year: year, month: second, day: first.value)
    }

    /// The first letters of an English month.
    private mutating func monthName() -> Int? {
      let start = position
      while let byte = current, (0x61...0x7A).contains(byte | 0x20) { position += 1 }
      let name = bytes[start..<position].map { $0 | 0x20 }
      guard name.count >= 3 else { return nil }
      return Self.months.firstIndex { $0.starts(with: name.prefix(3)) && $0.starts(with: name) }.map {
        $0 + 1
      }
    }

    private static let months = [
      "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
      "november", "december",
    ].map { Array($0.utf8) }

    /// Milliseconds since midnight; 0 where nothing follows the date.
    mutating func timeOfDay() -> Int64? {
      if position == bytes.count { return 0 }
      let blank: [UInt8] = [UInt8(ascii: " "), UInt8(ascii: "T"), UInt8(ascii: ",")]
      guard take(blank) != nil else { return nil }
      while take([UInt8(ascii: " ")]) != nil {}
      guard var hour = number(digitsMax: 2)?.value, take([UInt8(ascii: ":")]) != nil,
        let minute = number(digitsMax: 2), minute.digits == 2, minute.value < 60
      else { return nil }
      var second = 0
      if take([UInt8(ascii: ":")]) != nil {
        guard let number = number(digitsMax: 2), number.digits == 2, number.value < 60 else { return nil }
        second = number.value
        if take([UInt8(ascii: ".")]) != nil, self.number(digitsMax: 9) == nil { return nil }
      }
      guard applyHalf(&hour), position == bytes.count, hour < 24 else { return nil }
      return Int64((hour * 60 + minute.value) * 60 + second) * 1_000
    }

    /// Applies AM or PM, if one follows.
    private mutating func applyHalf(_ hour: inout Int) -> Bool {
      while take([UInt8(ascii: " ")]) != nil {}
      guard let half = take(Array("aApP".utf8)) else { return true }
      guard take(Array("mM".utf8)) != nil, (1...12).contains(hour) else { return false }
      hour = hour % 12 + (half | 0x20 == UInt8(ascii: "p") ? 12 : 0)
      return true
    }
  }
}
