-- What was found damaged and set apart, what the owner must know of it, and a
-- keyed hash over each row of meta, by which a changed one is told.
ALTER TABLE meta ADD COLUMN mac BLOB;

CREATE TABLE quarantine (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    from_table TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    row        TEXT    NOT NULL,    -- its columns as they were, JSON; what was sealed still is
    reason     TEXT    NOT NULL,
    since_ms   INTEGER NOT NULL,
    purge_ms   INTEGER NOT NULL
);

CREATE TABLE notices (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms   INTEGER NOT NULL,
    part    TEXT    NOT NULL,
    text    TEXT    NOT NULL,       -- never holds a plate
    n       INTEGER NOT NULL,       -- how often it was found
    seen_ms INTEGER NOT NULL DEFAULT 0
);
