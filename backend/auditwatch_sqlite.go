package backend

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"alpr"
	"alpr/sync/event"
)

const sqliteAuditSchema = `
CREATE TABLE IF NOT EXISTS audit_places (agency TEXT NOT NULL, vehicle TEXT NOT NULL, log TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,
	PRIMARY KEY (agency, vehicle, log, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit_heads (agency TEXT NOT NULL, vehicle TEXT NOT NULL, log TEXT NOT NULL, boot_id TEXT NOT NULL, seq INTEGER NOT NULL,
	hash TEXT NOT NULL, seen_at INTEGER NOT NULL, PRIMARY KEY (agency, vehicle, log, boot_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit_alarms (agency TEXT NOT NULL, vehicle TEXT NOT NULL, kind TEXT NOT NULL, log TEXT NOT NULL, subject TEXT NOT NULL,
	seq INTEGER NOT NULL, hash TEXT NOT NULL, text TEXT NOT NULL, found_at INTEGER NOT NULL, PRIMARY KEY (agency, vehicle, kind, log, subject)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS boots (agency TEXT NOT NULL, vehicle TEXT NOT NULL, boot_id TEXT NOT NULL, last_seq INTEGER NOT NULL, first_at INTEGER, last_at INTEGER,
	PRIMARY KEY (agency, vehicle, boot_id)) WITHOUT ROWID;
`

type sqliteAudit struct{ tx *sql.Tx }

func (k sqliteAudit) keepPlaces(ctx context.Context, places []auditPlace) (changed []auditPlace, err error) {
	for _, p := range places {
		if _, err := k.tx.ExecContext(ctx, "INSERT OR IGNORE INTO audit_places VALUES (?, ?, ?, ?, ?)", p.vehicle.Agency, p.vehicle.Name, p.log, p.seq, p.hash); err != nil {
			return nil, err
		}
		var have string
		err := k.tx.QueryRowContext(ctx, "SELECT hash FROM audit_places WHERE agency = ? AND vehicle = ? AND log = ? AND seq = ?",
			p.vehicle.Agency, p.vehicle.Name, p.log, p.seq).Scan(&have)
		if err != nil {
			return nil, err
		}
		if have != p.hash {
			changed = append(changed, p)
		}
	}
	return changed, nil
}

func (k sqliteAudit) heads(ctx context.Context, v event.Vehicle) ([]AuditHead, error) {
	rows, err := k.tx.QueryContext(ctx, sqliteHeads+" WHERE agency = ? AND vehicle = ?", v.Agency, v.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []AuditHead
	for rows.Next() {
		h, err := scanHead(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

const sqliteHeads = "SELECT agency, vehicle, log, boot_id, seq, hash, seen_at FROM audit_heads"

func scanHead(rows *sql.Rows) (h AuditHead, err error) {
	var boot string
	var seen int64
	if err := rows.Scan(&h.Vehicle.Agency, &h.Vehicle.Name, &h.Log, &boot, &h.Seq, &h.Hash, &seen); err != nil {
		return h, err
	}
	h.SeenAt = time.UnixMilli(seen).UTC()
	h.BootID, err = alpr.ParseID(boot)
	return h, err
}

func (k sqliteAudit) keepHead(ctx context.Context, h AuditHead) error {
	_, err := k.tx.ExecContext(ctx, `INSERT INTO audit_heads VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > seq`,
		h.Vehicle.Agency, h.Vehicle.Name, h.Log, h.BootID.String(), h.Seq, h.Hash, h.SeenAt.UnixMilli())
	return err
}

func (k sqliteAudit) keepAlarm(ctx context.Context, a AuditAlarm) (bool, error) {
	res, err := k.tx.ExecContext(ctx, "INSERT OR IGNORE INTO audit_alarms VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		a.Vehicle.Agency, a.Vehicle.Name, string(a.Kind), a.Log, a.subject, a.Seq, a.Hash, a.Text, a.FoundAt.UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// AuditHeads gives how far each vehicle's audit log was seen, by start of its
// program, sorted by vehicle and time.
func (s *SQLite) AuditHeads(ctx context.Context) ([]AuditHead, error) {
	out, err := collect(ctx, s, scanHead, sqliteHeads+" ORDER BY agency, vehicle, seen_at, boot_id")
	if err != nil {
		return nil, fmt.Errorf("read audit heads: %w", err)
	}
	return out, nil
}

// AuditAlarms gives the alarms about audit logs, oldest first.
func (s *SQLite) AuditAlarms(ctx context.Context) ([]AuditAlarm, error) {
	out, err := collect(ctx, s, func(rows *sql.Rows) (a AuditAlarm, err error) {
		var at int64
		err = rows.Scan(&a.Vehicle.Agency, &a.Vehicle.Name, &a.Kind, &a.Log, &a.Seq, &a.Hash, &a.Text, &at)
		a.FoundAt = time.UnixMilli(at).UTC()
		return a, err
	}, "SELECT agency, vehicle, kind, log, seq, hash, text, found_at FROM audit_alarms ORDER BY found_at, agency, vehicle, seq")
	if err != nil {
		return nil, fmt.Errorf("read audit alarms: %w", err)
	}
	return out, nil
}

const sqliteBoots = "SELECT agency, vehicle, boot_id, last_seq, first_at, last_at FROM boots"

func scanBoot(rows *sql.Rows) (b Boot, err error) {
	var boot string
	var first, last sql.NullInt64
	if err := rows.Scan(&b.Vehicle.Agency, &b.Vehicle.Name, &boot, &b.LastSeq, &first, &last); err != nil {
		return b, err
	}
	if first.Valid && last.Valid {
		b.FirstAt, b.LastAt = time.UnixMilli(first.Int64).UTC(), time.UnixMilli(last.Int64).UTC()
	}
	b.BootID, err = alpr.ParseID(boot)
	return b, err
}

func (k sqliteAudit) boots(ctx context.Context, v event.Vehicle) ([]Boot, error) {
	rows, err := k.tx.QueryContext(ctx, sqliteBoots+" WHERE agency = ? AND vehicle = ?", v.Agency, v.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Boot
	for rows.Next() {
		b, err := scanBoot(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Err()
}

func (k sqliteAudit) keepBoot(ctx context.Context, b Boot) error {
	known, err := k.boots(ctx, b.Vehicle)
	if err != nil {
		return err
	}
	for _, x := range known {
		if x.BootID == b.BootID {
			b = x.with(b)
		}
	}
	_, err = k.tx.ExecContext(ctx, "INSERT OR REPLACE INTO boots VALUES (?, ?, ?, ?, ?, ?)",
		b.Vehicle.Agency, b.Vehicle.Name, b.BootID.String(), b.LastSeq, millis(orNull(b.FirstAt)), millis(orNull(b.LastAt)))
	return err
}

// Boots gives the starts of vehicles' programs.
func (s *SQLite) Boots(ctx context.Context) ([]Boot, error) {
	out, err := collect(ctx, s, scanBoot, sqliteBoots+" ORDER BY agency, vehicle, boot_id")
	if err != nil {
		return nil, fmt.Errorf("read starts of the program: %w", err)
	}
	return out, nil
}
