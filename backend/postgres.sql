-- The log of events, once each. For millions a day, see
-- deploy/postgres-partitions.sql.
CREATE TABLE IF NOT EXISTS events (
    id          uuid        NOT NULL,
    revision    integer     NOT NULL,
    kind        text        NOT NULL,
    agency      text        NOT NULL,
    vehicle     text        NOT NULL,
    boot_id     uuid        NOT NULL,
    seq         bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    purge_at    timestamptz,
    event       jsonb       NOT NULL,
    PRIMARY KEY (id, revision)
);
CREATE INDEX IF NOT EXISTS events_purge ON events (purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_vehicle ON events (agency, vehicle, recorded_at);
CREATE INDEX IF NOT EXISTS events_emergency ON events (received_at) WHERE kind = 'emergency';

-- The newest revision of each read.
CREATE TABLE IF NOT EXISTS reads (
    id         uuid PRIMARY KEY,
    revision   integer          NOT NULL,
    agency     text             NOT NULL,
    vehicle    text             NOT NULL,
    plate      text             NOT NULL,
    state      text             NOT NULL,
    confidence double precision NOT NULL,
    preview    boolean          NOT NULL,
    at         timestamptz      NOT NULL,
    lat        double precision,
    lon        double precision,
    purge_at   timestamptz
);
CREATE INDEX IF NOT EXISTS reads_plate ON reads (plate, at);
CREATE INDEX IF NOT EXISTS reads_purge ON reads (purge_at) WHERE purge_at IS NOT NULL;

-- The newest revision of each hit: leads, to be verified.
CREATE TABLE IF NOT EXISTS hits (
    id            uuid PRIMARY KEY,
    revision      integer          NOT NULL,
    read_id       uuid             NOT NULL,
    agency        text             NOT NULL,
    vehicle       text             NOT NULL,
    list          text             NOT NULL,
    entry_id      text             NOT NULL,
    match         text             NOT NULL,
    probability   double precision NOT NULL,
    state_verdict text             NOT NULL,
    withdrawn     boolean          NOT NULL,
    at            timestamptz      NOT NULL,
    purge_at      timestamptz
);
CREATE INDEX IF NOT EXISTS hits_at ON hits (agency, at);
CREATE INDEX IF NOT EXISTS hits_read ON hits (read_id);
CREATE INDEX IF NOT EXISTS hits_purge ON hits (purge_at) WHERE purge_at IS NOT NULL;

-- What has arrived of each boot's count; ranges may touch and overlap.
CREATE TABLE IF NOT EXISTS received (
    boot_id  uuid   NOT NULL,
    from_seq bigint NOT NULL,
    to_seq   bigint NOT NULL,
    agency   text   NOT NULL,
    vehicle  text   NOT NULL,
    PRIMARY KEY (boot_id, from_seq, to_seq)
);

-- Pieces of pictures; a picture is whole when its pieces add up to size. It
-- goes with its read and the read's hits.
CREATE TABLE IF NOT EXISTS pieces (
    sha256      text        NOT NULL,
    "offset"    integer     NOT NULL,
    size        integer     NOT NULL,
    jpeg        bytea       NOT NULL,
    read_id     uuid        NOT NULL,
    received_at timestamptz NOT NULL,
    agency      text        NOT NULL,
    vehicle     text        NOT NULL,
    PRIMARY KEY (sha256, "offset")
);

-- Who looked at what is kept, and why.
CREATE TABLE IF NOT EXISTS accesses (
    at      timestamptz NOT NULL,
    officer text        NOT NULL,
    purpose text        NOT NULL,
    action  text        NOT NULL,
    subject text        NOT NULL
);

-- The last status and health of each vehicle.
CREATE TABLE IF NOT EXISTS vehicles (
    agency  text        NOT NULL,
    vehicle text        NOT NULL,
    kind    text        NOT NULL,
    seen_at timestamptz NOT NULL,
    data    jsonb       NOT NULL,
    PRIMARY KEY (agency, vehicle, kind)
);

-- What could not be taken, as it came.
CREATE TABLE IF NOT EXISTS dead_letters (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash        text        NOT NULL UNIQUE,
    topic       text        NOT NULL,
    reason      text        NOT NULL,
    received_at timestamptz NOT NULL,
    payload     bytea       NOT NULL
);

-- What vehicles have said stands in their audit logs: the first word counts. A
-- log is named by the hash of its first record.
CREATE TABLE IF NOT EXISTS audit_places (
    agency  text   NOT NULL,
    vehicle text   NOT NULL,
    log     text   NOT NULL,
    seq     bigint NOT NULL,
    hash    text   NOT NULL,
    PRIMARY KEY (agency, vehicle, log, seq)
);

-- The furthest that each start of a vehicle's program has shown its log.
CREATE TABLE IF NOT EXISTS audit_heads (
    agency  text        NOT NULL,
    vehicle text        NOT NULL,
    log     text        NOT NULL,
    boot_id uuid        NOT NULL,
    seq     bigint      NOT NULL,
    hash    text        NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (agency, vehicle, log, boot_id)
);

-- Logs that were set back, changed, replaced or found broken.
CREATE TABLE IF NOT EXISTS audit_alarms (
    agency   text        NOT NULL,
    vehicle  text        NOT NULL,
    kind     text        NOT NULL,
    log      text        NOT NULL,
    subject  text        NOT NULL, -- what it is raised once for: a start of the program, a record
    seq      bigint      NOT NULL,
    hash     text        NOT NULL,
    text     text        NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (agency, vehicle, kind, log, subject)
);

-- Starts of vehicles' programs, as their statuses tell of them.
CREATE TABLE IF NOT EXISTS boots (
    agency   text   NOT NULL,
    vehicle  text   NOT NULL,
    boot_id  uuid   NOT NULL,
    last_seq bigint NOT NULL, -- highest number that it said to have sent
    first_at timestamptz,
    last_at  timestamptz,
    PRIMARY KEY (agency, vehicle, boot_id)
);

-- Looks form a chain: each holds the hash of the one before.
ALTER TABLE accesses ADD COLUMN IF NOT EXISTS seq bigint NOT NULL DEFAULT 0;
ALTER TABLE accesses ADD COLUMN IF NOT EXISTS prev text NOT NULL DEFAULT '';
ALTER TABLE accesses ADD COLUMN IF NOT EXISTS hash text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX IF NOT EXISTS accesses_seq ON accesses (seq) WHERE seq > 0;
