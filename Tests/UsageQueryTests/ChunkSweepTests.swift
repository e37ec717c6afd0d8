import Aggregation
import ColumnChunk
import Foundation
import GRDB
import Testing
import UsageModel

@testable import EventStore
@testable import UsageQuery

/// Stored chunks, read by several workers, are the events that the plain reader finds.
struct ChunkSweepTests {
  /// Everybody on a machine of their own, as it is at work: sources are then stored by user.
  private func filled() throws -> RollupFixture {
    let fixture = try RollupFixture()
    var random = FixtureRandom(seed: 11)
    let events = (0..<6_000).map { index in
      let person = Int.random(in: 0..<40, using: &random)
      var event = UsageEvent(
        timeMilliseconds: RollupFixture.start + Int64(index) * 1_000, user: "user\(person)", app: "crm",
        feature: "step\(index % 7)")
      // Spread by a hash, so that neither a run nor a range tells a person's source.
      event.source = "pc-\((person * 7_919) % 104_729)"
      event.sequence = UInt64(index + 1)
      event.durationMilliseconds = UInt32(index % 900)
      return event
    }
    try fixture.commit(events)
    try fixture.merge()
    return fixture
  }

  @Test func sourcesThatAreStoredByUserAreRead() throws {
    let fixture = try filled()
    try fixture.store.read { database in
      let chunks = try ChunkRow.all(in: database)
      let reader = ChunkReader(database)
      let byUser = try chunks.filter {
        try reader.withColumn(.source, of: $0) { bytes in bytes.map { ColumnDecoder.isByUser($0) } ?? false }
      }
      #expect(byUser.count == chunks.count)
      let sweep = ChunkSweep(chunks, try SharedChunkReader(database))
      var found: [(Int, [UInt32], [Int64])] = []
      let lock = NSLock()
      try sweep.forEach(columns: { _ in [.user, .source, .sequence] }) { _, number, chunk in
        let sources = (0..<chunk.rowCount).map { UInt32(chunk.source[$0]) }
        let numbers = (0..<chunk.rowCount).map { chunk.sequence[$0] }
        lock.withLock { found.append((number, sources, numbers)) }
      }
      #expect(found.count == chunks.count)
      for (number, sources, numbers) in found {
        let content = try ChunkContent(chunks[number], reader)
        #expect(sources.map(Int64.init) == content[.source])
        #expect(numbers == content[.sequence])
      }
    }
  }

  /// Sums of times must not overflow, whatever a file says.
  @Test(arguments: ["time_max_ms = time_max_ms - 1", "time_min_ms = time_min_ms + 1"])
  func timesOutsideTheChunksBoundsAreDamage(change: String) throws {
    let fixture = try filled()
    try fixture.execute("UPDATE chunk SET \(change)")
    try fixture.store.read { database in
      let sweep = ChunkSweep(try ChunkRow.all(in: database), try SharedChunkReader(database))
      try sweep.forEach(columns: { _ in [.user] }) { _, _, _ in }
      #expect(throws: ChunkDamage.self) {
        try sweep.forEach(columns: { _ in [.user, .time] }) { _, _, _ in }
      }
    }
  }
}
