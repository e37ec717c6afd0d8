/// How long to wait before trying again: twice as long each time, spread over the whole time, so that many
/// senders that lost one collector do not come back at once.
package struct Backoff: Equatable, Sendable {
  /// Never less: the time an answer usually needs.
  package var floorMilliseconds: Int64
  /// The spread of the first wait.
  package var baseMilliseconds: Int64
  /// The largest spread.
  package var capMilliseconds: Int64

  package init(floorMilliseconds: Int64, baseMilliseconds: Int64, capMilliseconds: Int64) {
    self.floorMilliseconds = floorMilliseconds
    self.baseMilliseconds = baseMilliseconds
    self.capMilliseconds = capMilliseconds
  }

  /// The wait after so many failed attempts.
  package func delay(attempt: Int, using random: inout some RandomNumberGenerator) -> Int64 {
    let doubled = baseMilliseconds << Int64(min(max(attempt, 0), 20))
    let spread = max(0, min(capMilliseconds, doubled))
    return floorMilliseconds + Int64.random(in: 0...spread, using: &random)
  }
}
