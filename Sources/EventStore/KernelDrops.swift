import GRDB

/// Datagrams that the kernel dropped, by the hour in which the collector learned of it.
///
/// They stand beside losses by number and are never added to them, as they may be the same events.
package struct KernelDrops: Equatable, Sendable {
  /// The hour's start, milliseconds since 1970 UTC.
  package var hourMilliseconds: Int64
  /// Which socket.
  package var transport: String
  package var count: Int64

  package init(hourMilliseconds: Int64, transport: String, count: Int64) {
    self.hourMilliseconds = hourMilliseconds
    self.transport = transport
    self.count = count
  }

  package static let hourMilliseconds: Int64 = 3_600_000
  /// Hours remembered, ten years: at most three rows an hour.
  private static let hoursMax: Int64 = 87_600

  static func add(
    _ count: Int64, transport: String, receivedMilliseconds: Int64, in database: Database
  ) throws {
    guard count > 0 else { return }
    let hour = receivedMilliseconds / hourMilliseconds
    try database.cachedStatement(
      sql: """
        INSERT INTO kernel_drop (hour, transport, count) VALUES (?, ?, ?)
        ON CONFLICT (hour, transport) DO UPDATE SET count = count + excluded.count
        """
    ).execute(arguments: [hour, transport, count])
    try database.cachedStatement(sql: "DELETE FROM kernel_drop WHERE hour < ?")
      .execute(arguments: [hour - hoursMax])
  }

  /// All hours with drops, the earliest first.
  package static func all(in database: Database) throws -> [KernelDrops] {
    try Row.fetchAll(
      database, sql: "SELECT hour, transport, count FROM kernel_drop ORDER BY hour, transport"
    ).map {
      KernelDrops(hourMilliseconds: ($0[0] as Int64) * hourMilliseconds, transport: $0[1], count: $0[2])
    }
  }
}
