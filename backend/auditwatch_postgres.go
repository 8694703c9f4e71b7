package backend

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alpr/sync/event"
)

type postgresAudit struct{ tx pgx.Tx }

// keepPlaces takes two statements, whatever the number of places.
func (k postgresAudit) keepPlaces(ctx context.Context, places []auditPlace) ([]auditPlace, error) {
	if len(places) == 0 {
		return nil, nil
	}
	var agencies, vehicles, logs, hashes []string
	var seqs []int64
	for _, p := range places {
		agencies, vehicles, logs = append(agencies, p.vehicle.Agency), append(vehicles, p.vehicle.Name), append(logs, p.log)
		seqs, hashes = append(seqs, int64(p.seq)), append(hashes, p.hash)
	}
	args := []any{agencies, vehicles, logs, seqs, hashes}
	const given = "unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) AS g (agency, vehicle, log, seq, hash)"
	if _, err := k.tx.Exec(ctx, "INSERT INTO audit_places SELECT * FROM "+given+" ON CONFLICT DO NOTHING", args...); err != nil {
		return nil, err
	}
	rows, err := k.tx.Query(ctx, "SELECT g.* FROM "+given+" JOIN audit_places p USING (agency, vehicle, log, seq) WHERE p.hash <> g.hash", args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p auditPlace, err error) {
		var seq int64
		err = row.Scan(&p.vehicle.Agency, &p.vehicle.Name, &p.log, &seq, &p.hash)
		p.seq = uint64(seq)
		return p, err
	})
}

const postgresHeads = "SELECT agency, vehicle, log, boot_id, seq, hash, seen_at FROM audit_heads"

func scanPostgresHead(row pgx.CollectableRow) (h AuditHead, err error) {
	var seq int64
	err = row.Scan(&h.Vehicle.Agency, &h.Vehicle.Name, &h.Log, (*[16]byte)(&h.BootID), &seq, &h.Hash, &h.SeenAt)
	h.Seq, h.SeenAt = uint64(seq), h.SeenAt.UTC()
	return h, err
}

func (k postgresAudit) heads(ctx context.Context, v event.Vehicle) ([]AuditHead, error) {
	rows, err := k.tx.Query(ctx, postgresHeads+" WHERE agency = $1 AND vehicle = $2", v.Agency, v.Name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanPostgresHead)
}

func (k postgresAudit) keepHead(ctx context.Context, h AuditHead) error {
	_, err := k.tx.Exec(ctx, `INSERT INTO audit_heads VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (agency, vehicle, log, boot_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > audit_heads.seq`,
		h.Vehicle.Agency, h.Vehicle.Name, h.Log, [16]byte(h.BootID), int64(h.Seq), h.Hash, h.SeenAt)
	return err
}

func (k postgresAudit) keepAlarm(ctx context.Context, a AuditAlarm) (bool, error) {
	tag, err := k.tx.Exec(ctx, "INSERT INTO audit_alarms VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
		a.Vehicle.Agency, a.Vehicle.Name, string(a.Kind), a.Log, a.subject, int64(a.Seq), a.Hash, a.Text, a.FoundAt)
	return tag.RowsAffected() > 0, err
}

// AuditHeads gives how far each vehicle's audit log was seen, by start of its
// program, sorted by vehicle and time.
func (p *Postgres) AuditHeads(ctx context.Context) ([]AuditHead, error) {
	out, err := query(ctx, p, scanPostgresHead, postgresHeads+" ORDER BY agency, vehicle, seen_at, boot_id")
	if err != nil {
		return nil, fmt.Errorf("read audit heads: %w", err)
	}
	return out, nil
}

// AuditAlarms gives the alarms about audit logs, oldest first.
func (p *Postgres) AuditAlarms(ctx context.Context) ([]AuditAlarm, error) {
	out, err := query(ctx, p, func(row pgx.CollectableRow) (a AuditAlarm, err error) {
		var seq int64
		err = row.Scan(&a.Vehicle.Agency, &a.Vehicle.Name, &a.Kind, &a.Log, &seq, &a.Hash, &a.Text, &a.FoundAt)
		a.Seq, a.FoundAt = uint64(seq), a.FoundAt.UTC()
		return a, err
	}, "SELECT agency, vehicle, kind, log, seq, hash, text, found_at FROM audit_alarms ORDER BY found_at, agency, vehicle, seq")
	if err != nil {
		return nil, fmt.Errorf("read audit alarms: %w", err)
	}
	return out, nil
}

func (k postgresAudit) boots(ctx context.Context, v event.Vehicle) ([]Boot, error) {
	rows, err := k.tx.Query(ctx, postgresBoots+" WHERE agency = $1 AND vehicle = $2", v.Agency, v.Name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanPostgresBoot)
}

const postgresBoots = "SELECT agency, vehicle, boot_id, last_seq, first_at, last_at FROM boots"

func scanPostgresBoot(row pgx.CollectableRow) (b Boot, err error) {
	var seq int64
	var first, last *time.Time
	err = row.Scan(&b.Vehicle.Agency, &b.Vehicle.Name, (*[16]byte)(&b.BootID), &seq, &first, &last)
	b.LastSeq = uint64(seq)
	if first != nil && last != nil {
		b.FirstAt, b.LastAt = first.UTC(), last.UTC()
	}
	return b, err
}

func (k postgresAudit) keepBoot(ctx context.Context, b Boot) error {
	_, err := k.tx.Exec(ctx, `INSERT INTO boots VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (agency, vehicle, boot_id) DO UPDATE SET last_seq = greatest(boots.last_seq, excluded.last_seq),
			first_at = least(boots.first_at, excluded.first_at), last_at = greatest(boots.last_at, excluded.last_at)`,
		b.Vehicle.Agency, b.Vehicle.Name, [16]byte(b.BootID), int64(b.LastSeq), orNull(b.FirstAt), orNull(b.LastAt))
	return err
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Boots gives the starts of vehicles' programs.
func (p *Postgres) Boots(ctx context.Context) ([]Boot, error) {
	out, err := query(ctx, p, scanPostgresBoot, postgresBoots+" ORDER BY agency, vehicle, boot_id")
	if err != nil {
		return nil, fmt.Errorf("read starts of the program: %w", err)
	}
	return out, nil
}
