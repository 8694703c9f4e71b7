-- Rows that stood in the audit log after its signed end and that the device did
-- not sign: kept for who investigates, out of the way of the log.
CREATE TABLE audit_foreign (
    found_ms INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    id       BLOB,
    record   BLOB,
    prev     BLOB,
    hash     BLOB,
    sig      BLOB
);
