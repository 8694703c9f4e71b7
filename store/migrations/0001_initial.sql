-- Times are Unix milliseconds; since_ms and purge_ms are on the retention clock.
-- "body" columns are sealed; see package store.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE data_keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    class        TEXT    NOT NULL,
    from_ms      INTEGER NOT NULL,
    to_ms        INTEGER NOT NULL,
    wrapped      BLOB,              -- NULL: destroyed
    destroyed_ms INTEGER
);
CREATE INDEX data_keys_live ON data_keys (class, to_ms) WHERE wrapped IS NOT NULL;

CREATE TABLE reads (
    id          BLOB    PRIMARY KEY,
    revision    INTEGER NOT NULL,
    class       TEXT    NOT NULL,
    key_id      INTEGER NOT NULL,
    tag         BLOB    NOT NULL,   -- keyed hash of the plate, under the row's data key
    at_ms       INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    since_ms    INTEGER NOT NULL,   -- retention time at which it was seen
    purge_ms    INTEGER NOT NULL,
    body        BLOB    NOT NULL
);
CREATE INDEX reads_tag   ON reads (key_id, tag);
CREATE INDEX reads_purge ON reads (purge_ms);
CREATE INDEX reads_at    ON reads (at_ms);

CREATE TABLE pictures (
    read_id BLOB    NOT NULL REFERENCES reads (id) ON DELETE CASCADE,
    which   TEXT    NOT NULL,
    key_id  INTEGER NOT NULL,
    tag     BLOB    NOT NULL,       -- keyed hash of the picture's SHA-256
    body    BLOB    NOT NULL,
    PRIMARY KEY (read_id, which)
);
CREATE INDEX pictures_tag ON pictures (key_id, tag);

CREATE TABLE hits (
    id          BLOB    PRIMARY KEY,
    read_id     BLOB    NOT NULL,
    revision    INTEGER NOT NULL,
    key_id      INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    is_open     INTEGER NOT NULL,   -- no disposition yet, not withdrawn
    recorded_ms INTEGER NOT NULL,
    since_ms    INTEGER NOT NULL,   -- retention time at which it was seen
    purge_ms    INTEGER NOT NULL,
    body        BLOB    NOT NULL
);
CREATE INDEX hits_read  ON hits (read_id);
CREATE INDEX hits_key   ON hits (key_id);
CREATE INDEX hits_purge ON hits (purge_ms);
CREATE INDEX hits_open  ON hits (at_ms) WHERE is_open = 1;

CREATE TABLE dispositions (
    id          BLOB    PRIMARY KEY,
    hit_id      BLOB    NOT NULL,
    key_id      INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    since_ms    INTEGER NOT NULL,   -- retention time at which it was seen
    purge_ms    INTEGER NOT NULL,
    body        BLOB    NOT NULL
);
CREATE INDEX dispositions_hit   ON dispositions (hit_id);
CREATE INDEX dispositions_key   ON dispositions (key_id);
CREATE INDEX dispositions_purge ON dispositions (purge_ms);

CREATE TABLE manual_entries (
    id          TEXT    PRIMARY KEY,
    key_id      INTEGER NOT NULL,
    is_active   INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    since_ms    INTEGER NOT NULL,   -- retention time at which it was seen
    purge_ms    INTEGER NOT NULL,
    body        BLOB    NOT NULL
);
CREATE INDEX manual_key ON manual_entries (key_id);

CREATE TABLE hotlists (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    list         TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    key_id       INTEGER NOT NULL,
    state        TEXT    NOT NULL,  -- staging, ready, active
    entries      INTEGER NOT NULL,
    published_ms INTEGER NOT NULL,
    imported_ms  INTEGER NOT NULL
);
CREATE UNIQUE INDEX hotlists_active ON hotlists (list) WHERE state = 'active';

CREATE TABLE hotlist_chunks (
    hotlist_id INTEGER NOT NULL REFERENCES hotlists (id) ON DELETE CASCADE,
    n          INTEGER NOT NULL,
    body       BLOB    NOT NULL,
    PRIMARY KEY (hotlist_id, n)
);

CREATE TABLE outbox (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT    NOT NULL,
    ref         BLOB    NOT NULL,   -- id of the read, hit, disposition or audit record
    revision    INTEGER NOT NULL,
    boot        BLOB    NOT NULL,
    seq         INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    class       TEXT    NOT NULL,
    since_ms    INTEGER NOT NULL,   -- retention time at which it was seen
    purge_ms    INTEGER NOT NULL,   -- 0: no limit
    sent_ms     INTEGER NOT NULL DEFAULT 0,
    bad         TEXT,               -- why it was quarantined
    detail      BLOB                -- of an "expired" item, which refers to no row
);
CREATE UNIQUE INDEX outbox_seq ON outbox (boot, seq);
CREATE INDEX outbox_ref      ON outbox (ref);
CREATE INDEX outbox_recorded ON outbox (recorded_ms);
CREATE INDEX outbox_purge    ON outbox (purge_ms) WHERE purge_ms > 0;
CREATE INDEX outbox_unsent   ON outbox (kind, key) WHERE sent_ms = 0 AND bad IS NULL;
CREATE INDEX outbox_sent     ON outbox (kind, key) WHERE sent_ms > 0 AND bad IS NULL;
CREATE INDEX outbox_bad      ON outbox (key) WHERE bad IS NOT NULL;

CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY,
    id     BLOB NOT NULL,
    record BLOB NOT NULL,           -- canonical JSON, its words sealed; see auditBody
    prev   BLOB NOT NULL,
    hash   BLOB NOT NULL,
    sig    BLOB NOT NULL
);
CREATE INDEX audit_id ON audit (id);

CREATE TABLE safe_list (
    tag      BLOB PRIMARY KEY,      -- keyed hash; the plate itself is kept nowhere
    added_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE tallies (
    day  TEXT    NOT NULL,          -- UTC, 2006-01-02
    what TEXT    NOT NULL,
    item TEXT    NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (day, what, item)
) WITHOUT ROWID;
