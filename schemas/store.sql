-- The tables of a Waterline database, version 1. For readers: programs create them from
-- Sources/EventStore/StoreSchema.swift, migration by migration. What may be relied on are the views of
-- docs/sql.md; tables may change with a version.
--
-- SQLite in WAL mode, synchronous=FULL, auto_vacuum=INCREMENTAL. One process writes (an exclusive lock on
-- the file <database>.lock); any number read. Pages of 16 KiB (4 in older files) have 8 reserved bytes: 0, or XXH3-64
-- of the page's bytes before them, seeded with its number from 1, little-endian (1 stands for a sum of 0). Times named
-- _ms are milliseconds since 1970-01-01T00:00:00Z. Texts are UTF-8 and compare byte by byte. GRDB's own table
-- grdb_migrations names the migrations applied.

PRAGMA application_id = 1464618545;  -- 0x574C4E31, "WLN1": tells a Waterline database from other SQLite files

-- Settings ---------------------------------------------------------------------------------------------

CREATE TABLE setting (
  name TEXT PRIMARY KEY,              -- such as organisation.timezone
  value TEXT NOT NULL                 -- a setting without a value has no row
) WITHOUT ROWID;

-- Triggers (revise_TABLE_CHANGE) make number another random one with each change of setting, roster, roster_alias,
-- catalog, ticket, intervention, change, benchmark_set and benchmark_row, and when a name changes or goes.
CREATE TABLE revision (
  name TEXT PRIMARY KEY,              -- 'tables'
  number INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE secret (
  name TEXT PRIMARY KEY,              -- 'pseudonym': the key of people's pseudonyms
  value BLOB NOT NULL                 -- at least 16 random bytes; never shown, never exported
) WITHOUT ROWID;

-- Dictionaries: chunks hold the numbers, from 1 ----------------------------------------------------------
-- Names are distinct. user_name, label and source have no index of them; where one has more than 8 MiB of names the
-- writer makes it: CREATE UNIQUE INDEX user_name_by_name ON user_name (name), and likewise.

CREATE TABLE user_name (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL                  -- an event's user as it was sent, before aliases
);

CREATE TABLE feature_name (
  id INTEGER PRIMARY KEY,
  app TEXT NOT NULL,
  feature TEXT                        -- NULL: events that name the application only
);
CREATE UNIQUE INDEX feature_name_by_text ON feature_name (app, ifnull(feature, ''));

CREATE TABLE label (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL                  -- hosts, versions and causes share one dictionary
);

-- Ledger: written in the transaction that stores the events ----------------------------------------------

CREATE TABLE source (
  id INTEGER PRIMARY KEY,             -- 0 stands for events without a source
  name TEXT NOT NULL,                 -- the sender's id; '' for source 0
  stored INTEGER NOT NULL DEFAULT 0,      -- events stored
  duplicate INTEGER NOT NULL DEFAULT 0,   -- events whose number was stored already
  conflict INTEGER NOT NULL DEFAULT 0,    -- those of them that differ from the stored one
  rejected INTEGER NOT NULL DEFAULT 0,    -- refused events
  late INTEGER NOT NULL DEFAULT 0,    -- stored events received more than a day after their end
  dropped INTEGER NOT NULL DEFAULT 0, -- numbers that the sender's spool dropped, as it says; among the lost, unless they came
  first_received_ms INTEGER,          -- the collector's clock; NULL until something arrived
  last_received_ms INTEGER,
  tail_first INTEGER,                 -- topmost range of stored numbers, as in sequence_range; NULL without any
  tail_last INTEGER,
  tail_first_time_ms INTEGER,
  tail_last_time_ms INTEGER,
  owner TEXT,                         -- login of the account it belongs to; NULL: none, and none will once a number is known
  clock_offset_ms INTEGER,            -- receipt less the sender's clock, the last time
  clock_offset_largest_ms INTEGER     -- the largest ever, whatever its sign
);
INSERT INTO source (id, name) VALUES (0, '');

CREATE TABLE source_rejection (
  source INTEGER NOT NULL,            -- source.id
  reason TEXT NOT NULL,               -- not_json, time, too_long, ... (docs/architecture.md)
  count INTEGER NOT NULL,
  PRIMARY KEY (source, reason)
) WITHOUT ROWID;

-- Which numbers of a source are stored: ranges that neither touch nor overlap. What lies between two of
-- them was sent and is not stored. The topmost range of each source is in its own row, those below in this table.
CREATE TABLE sequence_range_below (
  source INTEGER NOT NULL,            -- source.id
  first INTEGER NOT NULL,             -- first and last number, both stored
  last INTEGER NOT NULL,
  first_time_ms INTEGER NOT NULL,     -- start of the event with the first number
  last_time_ms INTEGER NOT NULL,      -- start of the event with the last number
  PRIMARY KEY (source, first)
) WITHOUT ROWID;
CREATE VIEW sequence_range AS         -- all ranges
  SELECT source, first, last, first_time_ms, last_time_ms FROM sequence_range_below
  UNION ALL SELECT id, tail_first, tail_last, tail_first_time_ms, tail_last_time_ms FROM source
    WHERE tail_last IS NOT NULL;

-- Numbers that are known and not stored, as ranges: refused (kind 1), withheld on purpose (2), or dropped by the
-- sender's spool (3). They neither overlap each other nor stored ones; what came first stays, but a number that is
-- stored after all leaves. At most 4,096 ranges a source; of what lies in further ones nothing is known.
CREATE TABLE sequence_unstored (
  source INTEGER NOT NULL,            -- source.id
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  PRIMARY KEY (source, first)
) WITHOUT ROWID;

-- Datagrams that the kernel dropped, by the hour in which the collector learned of it; ten years are kept.
CREATE TABLE kernel_drop (
  hour INTEGER NOT NULL,              -- hours since 1970-01-01T00:00:00Z
  transport TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (hour, transport)
) WITHOUT ROWID;

-- Envelopes (schemas/envelope.md) ------------------------------------------------------------------------

-- Batches that are stored, as ranges. A sender that proved nothing has '~' in front of its name, and if it sent over a
-- Unix socket char(1), the number of its account, and ':' between.
CREATE TABLE delivered_batch (
  sender TEXT NOT NULL,
  spool INTEGER NOT NULL,             -- its 64 bits, signed
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (sender, spool, first)
) WITHOUT ROWID;

CREATE TABLE delivery_spool (
  sender TEXT NOT NULL,
  spool INTEGER NOT NULL,
  packet_highest INTEGER NOT NULL,    -- its 64 bits, signed
  packet_window BLOB NOT NULL,        -- 1,024 bits: which of the last packet numbers were seen, by remainder
  last_received_ms INTEGER NOT NULL,
  PRIMARY KEY (sender, spool)
) WITHOUT ROWID;

CREATE TABLE packet_refusal (
  sender TEXT NOT NULL,               -- '' unless the packet proved it
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (sender, reason)
) WITHOUT ROWID;

-- Events (schemas/chunk-format.md) -----------------------------------------------------------------------

CREATE TABLE chunk (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again
  day INTEGER,                        -- UTC day since 1970-01-01; NULL: in order of arrival, of any days
  run INTEGER NOT NULL,               -- which sorted run of its day; 0 for arrivals
  row_count INTEGER NOT NULL,         -- 1 to 65,536 events
  time_min_ms INTEGER NOT NULL,       -- earliest and latest start
  time_max_ms INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,        -- bytes of its columns
  imported INTEGER NOT NULL DEFAULT 0, -- 1: from a file, which retention leaves alone
  nonce INTEGER NOT NULL DEFAULT 0    -- a random number: tells chunks of one number apart in copies of a file
);
CREATE INDEX chunk_by_day ON chunk (day);

CREATE TABLE chunk_column (
  id INTEGER PRIMARY KEY,             -- chunk.id * 32 + number of the column; no row: 0 in every event
  data BLOB NOT NULL                  -- header and payload
);

-- Chunks that cannot be read: their columns stay in chunk_column, as far as their pages can be read, and nothing
-- reads them.
CREATE TABLE damaged_chunk (
  id INTEGER PRIMARY KEY,             -- chunk.id it had; the next columns are those of chunk
  day INTEGER, run INTEGER NOT NULL, row_count INTEGER NOT NULL, time_min_ms INTEGER NOT NULL,
  time_max_ms INTEGER NOT NULL, byte_count INTEGER NOT NULL, imported INTEGER NOT NULL,
  found_ms INTEGER NOT NULL,
  reason TEXT NOT NULL
);

-- Pages with rows of chunk_column or rollup_column that failed their checksum, as they were; their rows are gone.
CREATE TABLE damaged_page (
  id INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,            -- its number in the file
  found_ms INTEGER NOT NULL,
  bytes BLOB NOT NULL
);

-- The last day that a daemon believed its clock: retention does not believe one that is suddenly weeks ahead.
CREATE TABLE clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  day INTEGER NOT NULL                -- UTC day since 1970-01-01
);

-- Daily cells (schemas/chunk-format.md, "Daily cells"): what the events of some chunks add up to. A rollup says
-- what its chunks say while every chunk that it covers is in the table chunk, and nothing any more once one is not.
CREATE TABLE rollup (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again
  kind INTEGER NOT NULL,              -- 1: daily cells
  day INTEGER NOT NULL,               -- UTC day of its chunks, since 1970-01-01
  day_count INTEGER NOT NULL,         -- 1
  offsets TEXT NOT NULL,              -- how the zone cut that day into civil days
  row_count INTEGER NOT NULL,         -- cells
  event_count INTEGER NOT NULL,       -- events that they count
  time_min_ms INTEGER NOT NULL,       -- earliest and latest start, and latest end, of an event
  time_max_ms INTEGER NOT NULL,
  end_max_ms INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,        -- bytes of its columns
  imported INTEGER NOT NULL,          -- 1: of imported events
  pruned_ms INTEGER                   -- when retention deleted its chunks; NULL: they are there
);
CREATE INDEX rollup_by_day ON rollup (kind, day);

CREATE TABLE rollup_cover (
  rollup INTEGER NOT NULL,            -- rollup.id
  covered INTEGER NOT NULL,           -- chunk.id; none once they are pruned
  PRIMARY KEY (rollup, covered)
) WITHOUT ROWID;

CREATE TABLE rollup_part (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rollup INTEGER NOT NULL,            -- rollup.id; its parts in the order of their numbers
  row_count INTEGER NOT NULL          -- 1 to 65,536 cells
);
CREATE INDEX rollup_part_by_rollup ON rollup_part (rollup);

CREATE TABLE rollup_column (
  id INTEGER PRIMARY KEY,             -- rollup_part.id * 64 + number of the column; no row: 0 in every cell
  data BLOB NOT NULL                  -- header and payload
);

-- Names that were forgotten: keyed hashes, to refuse them when they come again.
CREATE TABLE forgotten (
  hash BLOB PRIMARY KEY,              -- BLAKE2b of the name with the key 'forget' of the table secret
  time_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Refused input and running totals -----------------------------------------------------------------------

-- At most 10,000 letters and 16 MiB, of which the oldest go first, and 1,024 of one batch; those not kept are
-- counted as dead_letters_dropped.
CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received_ms INTEGER NOT NULL,       -- the collector's clock
  transport TEXT NOT NULL,            -- udp, unix-datagram, unix-stream or import
  source TEXT,                        -- the sender's id, if it could be read
  speaker TEXT,                       -- login of the local account that sent it, or those of its key; NULL: of anybody
  reason TEXT NOT NULL,
  byte_count INTEGER NOT NULL,        -- its length when it came
  bytes BLOB NOT NULL,                -- its first 4,096 bytes
  sequence INTEGER,                   -- the number its sender gave it, if it could be read
  line INTEGER                        -- line of the imported file on which it began
);

CREATE TABLE counter (
  name TEXT PRIMARY KEY,              -- stored.udp, duplicate.import, kernel_drops.udp, ...
  value INTEGER NOT NULL
) WITHOUT ROWID;

-- The organisation: imported -----------------------------------------------------------------------------

CREATE TABLE roster (
  id INTEGER PRIMARY KEY,             -- order of the file
  user TEXT NOT NULL,                 -- several rows for one person: movers
  department TEXT NOT NULL,           -- '' in these four: none
  role TEXT NOT NULL,
  site TEXT NOT NULL,
  manager TEXT NOT NULL,
  active_from TEXT,                   -- YYYY-MM-DD; NULL: open
  active_to TEXT,                     -- the first day no longer active; NULL: open
  service INTEGER NOT NULL            -- 1: an account that is not a person
);

CREATE INDEX roster_by_user ON roster (user);

CREATE TABLE roster_alias (
  alias TEXT PRIMARY KEY,             -- another name of the person: a login, an address, a number
  user TEXT NOT NULL                  -- roster.user
) WITHOUT ROWID;

CREATE TABLE people_block (           -- what reports know of people, made from roster, aliases and user_name
  id INTEGER PRIMARY KEY CHECK (id = 1),
  user_count INTEGER NOT NULL,        -- numbers of user_name it covers: those below
  data BLOB NOT NULL                  -- people-block.md; may be deleted at any time
);

-- Whatever changes the tables drops the block, so that it is never wrong.
CREATE TRIGGER roster_insert AFTER INSERT ON roster BEGIN DELETE FROM people_block; END;
CREATE TRIGGER roster_update AFTER UPDATE ON roster BEGIN DELETE FROM people_block; END;
CREATE TRIGGER roster_delete AFTER DELETE ON roster BEGIN DELETE FROM people_block; END;
CREATE TRIGGER roster_alias_insert AFTER INSERT ON roster_alias BEGIN DELETE FROM people_block; END;
CREATE TRIGGER roster_alias_update AFTER UPDATE ON roster_alias BEGIN DELETE FROM people_block; END;
CREATE TRIGGER roster_alias_delete AFTER DELETE ON roster_alias BEGIN DELETE FROM people_block; END;
CREATE TRIGGER user_name_update AFTER UPDATE ON user_name BEGIN DELETE FROM people_block; END;
CREATE TRIGGER user_name_delete AFTER DELETE ON user_name BEGIN DELETE FROM people_block; END;

CREATE TABLE catalog (
  app TEXT NOT NULL,
  feature TEXT NOT NULL,
  roles TEXT NOT NULL,                -- of whom it is expected: joined by ';', '*' is everyone, '' nobody
  target_days INTEGER NOT NULL,       -- days with an ok use per 28 days that count as adopted
  target_ms INTEGER,                  -- benchmark where peers give none
  category TEXT NOT NULL,
  critical INTEGER NOT NULL,          -- 0 or 1
  automatic INTEGER NOT NULL,         -- 1: not a person's act, left out of every figure
  PRIMARY KEY (app, feature)
) WITHOUT ROWID;

CREATE TABLE ticket (
  id TEXT PRIMARY KEY,                -- the desk's number; importing it again replaces the row
  requester TEXT NOT NULL,            -- as the desk names the person, before aliases
  opened_ms INTEGER NOT NULL,
  first_response_ms INTEGER,
  resolved_ms INTEGER,
  reopened INTEGER NOT NULL,          -- how often
  app TEXT,                           -- NULL: on no application
  category TEXT NOT NULL,
  priority TEXT NOT NULL,
  state TEXT NOT NULL,
  satisfaction REAL,
  effort_minutes INTEGER,
  "group" TEXT NOT NULL,
  owner TEXT NOT NULL,
  reassignments INTEGER NOT NULL,
  level TEXT NOT NULL,
  comment TEXT NOT NULL
);

-- Published benchmarks: frozen, never changed ------------------------------------------------------------

CREATE TABLE benchmark_set (
  name TEXT PRIMARY KEY,
  from_day TEXT NOT NULL,             -- the window they come from, YYYY-MM-DD
  to_day TEXT NOT NULL,               -- excluded
  time_zone TEXT NOT NULL,            -- IANA name
  published_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE benchmark_row (
  set_name TEXT NOT NULL REFERENCES benchmark_set (name) ON DELETE CASCADE,
  app TEXT NOT NULL,
  feature TEXT NOT NULL,
  benchmark_ms INTEGER,               -- NULL: none
  benchmark_kind TEXT NOT NULL,       -- peers, target or none
  PRIMARY KEY (set_name, app, feature)
) WITHOUT ROWID;

-- Who looked at names ------------------------------------------------------------------------------------

CREATE TABLE purpose_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms INTEGER NOT NULL,
  login TEXT NOT NULL,                -- of whoever asked
  command TEXT NOT NULL,
  purpose TEXT NOT NULL               -- the reason given
);
