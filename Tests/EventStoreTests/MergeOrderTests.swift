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
    func naivelySorted(_ rows: [UInt32]) -> [UInt32] {
      func key(_ row: UInt32) -> [Int64] {
        let row = Int(row)
        return [feature[row], user[row], time[row], sequence[row], Int64(row)]
      }
      return rows.sorted { key($0).lexicographicallyPrecedes(key($1)) }
    }

    func sorted(_ rows: [UInt32]) -> [UInt32] {
      var rows = rows
      time.withUnsafeBufferPointer { time in
        feature.withUnsafeBufferPointer { feature in
          user.withUnsafeBufferPointer { user in
            sequence.withUnsafeBufferPointer { sequence in
              rows.withUnsafeMutableBufferPointer {
                MergeOrder.sort(
                  $0, of: MergeOrder.Columns(time: time, feature: feature, user: user, sequence: sequence))
              }
            }
          }
        }
      }
      return rows
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
      let all = (0..<UInt32(count)).map { $0 }
      let some = all.filter { _ in Bool.random(using: &random) }
      for chosen in [all, some] {
        #expect(rows.sorted(chosen) == rows.naivelySorted(chosen), "\(times), \(names), \(count) rows")
      }
    }
  }

  /// Rows of each day, by day, in order of arrival.
  @Test(arguments: Spread.allCases)
  func groupsByDay(times: Spread) {
    var random = SeededRandom(seed: 4_712)
    for count in [0, 1, 2, 3, 100, 2_500] {
      let start = SomeEvent.start
      let time = (0..<count).map { _ in times.value(start...start + 5 * SomeEvent.day, &random) }
      let naive = Dictionary(grouping: time.indices) { CivilDay(localMilliseconds: time[$0]).number }
        .sorted { $0.key < $1.key }
      time.withUnsafeBufferPointer { time in
        let grouped = MergeDays(time)
        let rows = grouped.days.map { grouped.rows[$0.places].map(Int.init) }
        #expect(grouped.days.map(\.day) == naive.map(\.key), "\(times), \(count) rows")
        #expect(rows == naive.map(\.value), "\(times), \(count) rows")
      }
    }
  }
}
