package store

import (
	"context"
	"fmt"
	"io"

	"alpr"
	"alpr/audit"
)

// Export writes the log as JSON lines that audit.Verify checks without the
// store, the device or any secret; with hasText who did what, to what and why
// stands beside each record in clear. The export is itself in the log, as its
// last record.
func (l AuditLog) Export(ctx context.Context, who Access, hasText bool, w io.Writer) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	detail := map[string]string{"text": "sealed"}
	if hasText {
		detail["text"] = "in clear"
	}
	if err := l.Audit(ctx, who.Record(alpr.ActionAuditExport, "", detail)); err != nil {
		return err
	}
	if err := l.s.writeAudit(ctx, hasText, w); err != nil {
		return fmt.Errorf("write out the audit log: %w", err)
	}
	return nil
}

// Key is the public key that checks this device's log. An agency that
// keeps it elsewhere notices a log that was signed anew by another device.
func (l AuditLog) Key() string { return l.s.sealer.PublicHex() }

func (s *Store) writeAudit(ctx context.Context, hasText bool, w io.Writer) error {
	tx, err := s.r.BeginTx(ctx, nil) // head and records of one instant
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var value []byte
	if err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", metaAuditHead).Scan(&value); err != nil {
		return fmt.Errorf("find the end of the log: %w", err)
	}
	out, err := audit.NewExport(w, s.sealer, value, hasText)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+auditColumns+" FROM audit ORDER BY seq")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row audit.Row
		if err := rows.Scan(auditDest(&row)...); err != nil {
			return err
		}
		if err := out.Add(&row); err != nil {
			return err
		}
	}
	return rows.Err()
}
