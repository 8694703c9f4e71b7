package backend

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alpr"
)

// Find gives events in the order of their time.
func (s *SQLite) Find(ctx context.Context, q Search) ([]Found, error) {
	from, to := millis(orNull(q.From)), millis(orNull(q.To))
	out, err := collect(ctx, s, func(rows *sql.Rows) (f Found, err error) {
		var id, body string
		var at int64
		if err := rows.Scan(&id, &f.Revision, &at, &body); err != nil {
			return f, err
		}
		f.At, f.Event = time.UnixMilli(at).UTC(), []byte(body)
		f.ID, err = alpr.ParseID(id)
		return f, err
	}, `SELECT id, revision, recorded_at, event FROM events
		WHERE (?1 = '' OR agency = ?1) AND (?2 = '' OR vehicle = ?2) AND (?3 = '' OR kind = ?3)
			AND (?4 = '' OR id IN (SELECT id FROM reads WHERE plate = ?4) OR kind = 'hit' AND json_extract(event, '$.data.read.plate.text') = ?4)
			AND (?5 IS NULL OR recorded_at >= ?5) AND (?6 IS NULL OR recorded_at < ?6)
			AND (?7 IS NULL OR (recorded_at, id, revision) > (?7, ?8, ?9))
		ORDER BY recorded_at, id, revision LIMIT ?10`,
		q.Agency, q.Vehicle, q.Kind, q.Plate, from, to, millis(orNull(q.After.At)), q.After.ID.String(), q.After.Revision, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	return out, nil
}

// States gives what vehicles of an agency last said of themselves; "" for all.
func (s *SQLite) States(ctx context.Context, agency string) ([]VehicleState, error) {
	out, err := collect(ctx, s, func(rows *sql.Rows) (v VehicleState, err error) {
		var at int64
		var data string
		err = rows.Scan(&v.Vehicle.Agency, &v.Vehicle.Name, &v.Kind, &at, &data)
		v.SeenAt, v.Data = time.UnixMilli(at).UTC(), []byte(data)
		return v, err
	}, "SELECT agency, vehicle, kind, seen_at, data FROM vehicles WHERE ?1 = '' OR agency = ?1 ORDER BY agency, vehicle, kind", agency)
	if err != nil {
		return nil, fmt.Errorf("read the states of vehicles: %w", err)
	}
	return out, nil
}
