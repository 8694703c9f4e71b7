package backend

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Find gives events in the order of their time.
func (p *Postgres) Find(ctx context.Context, s Search) ([]Found, error) {
	out, err := query(ctx, p, func(row pgx.CollectableRow) (f Found, err error) {
		err = row.Scan((*[16]byte)(&f.ID), &f.Revision, &f.At, (*[]byte)(&f.Event))
		f.At = f.At.UTC()
		return f, err
	}, `SELECT id, revision, recorded_at, event FROM events
		WHERE ($1 = '' OR agency = $1) AND ($2 = '' OR vehicle = $2) AND ($3 = '' OR kind = $3)
			AND ($4 = '' OR id IN (SELECT id FROM reads WHERE plate = $4) OR kind = 'hit' AND event->'data'->'read'->'plate'->>'text' = $4)
			AND ($5::timestamptz IS NULL OR recorded_at >= $5) AND ($6::timestamptz IS NULL OR recorded_at < $6)
			AND ($7::timestamptz IS NULL OR (recorded_at, id, revision) > ($7, $8::uuid, $9::int))
		ORDER BY recorded_at, id, revision LIMIT $10`,
		s.Agency, s.Vehicle, s.Kind, s.Plate, orNull(s.From), orNull(s.To), orNull(s.After.At), [16]byte(s.After.ID), s.After.Revision, s.Limit)
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	return out, nil
}

// States gives what vehicles of an agency last said of themselves; "" for all.
func (p *Postgres) States(ctx context.Context, agency string) ([]VehicleState, error) {
	out, err := query(ctx, p, func(row pgx.CollectableRow) (v VehicleState, err error) {
		return v, row.Scan(&v.Vehicle.Agency, &v.Vehicle.Name, &v.Kind, &v.SeenAt, (*[]byte)(&v.Data))
	}, "SELECT agency, vehicle, kind, seen_at, data FROM vehicles WHERE $1 = '' OR agency = $1 ORDER BY agency, vehicle, kind", agency)
	if err != nil {
		return nil, fmt.Errorf("read the states of vehicles: %w", err)
	}
	return out, nil
}
