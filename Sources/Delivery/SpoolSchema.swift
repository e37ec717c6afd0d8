import GRDB

/// Tables of a spool file.
enum SpoolSchema {
  /// "WLSP": what `file` and other tools tell the spool by.
  static let applicationID: Int32 = 0x574C_5350

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 spool") { database in
      try database.execute(
        sql: """
          -- spool_id, next_batch, next_packet, next_sequence
          CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
          CREATE TABLE batch (
            number INTEGER PRIMARY KEY, created_ms INTEGER NOT NULL, byte_count INTEGER NOT NULL,
            payload BLOB NOT NULL);
          -- Sizes are added up with each append: not through the payloads.
          CREATE INDEX batch_by_age ON batch (created_ms, byte_count);
          -- Which numbers a batch carries: kind 0 events, 1 withheld, 2 dropped.
          CREATE TABLE batch_range (
            batch INTEGER NOT NULL REFERENCES batch ON DELETE CASCADE, kind INTEGER NOT NULL,
            source TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
          CREATE INDEX batch_range_by_batch ON batch_range (batch);
          """)
    }
    migrator.registerMigration("2 intake") { try $0.execute(sql: intake) }
    return migrator
  }

  /// What an agent knows of those who send to it, and events that may still grow.
  private static let intake = """
    -- Batches of local senders that are in here, as the collector keeps them of its senders.
    CREATE TABLE delivered_batch (
      sender TEXT NOT NULL, spool INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
      PRIMARY KEY (sender, spool, first)) WITHOUT ROWID;
    CREATE TABLE delivery_spool (
      sender TEXT NOT NULL, spool INTEGER NOT NULL, packet_highest INTEGER NOT NULL,
      packet_window BLOB NOT NULL, last_received_ms INTEGER NOT NULL,
      PRIMARY KEY (sender, spool)) WITHOUT ROWID;
    -- Which account may number under a source.
    CREATE TABLE source_owner (source TEXT PRIMARY KEY, login TEXT NOT NULL) WITHOUT ROWID;
    -- JSON lines of heartbeats that the next one may extend.
    CREATE TABLE open_focus (line TEXT NOT NULL, extended_ms INTEGER NOT NULL);
    """
}
