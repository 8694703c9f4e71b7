package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"alpr"
	"alpr/audit"
)

const auditColumns = "seq, id, record, prev, hash, sig"

// auditDest is where the columns of a row of table audit are scanned to.
func auditDest(r *audit.Row) []any {
	return []any{&r.Seq, &r.ID, &r.Record, &r.Prev, &r.Hash, &r.Sig}
}

// Audit appends one interaction to the log and queues it for the backend. The
// store fills in ID, Seq, At (where zero), Prev and Hash. Officer, agency,
// purpose, subject and detail are sealed; a plate is named by its PlateTag all
// the same.
func (l AuditLog) Audit(ctx context.Context, rec alpr.AuditRecord) error {
	if !rec.Action.IsKnown() || rec.Officer == "" {
		return fmt.Errorf("write the audit log: action %q by officer %q: an action of alpr.AuditActions and an officer are needed", rec.Action, rec.Officer)
	}
	err := l.s.write(ctx, func(t *tx) error { return t.auditNow(rec) })
	if isNoRoom(err) {
		err = l.s.later(rec, err)
	}
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// auditNow appends a record in the transaction that is open. Before it, it
// makes sure that the log still ends where it was signed to end; where it does
// not, that is the first thing written down.
func (t *tx) auditNow(rec alpr.AuditRecord) error {
	end, err := t.resolveEnd()
	if err != nil {
		return err
	}
	return t.auditAfter(&end, rec, nil)
}

// auditAfter appends a record after end, and signs the new end.
func (t *tx) auditAfter(end *alpr.AuditHead, rec alpr.AuditRecord, note map[string]string) (err error) {
	if rec.At.IsZero() {
		rec.At = t.wall
	}
	if rec.Agency == "" {
		rec.Agency = t.s.cfg.Agency
	}
	if rec.ID.IsZero() {
		if rec.ID, err = alpr.NewID(t.wall, rand.Reader); err != nil {
			return err
		}
	}
	row, err := t.s.sealer.Next(end, rec, note)
	if err != nil {
		return err
	}
	_, err = t.exec("INSERT INTO audit ("+auditColumns+") VALUES (?, ?, ?, ?, ?, ?)", row.Seq, row.ID, row.Record, row.Prev, row.Hash, row.Sig)
	if err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	if err := t.putHead(end); err != nil {
		return err
	}
	return t.enqueue(alpr.KindAudit, rec.ID, 1, term{})
}

// newSealer makes the device's side of the log. The key of its words is the
// device's and lives as long as the log does.
func newSealer(device *DeviceKey) (audit.Sealer, error) {
	signer, err := device.auditKey()
	if err != nil {
		return audit.Sealer{}, err
	}
	key, err := device.derive("audit text")
	if err != nil {
		return audit.Sealer{}, err
	}
	text, err := newAEAD(key)
	return audit.NewSealer(signer, text), err
}

// auditByID is the record for the backend. One that cannot be opened any more is
// told of as what it is: the backend must not wait for it for ever.
func (s *Store) auditByID(ctx context.Context, id alpr.ID) (*alpr.AuditRecord, error) {
	var row audit.Row
	var head []byte
	found, err := s.reader(ctx).row("SELECT "+auditColumns+", (SELECT value FROM meta WHERE name = ?) FROM audit WHERE id = ?",
		[]any{metaAuditHead, id[:]}, append(auditDest(&row), &head)...)
	if err != nil || !found {
		return nil, err
	}
	rec, err := s.sealer.Decode(&row)
	if err != nil {
		s.log.Error("an audit record is damaged", "record", row.Seq, "error", err)
		rec = &alpr.AuditRecord{ID: id, Seq: uint64(max(1, row.Seq)), At: s.now(), Officer: "system", Agency: s.cfg.Agency,
			Action: alpr.ActionAuditBroken, Purpose: "the record cannot be read", Detail: map[string]string{"why": err.Error()}}
	}
	if h, ok := s.sealer.OpenHead(head); ok {
		rec.Log = h.Log
	}
	return rec, nil
}

// PlateTag names a plate in the audit log without showing it: a keyed hash,
// so that only this device can tell whether a given plate is meant.
func (l AuditLog) PlateTag(plate string) (string, error) {
	key, err := l.s.device.derive("audit plate tag")
	if err != nil {
		return "", err
	}
	return "plate:" + hex.EncodeToString(keyedHash(key, alpr.Normalise(plate))), nil
}
