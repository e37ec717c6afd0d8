import Glibc

/// An axis from 0 to a round number, with ticks at 1, 2 or 5 times a power of ten.
///
/// After P. S. Heckbert, "Nice numbers for graph labels", *Graphics Gems*, 1990.
struct NiceScale: Equatable {
  /// The axis's end; above 0.
  let end: Double
  let step: Double

  /// - Parameters:
  ///   - maximum: the largest value to show; an axis of nothing ends at 1.
  ///   - ticksMax: ticks behind the one at 0, at least 1.
  init(maximum: Double, ticksMax: Int) {
    let top = maximum.isFinite && maximum > 0 ? maximum : 1
    let wanted = top / Double(max(1, ticksMax))
    let power = Self.powerOfTen(below: wanted)
    step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= wanted * (1 - 1e-9) } ?? 10 * power
    end = (top / step * (1 - 1e-9)).rounded(.up) * step
  }

  /// An axis whose end is given: shares up to 1.
  init(end: Double, step: Double) {
    self.end = end
    self.step = step
  }

  /// Ticks from 0 to the end.
  var ticks: [Double] { (0...Int((end / step).rounded())).map { Double($0) * step } }

  private static func powerOfTen(below value: Double) -> Double {
    let exponent = max(-300, min(300, log10(value).rounded(.down)))
    // pow of whole exponents up to 22 is exact; correct a power that log10 rounded the wrong way.
    let power = pow(10, exponent)
    return power > value ? power / 10 : power
  }
}
