import Foundation
import GRDB
import UsageModel

/// Batches that came in envelopes, booked in the transaction that stores their events.
///
/// The collector's database and an agent's spool have the tables for it.
package enum DeliveryLedger {
  /// One in so many new plain spools looks for ones to forget: the table is read for it.
  private static let forgettingInterval = 256

  /// Books a batch: from then on it is known, also after a restart.
  ///
  /// - Returns: whether it was not known before; one that is may come again once its sender is forgotten in memory.
  @discardableResult
  package static func add(_ delivery: DeliveredBatch, receivedMilliseconds: Int64, in database: Database)
    throws -> Bool
  {
    let name = delivery.spool
    let spool = Int64(bitPattern: name.spool)
    var delivered = try ranges(name, in: database)
    let before = delivered
    delivered.insert(delivery.batch...delivery.batch)
    if delivery.oldestBatch > 1 { delivered.insert(1...delivery.oldestBatch - 1) }
    if before.ranges.isEmpty { try forgetOldSpools(of: name.sender, in: database) }
    if delivered != before {
      try database.cachedStatement(sql: "DELETE FROM delivered_batch WHERE sender = ? AND spool = ?")
        .execute(arguments: [name.sender, spool])
      for range in delivered.ranges {
        try database.cachedStatement(
          sql: "INSERT INTO delivered_batch (sender, spool, first, last) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [
          name.sender, spool, Int64(clamping: range.lowerBound), Int64(clamping: range.upperBound),
        ])
      }
    }
    try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO delivery_spool (sender, spool, packet_highest, packet_window, last_received_ms)
        VALUES (?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      name.sender, spool, Int64(bitPattern: delivery.window.highest), Data(delivery.window.bytes),
      receivedMilliseconds,
    ])
    return !before.contains(delivery.batch)
  }

  /// Makes room for one more spool: those heard last stay.
  private static func forgetOldSpools(of sender: String, in database: Database) throws {
    let isPlain = sender.utf8.starts(with: SpoolName.unprovenPrefix.utf8)
    if isPlain && Int.random(in: 0..<forgettingInterval) != 0 { return }
    // A tilde is the last character of ASCII but one.
    let which = isPlain ? "sender >= '~' AND sender < char(127)" : "sender = :sender"
    let kept = isPlain ? SpoolState.plainMax : SpoolState.perSenderMax - 1
    let arguments: StatementArguments = isPlain ? [:] : ["sender": sender]
    try database.execute(
      sql: """
        DELETE FROM delivery_spool WHERE \(which) AND last_received_ms < (
          SELECT last_received_ms FROM delivery_spool WHERE \(which)
          ORDER BY last_received_ms DESC LIMIT 1 OFFSET \(kept - 1))
        """, arguments: arguments)
    if database.changesCount == 0 { return }
    try database.execute(
      sql: """
        DELETE FROM delivered_batch WHERE \(which) AND NOT EXISTS (
          SELECT 1 FROM delivery_spool s WHERE s.sender = delivered_batch.sender
          AND s.spool = delivered_batch.spool)
        """, arguments: arguments)
  }

  private static func ranges(_ name: SpoolName, in database: Database) throws -> NumberRanges {
    var result = NumberRanges()
    let rows = try Row.fetchAll(
      database, sql: "SELECT first, last FROM delivered_batch WHERE sender = ? AND spool = ? ORDER BY first",
      arguments: [name.sender, Int64(bitPattern: name.spool)])
    for row in rows {
      let (first, last) = (UInt64(clamping: row[0] as Int64), UInt64(clamping: row[1] as Int64))
      if first > 0 && last >= first { result.insert(first...last) }
    }
    return result
  }

  /// What is known of the spools heard last.
  package static func spools(limit: Int, in database: Database) throws -> [SpoolName: SpoolState] {
    var result: [SpoolName: SpoolState] = [:]
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT sender, spool, packet_highest, packet_window FROM delivery_spool
        ORDER BY last_received_ms DESC LIMIT ?
        """, arguments: [limit])
    for row in rows {
      let name = SpoolName(sender: row[0], spool: UInt64(bitPattern: row[1] as Int64))
      var state = SpoolState()
      let window = PacketWindow(
        highest: UInt64(bitPattern: row[2] as Int64), bytes: Array(row[3] as Data))
      if let window { state.window = window }
      state.delivered = try ranges(name, in: database)
      result[name] = state
    }
    return result
  }

  /// Adds to the counts of refused packets; sender '' stands for those that proved nothing.
  package static func add(refusals: [PacketRefusal: Int64], in database: Database) throws {
    for (refusal, count) in refusals {
      try database.cachedStatement(
        sql: """
          INSERT INTO packet_refusal (sender, reason, count) VALUES (?, ?, ?)
          ON CONFLICT (sender, reason) DO UPDATE SET count = count + excluded.count
          """
      ).execute(arguments: [refusal.sender, refusal.reason, count])
    }
  }
}
