import Testing
import UsageModel

@testable import EventStore

struct MergeOrderTests {
  private struct Rows {
    var time: [Int64] = []
    var feature: [Int64] = []
    var user: [Int64] = []
    var sequence: [Int64] = []

    /// The definition, by comparing.
    var naiveOrder: [UInt32] {
      func key(_ row: Int) -> [Int64] {
        let day = Int64(CivilDay(localMilliseconds: time[row]).number)
        return [day, feature[row], user[row], time[row], sequence[row], Int64(row)]
      }
      return time.indices.sorted { key($0).lexicographicallyPrecedes(key($1)) }.map(UInt32.init)
    }

    var order: [UInt32] {
      time.withUnsafeBufferPointer { time in
        feature.withUnsafeBufferPointer { feature in
          user.withUnsafeBufferPointer { user in
            sequence.withUnsafeBufferPointer { sequence in
              MergeOrder.rows(
                MergeOrder.Columns(time: time, feature: feature, user: user, sequence: sequence))
            }
          }
        }
      }
    }
  }

  /// How far apart values are: one word of key, several, and every bit.
  enum Spread: CaseIterable, Sendable {
    case same, few, ordinary, wide, everything

    func value(_ ordinary: ClosedRange<Int64>, _ random: inout SeededRandom) -> Int64 {
      switch self {
      case .same: ordinary.lowerBound
      case .few: ordinary.lowerBound + Int64.random(in: 0...3, using: &random)
      case .ordinary: Int64.random(in: ordinary, using: &random)
      case .wide: Int64.random(in: -(1 << 45)...(1 << 45), using: &random)
      case .everything:
        Bool.random(using: &random)
          ? Int64.random(in: .min ... .max, using: &random)
          : [.min, .max, 0, -1, 1].randomElement(using: &random) ?? 0
      }
    }
  }

  @Test(arguments: Spread.allCases, Spread.allCases)
  func sortsAsComparingDoes(times: Spread, names: Spread) {
    var random = SeededRandom(seed: 4_711)
    for count in [0, 1, 2, 3, 100, 2_500] {
      var rows = Rows()
      for _ in 0..<count {
        let start = SomeEvent.start
        rows.time.append(times.value(start...start + 5 * SomeEvent.day, &random))
        rows.feature.append(names.value(1...1_000, &random))
        rows.user.append(names.value(1...100_000, &random))
        rows.sequence.append(Spread.few.value(0...9, &random))
      }
      #expect(rows.order == rows.naiveOrder, "\(times), \(names), \(count) rows")
    }
  }
}
