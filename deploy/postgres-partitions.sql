-- For millions of events a day: events, reads and hits in a partition a day.
-- Run it once, in a database whose tables alpr-backend has made and not yet
-- filled, with consumers stopped; they make the indexes at their next start.
-- Then, from a timer, days ahead:
--     SELECT alpr_partitions(current_date, current_date + 14);
--
-- An id is a UUID of version 7 and begins with its time, so a day is a range
-- of ids. The primary keys stay as they are, and with them the promise that
-- everything is kept once. What a wrong clock has dated otherwise goes to the
-- partition "other". A day that "alpr-backend purge" has emptied may be dropped.
BEGIN;

DO $$
DECLARE
    t    text;
    busy boolean;
BEGIN
    FOREACH t IN ARRAY ARRAY['events', 'reads', 'hits'] LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', t) INTO busy;
        IF busy THEN
            RAISE EXCEPTION 'table % holds rows: partition an empty database', t;
        END IF;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', t, t || '_whole');
        EXECUTE format('CREATE TABLE %I (LIKE %I, PRIMARY KEY (%s)) PARTITION BY RANGE (id)',
            t, t || '_whole', CASE t WHEN 'events' THEN 'id, revision' ELSE 'id' END);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', t || '_other', t);
        EXECUTE format('DROP TABLE %I', t || '_whole');
    END LOOP;
END $$;

-- The lowest id of a day (UTC): its milliseconds since 1970, then zeros.
CREATE FUNCTION alpr_lowest_id(day date) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT rpad(lpad(to_hex(extract(epoch FROM day)::bigint * 1000), 12, '0'), 32, '0')::uuid $$;

CREATE FUNCTION alpr_partitions(first date, last date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t text;
    d date;
BEGIN
    FOREACH t IN ARRAY ARRAY['events', 'reads', 'hits'] LOOP
        FOR d IN SELECT generate_series(first, last, '1 day')::date LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                t || to_char(d, '_YYYYMMDD'), t, alpr_lowest_id(d), alpr_lowest_id(d + 1));
        END LOOP;
    END LOOP;
END $$;

COMMIT;
