import Testing

@testable import Aggregation

struct RankOrderTests {
  /// Few bits, many bits, and more than fit one number.
  @Test(arguments: [(1, 3), (3, 1_000), (2, Int32.max), (3, Int32.max), (7, 5_000)] as [(Int, Int32)])
  func keysAreComparedColumnByColumn(columns: Int, largest: Int32) {
    var random = SeededRandom(seed: UInt64(columns) &* 31 &+ UInt64(largest))
    for _ in 0..<20 {
      let keys = (0..<200).map { _ in
        (0..<columns).map { _ in
          Int32.random(in: 0...(Bool.random(using: &random) ? largest : 2), using: &random)
        }
      }
      let slow = keys.indices.map { (keys[$0], $0) }.sorted {
        $0.0 == $1.0 ? $0.1 < $1.1 : $0.0.lexicographicallyPrecedes($1.0)
      }
      let found = RankOrder.order(rowCount: keys.count, columnCount: columns) { keys[$0][$1] }
      #expect(found == slow.map(\.1))
    }
    #expect(RankOrder.order(rowCount: 0, columnCount: 1) { _, _ in 0 }.isEmpty)
    #expect(RankOrder.order(rowCount: 2, columnCount: 0) { _, _ in 0 } == [0, 1])
  }
}
