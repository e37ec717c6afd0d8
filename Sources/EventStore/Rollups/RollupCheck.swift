import GRDB
import UsageModel

/// Compares every rollup with the events that it counts.
package struct RollupCheck {
  /// Rollups in all.
  package private(set) var count = 0
  /// Those that say what their chunks say.
  package private(set) var compared = 0
  /// Those that stand for pruned events, and can be read.
  package private(set) var pruned = 0
  /// Those whose chunks say something else, or whose bytes cannot be read.
  package private(set) var wrong: [RollupDamage] = []
  /// Those that cannot be read, and whose events are pruned.
  package private(set) var lost: [RollupDamage] = []
  package private(set) var lostEventCount = 0

  /// - Complexity: O(events that rollups cover).
  package init(_ database: Database) throws {
    let chunks = try ChunkRow.all(in: database)
    let chunkOfID = Dictionary(uniqueKeysWithValues: chunks.map { ($0.id, $0) })
    let rules = try ZoneLoading.organisationRules(chunks, in: database)
    for rollup in try Rollup.all(.dayCells, in: database) {
      count += 1
      let covered = rollup.covered.compactMap { chunkOfID[$0] }
      let isIntact = !covered.isEmpty && covered.count == rollup.covered.count
      do {
        let cells = try RollupReader(database).cells(of: rollup)
        if cells.reduce(0, { $0 + $1.eventCount }) != Int64(rollup.eventCount) {
          throw RollupDamage(rollup: rollup.id, reason: "its cells do not add up to its events")
        }
        if rollup.isPruned {
          pruned += 1
        } else if let rules, isIntact, rollup.offsets == rules.offsets(ofUTCDay: rollup.day) {
          try Self.compare(cells, of: rollup, covered, rules, in: database)
          compared += 1
        }
      } catch let damage as RollupDamage {
        if rollup.isPruned {
          lost.append(damage)
          lostEventCount += rollup.eventCount
        } else {
          wrong.append(damage)
        }
      } catch is ChunkDamage {
        // The chunk is reported, and set aside; the rollup is void then.
      }
    }
  }

  /// Rollups of pruned events that cannot be read.
  package static func lost(in database: Database) throws -> [Rollup] {
    try Rollup.all(.dayCells, in: database).filter { rollup in
      guard rollup.isPruned else { return false }
      do {
        _ = try RollupReader(database).cells(of: rollup)
        return false
      } catch is RollupDamage {
        return true
      }
    }
  }

  private static func compare(
    _ cells: [DayCell], of rollup: Rollup, _ chunks: [ChunkRow], _ rules: ZoneRules, in database: Database
  ) throws {
    var counts = DayCells()
    let reader = ChunkReader(database)
    for chunk in chunks { try counts.add(chunk, reader, rules: rules) }
    counts.combine()
    guard counts.cells == cells else {
      throw RollupDamage(rollup: rollup.id, reason: "its cells are not what its events add up to")
    }
  }
}
