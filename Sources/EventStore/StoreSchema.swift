import GRDB

/// The database's tables, version by version; `schemas/store.sql` is the same for readers.
enum StoreSchema {
  /// "WLN1": tells a Waterline database from any other SQLite file.
  static let applicationID: Int32 = 0x574C_4E31

  /// Every migration ever released, in order: append, never change one.
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 events, names, ledger, organisation") { database in
      try database.execute(sql: version1)
    }
    migrator.registerMigration("2 delivery") { try $0.execute(sql: delivery) }
    migrator.registerMigration("3 care") { database in try database.execute(sql: care) }
    migrator.registerMigration("4 rollups") { database in try database.execute(sql: rollups) }
    migrator.registerMigration("5 people") { database in try database.execute(sql: people) }
    migrator.registerMigration("6 answers") { database in try database.execute(sql: answers) }
    migrator.registerMigration("7 cheap new names") { database in try database.execute(sql: cheapNames) }
    migrator.registerMigration("8 damaged pages") { database in try database.execute(sql: damagedPages) }
    migrator.registerMigration("9 clock") { database in
      try database.execute(
        sql: "CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), day INTEGER NOT NULL)")
    }
    return migrator
  }

  private static let version1 = """
    PRAGMA application_id = 1464618545;

    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

    CREATE TABLE user_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE feature_name (id INTEGER PRIMARY KEY, app TEXT NOT NULL, feature TEXT);
    CREATE UNIQUE INDEX feature_name_by_text ON feature_name (app, ifnull(feature, ''));
    CREATE TABLE label (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

    CREATE TABLE source (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
      stored INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0,
      conflict INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0,
      first_received_ms INTEGER, last_received_ms INTEGER);
    INSERT INTO source (id, name) VALUES (0, '');
    CREATE TABLE source_rejection (
      source INTEGER NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
      PRIMARY KEY (source, reason)) WITHOUT ROWID;
    CREATE TABLE sequence_range (
      source INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
      first_time_ms INTEGER NOT NULL, last_time_ms INTEGER NOT NULL,
      PRIMARY KEY (source, first)) WITHOUT ROWID;
    CREATE TABLE sequence_rejected (
      source INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (source, sequence)) WITHOUT ROWID;

    CREATE TABLE chunk (
      id INTEGER PRIMARY KEY, day INTEGER, run INTEGER NOT NULL, row_count INTEGER NOT NULL,
      time_min_ms INTEGER NOT NULL, time_max_ms INTEGER NOT NULL, byte_count INTEGER NOT NULL);
    CREATE INDEX chunk_by_day ON chunk (day);
    CREATE TABLE chunk_column (id INTEGER PRIMARY KEY, data BLOB NOT NULL);

    CREATE TABLE dead_letter (
      id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL, transport TEXT NOT NULL,
      source TEXT, reason TEXT NOT NULL, byte_count INTEGER NOT NULL, bytes BLOB NOT NULL);
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

    CREATE TABLE roster (
      id INTEGER PRIMARY KEY, user TEXT NOT NULL, department TEXT NOT NULL, role TEXT NOT NULL,
      site TEXT NOT NULL, manager TEXT NOT NULL, active_from TEXT, active_to TEXT,
      service INTEGER NOT NULL);
    CREATE TABLE roster_alias (alias TEXT PRIMARY KEY, user TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE catalog (
      app TEXT NOT NULL, feature TEXT NOT NULL, roles TEXT NOT NULL, target_days INTEGER NOT NULL,
      target_ms INTEGER, category TEXT NOT NULL, critical INTEGER NOT NULL, automatic INTEGER NOT NULL,
      PRIMARY KEY (app, feature)) WITHOUT ROWID;
    CREATE TABLE ticket (
      id TEXT PRIMARY KEY, requester TEXT NOT NULL, opened_ms INTEGER NOT NULL,
      first_response_ms INTEGER, resolved_ms INTEGER, reopened INTEGER NOT NULL, app TEXT,
      category TEXT NOT NULL, priority TEXT NOT NULL, state TEXT NOT NULL, satisfaction REAL,
      effort_minutes INTEGER, "group" TEXT NOT NULL, owner TEXT NOT NULL, reassignments INTEGER NOT NULL,
      level TEXT NOT NULL, comment TEXT NOT NULL);

    CREATE TABLE benchmark_set (
      name TEXT PRIMARY KEY, from_day TEXT NOT NULL, to_day TEXT NOT NULL, time_zone TEXT NOT NULL,
      published_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE benchmark_row (
      set_name TEXT NOT NULL REFERENCES benchmark_set (name) ON DELETE CASCADE, app TEXT NOT NULL,
      feature TEXT NOT NULL, benchmark_ms INTEGER, benchmark_kind TEXT NOT NULL,
      PRIMARY KEY (set_name, app, feature)) WITHOUT ROWID;
    CREATE TABLE intervention (
      name TEXT NOT NULL, cohort TEXT NOT NULL, kind TEXT NOT NULL, app TEXT, feature TEXT,
      start_ms INTEGER NOT NULL, end_ms INTEGER, note TEXT NOT NULL,
      PRIMARY KEY (name, cohort)) WITHOUT ROWID;
    CREATE TABLE change (
      name TEXT NOT NULL, cohort TEXT NOT NULL, kind TEXT NOT NULL, app TEXT, feature TEXT,
      start_ms INTEGER NOT NULL, end_ms INTEGER, note TEXT NOT NULL,
      PRIMARY KEY (name, cohort)) WITHOUT ROWID;
    CREATE TABLE alert_mark (id INTEGER PRIMARY KEY CHECK (id = 1), day TEXT NOT NULL, marked_ms INTEGER NOT NULL);
    CREATE TABLE purpose_log (
      id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, login TEXT NOT NULL,
      command TEXT NOT NULL, purpose TEXT NOT NULL);
    """

  /// Who sent what, acknowledged batches, and what is known of losses.
  private static let delivery = """
    CREATE INDEX roster_by_user ON roster (user);
    ALTER TABLE dead_letter ADD COLUMN speaker TEXT;

    ALTER TABLE source ADD COLUMN owner TEXT;
    ALTER TABLE source ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE source ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE source ADD COLUMN clock_offset_ms INTEGER;
    ALTER TABLE source ADD COLUMN clock_offset_largest_ms INTEGER;

    CREATE TABLE sequence_unstored (
      source INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, kind INTEGER NOT NULL,
      PRIMARY KEY (source, first)) WITHOUT ROWID;
    INSERT INTO sequence_unstored SELECT source, sequence, sequence, 1 FROM sequence_rejected j
      WHERE NOT EXISTS (SELECT 1 FROM sequence_range r WHERE r.source = j.source
        AND r.first <= j.sequence AND r.last >= j.sequence);
    DROP TABLE sequence_rejected;

    CREATE TABLE kernel_drop (
      hour INTEGER NOT NULL, transport TEXT NOT NULL, count INTEGER NOT NULL,
      PRIMARY KEY (hour, transport)) WITHOUT ROWID;

    CREATE TABLE delivered_batch (
      sender TEXT NOT NULL, spool INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
      PRIMARY KEY (sender, spool, first)) WITHOUT ROWID;
    CREATE TABLE delivery_spool (
      sender TEXT NOT NULL, spool INTEGER NOT NULL, packet_highest INTEGER NOT NULL,
      packet_window BLOB NOT NULL, last_received_ms INTEGER NOT NULL,
      PRIMARY KEY (sender, spool)) WITHOUT ROWID;
    CREATE TABLE packet_refusal (
      sender TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
      PRIMARY KEY (sender, reason)) WITHOUT ROWID;
    """

  /// Damaged chunks, dead letters, daily cells, tombstones.
  ///
  /// Numbers of chunks are never used again, so that a merge planned before a chunk was rewritten cannot take
  /// another for it. What an older version stored beside an import is taken as imported: it is not pruned.
  private static let care = """
    CREATE TABLE numbered_chunk (
      id INTEGER PRIMARY KEY AUTOINCREMENT, day INTEGER, run INTEGER NOT NULL, row_count INTEGER NOT NULL,
      time_min_ms INTEGER NOT NULL, time_max_ms INTEGER NOT NULL, byte_count INTEGER NOT NULL,
      imported INTEGER NOT NULL DEFAULT 0);
    INSERT INTO numbered_chunk
      SELECT id, day, run, row_count, time_min_ms, time_max_ms, byte_count,
        EXISTS (SELECT 1 FROM counter WHERE name = 'stored.import' AND value > 0) FROM chunk;
    DROP TABLE chunk;
    ALTER TABLE numbered_chunk RENAME TO chunk;
    CREATE INDEX chunk_by_day ON chunk (day);

    CREATE TABLE damaged_chunk (
      id INTEGER PRIMARY KEY, day INTEGER, run INTEGER NOT NULL, row_count INTEGER NOT NULL,
      time_min_ms INTEGER NOT NULL, time_max_ms INTEGER NOT NULL, byte_count INTEGER NOT NULL,
      imported INTEGER NOT NULL, found_ms INTEGER NOT NULL, reason TEXT NOT NULL);

    ALTER TABLE dead_letter ADD COLUMN sequence INTEGER;
    ALTER TABLE dead_letter ADD COLUMN line INTEGER;

    CREATE TABLE forgotten (hash BLOB PRIMARY KEY, time_ms INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Daily cells, which outlive the events that they count.
  ///
  /// Their numbers are never used again, as those of chunks.
  private static let rollups = """
    CREATE TABLE rollup (
      id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, day INTEGER NOT NULL,
      day_count INTEGER NOT NULL, offsets TEXT NOT NULL, row_count INTEGER NOT NULL,
      event_count INTEGER NOT NULL, time_min_ms INTEGER NOT NULL, time_max_ms INTEGER NOT NULL,
      end_max_ms INTEGER NOT NULL, byte_count INTEGER NOT NULL, imported INTEGER NOT NULL,
      pruned_ms INTEGER);
    CREATE INDEX rollup_by_day ON rollup (kind, day);
    CREATE TABLE rollup_cover (
      rollup INTEGER NOT NULL, covered INTEGER NOT NULL, PRIMARY KEY (rollup, covered)) WITHOUT ROWID;
    CREATE TABLE rollup_part (
      id INTEGER PRIMARY KEY AUTOINCREMENT, rollup INTEGER NOT NULL, row_count INTEGER NOT NULL);
    CREATE INDEX rollup_part_by_rollup ON rollup_part (rollup);
    CREATE TABLE rollup_column (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    """

  /// Pages of columns as they were when they could not be read any more.
  private static let damagedPages = """
    CREATE TABLE damaged_page (
      id INTEGER PRIMARY KEY, number INTEGER NOT NULL, found_ms INTEGER NOT NULL, bytes BLOB NOT NULL);
    """

  /// What tells whether an answer still holds.
  ///
  /// Random numbers, not counts: a file put back from a backup must not come to the same ones with other contents.
  private static let answers = """
    ALTER TABLE chunk ADD COLUMN nonce INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE revision (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO revision (name, number) VALUES ('tables', random());
    \(revisedTables.flatMap { table, changes in
      changes.map { change in revision(of: table, change) }
    }.joined(separator: "\n"))
    """

  /// Dictionaries without an index of names, and each source's topmost range of numbers in its own row.
  ///
  /// Indices and a table of ranges in another order cost more than everything else that a new person brings. The view
  /// `sequence_range` is what the table was.
  private static let cheapNames = """
    \(["user_name", "label"].map { table in
      """
      CREATE TABLE new_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
      INSERT INTO new_name (id, name) SELECT id, name FROM \(table) ORDER BY id;
      DROP TABLE \(table);
      ALTER TABLE new_name RENAME TO \(table);
      """
    }.joined(separator: "\n"))
    CREATE TABLE new_source (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL,
      stored INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0,
      conflict INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0,
      late INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0,
      first_received_ms INTEGER, last_received_ms INTEGER,
      tail_first INTEGER, tail_last INTEGER, tail_first_time_ms INTEGER, tail_last_time_ms INTEGER,
      owner TEXT, clock_offset_ms INTEGER, clock_offset_largest_ms INTEGER);
    INSERT INTO new_source
      SELECT s.id, s.name, s.stored, s.duplicate, s.conflict, s.rejected, s.late, s.dropped,
        s.first_received_ms, s.last_received_ms, r.first, r.last, r.first_time_ms, r.last_time_ms,
        s.owner, s.clock_offset_ms, s.clock_offset_largest_ms
      FROM source s LEFT JOIN sequence_range r ON r.source = s.id
        AND r.first = (SELECT max(t.first) FROM sequence_range t WHERE t.source = s.id) ORDER BY s.id;
    DROP TABLE source;
    ALTER TABLE new_source RENAME TO source;
    DELETE FROM sequence_range WHERE EXISTS (
      SELECT 1 FROM source s WHERE s.id = sequence_range.source AND s.tail_first = sequence_range.first);
    ALTER TABLE sequence_range RENAME TO sequence_range_below;
    CREATE VIEW sequence_range AS
      SELECT source, first, last, first_time_ms, last_time_ms FROM sequence_range_below
      UNION ALL SELECT id, tail_first, tail_last, tail_first_time_ms, tail_last_time_ms FROM source
        WHERE tail_last IS NOT NULL;

    CREATE TRIGGER user_name_update AFTER UPDATE ON user_name BEGIN DELETE FROM people_block; END;
    CREATE TRIGGER user_name_delete AFTER DELETE ON user_name BEGIN DELETE FROM people_block; END;
    \(revisions.joined(separator: "\n"))
    """

  /// Triggers of the tables that were made anew.
  private static let revisions = [
    ("user_name", "UPDATE"), ("user_name", "DELETE"), ("label", "UPDATE"), ("label", "DELETE"),
    ("source", "UPDATE OF name"), ("source", "DELETE"),
  ].map { table, change in revision(of: table, change) }

  private static func revision(of table: String, _ change: String) -> String {
    """
    CREATE TRIGGER revise_\(table)_\(change.prefix(6).lowercased()) AFTER \(change) ON \(table)
      BEGIN UPDATE revision SET number = random() WHERE name = 'tables'; END;
    """
  }

  private static let revisedTables: [(table: String, changes: [String])] =
    [
      "setting", "roster", "roster_alias", "catalog", "ticket", "intervention", "change", "benchmark_set",
      "benchmark_row",
    ].map { ($0, ["INSERT", "UPDATE", "DELETE"]) }
    // Names come with events; only one that changes or goes matters.
    + ["user_name", "feature_name", "label"].map { ($0, ["UPDATE", "DELETE"]) }
    + [("source", ["UPDATE OF name", "DELETE"])]

  /// People's columns, made from the tables and dropped with any change of them.
  private static let people = """
    CREATE TABLE people_block (
      id INTEGER PRIMARY KEY CHECK (id = 1), user_count INTEGER NOT NULL, data BLOB NOT NULL);
    \(["roster", "roster_alias"].flatMap { table in
      ["INSERT", "UPDATE", "DELETE"].map { "CREATE TRIGGER \(table)_\($0.lowercased()) AFTER \($0) ON \(table) BEGIN DELETE FROM people_block; END;" }
    }.joined(separator: "\n"))
    CREATE TRIGGER user_name_update AFTER UPDATE ON user_name BEGIN DELETE FROM people_block; END;
    CREATE TRIGGER user_name_delete AFTER DELETE ON user_name BEGIN DELETE FROM people_block; END;
    """
}
