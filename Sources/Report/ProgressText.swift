/// How far a long piece of work is, in one line: a bar, the rate, and the time that is left.
package struct ProgressText: Equatable, Sendable {
  /// What is counted.
  package enum Unit: Equatable, Sendable {
    case bytes
    /// Things of this name in the plural, such as `events`.
    case things(String)
  }

  private static let barColumns = 24
  /// Before this the rate is a guess.
  private static let millisecondsMin: Int64 = 300

  package var title: String
  package var unit: Unit
  package var done: Int64
  /// Nil while nobody knows.
  package var total: Int64?
  package var elapsedMilliseconds: Int64

  package init(title: String, unit: Unit, done: Int64, total: Int64?, elapsedMilliseconds: Int64) {
    self.title = title
    self.unit = unit
    self.done = max(0, done)
    self.total = total
    self.elapsedMilliseconds = max(0, elapsedMilliseconds)
  }

  /// The line, cut to a width: `importing: ████████░░░░ 33.3%, 41.0 MB/s, 12.1 s left`.
  package func line(columns: Int) -> String {
    var parts = [share ?? amount]
    if elapsedMilliseconds >= Self.millisecondsMin, done > 0 {
      parts.append(rate)
      if let remaining { parts.append("\(HumanNumber.duration(milliseconds: remaining)) left") }
    }
    return DisplayWidth.truncate("\(title): " + parts.joined(separator: ", "), to: max(0, columns))
  }

  private var fraction: Double? {
    total.flatMap { $0 > 0 ? min(1, Double(done) / Double($0)) : nil }
  }

  private var share: String? {
    fraction.map { fraction in
      let filled = Int(fraction * Double(Self.barColumns))
      return String(repeating: "█", count: filled)
        + String(repeating: "░", count: Self.barColumns - filled) + " " + HumanNumber.share(fraction)
    }
  }

  private var amount: String {
    switch unit {
    case .bytes: HumanNumber.fixed(Double(done) / 1e6, decimals: 1) + " MB"
    case .things(let name): HumanNumber.count(done) + " " + name
    }
  }

  private var rate: String {
    let aSecond = Double(done) * 1_000 / Double(max(1, elapsedMilliseconds))
    return switch unit {
    case .bytes: HumanNumber.fixed(aSecond / 1e6, decimals: 1) + " MB/s"
    case .things(let name): HumanNumber.plain(aSecond) + " \(name)/s"
    }
  }

  /// As long as the rest takes at the rate so far.
  private var remaining: Int64? {
    fraction.flatMap { fraction in
      fraction > 0 ? Int64((1 - fraction) / fraction * Double(elapsedMilliseconds)) : nil
    }
  }
}
