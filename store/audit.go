package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"alpr"
)

// metaAuditHead is where the signed place of the newest audit record is kept:
// without it, cutting records off the end would leave a sound chain.
const metaAuditHead = "audit head"

// auditBody is what the hash of an audit record covers, in this order of keys.
type auditBody struct {
	Seq     uint64            `json:"seq"`
	ID      alpr.ID           `json:"id"`
	At      time.Time         `json:"at"`
	Officer string            `json:"officer"`
	Agency  string            `json:"agency"`
	Purpose string            `json:"purpose"`
	Action  alpr.AuditAction  `json:"action"`
	Subject string            `json:"subject,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// auditHash chains a record to the one before it: SHA-256(prev ‖ record).
func auditHash(prev [32]byte, record []byte) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(record)
	return [32]byte(h.Sum(nil))
}

// Audit appends one interaction to the log and queues it for the backend. The
// store fills in ID, Seq, At (where zero), Prev and Hash. Never put a plate in
// clear into it: PlateTag names one.
func (s *Store) Audit(ctx context.Context, rec alpr.AuditRecord) error {
	if !rec.Action.IsKnown() || rec.Officer == "" {
		return fmt.Errorf("write the audit log: action %q by officer %q: an action of alpr.AuditActions and an officer are needed", rec.Action, rec.Officer)
	}
	if err := s.write(ctx, func(t *tx) error { return t.auditNow(rec) }); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

func (t *tx) auditNow(rec alpr.AuditRecord) error {
	var seq int64
	var last []byte
	found, err := t.row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", nil, &seq, &last)
	if err != nil {
		return fmt.Errorf("find the end of the audit log: %w", err)
	}
	var prev [32]byte
	if found {
		if len(last) != len(prev) {
			return fmt.Errorf("find the end of the audit log: record %d has a hash of %d bytes", seq, len(last))
		}
		prev = [32]byte(last)
	}
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
	body, err := json.Marshal(auditBody{
		Seq: uint64(seq) + 1, ID: rec.ID, At: rec.At.UTC().Round(0), Officer: rec.Officer, Agency: rec.Agency,
		Purpose: rec.Purpose, Action: rec.Action, Subject: rec.Subject, Detail: rec.Detail,
	})
	if err != nil {
		return fmt.Errorf("encode an audit record: %w", err)
	}
	hash := auditHash(prev, body)
	_, err = t.exec("INSERT INTO audit (seq, id, record, prev, hash, sig) VALUES (?, ?, ?, ?, ?, ?)",
		seq+1, rec.ID[:], body, prev[:], hash[:], ed25519.Sign(t.s.signer, hash[:]))
	if err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	if err := t.putMeta(metaAuditHead, ed25519.Sign(t.s.signer, headText(uint64(seq)+1, hash))); err != nil {
		return fmt.Errorf("sign the end of the audit log: %w", err)
	}
	return t.enqueue(alpr.KindAudit, rec.ID, 1, term{})
}

// headText is what the signature of the log's end covers.
func headText(seq uint64, hash [32]byte) []byte {
	return fmt.Appendf(nil, "alpr audit head %d %x", seq, hash)
}

func (s *Store) auditByID(ctx context.Context, id alpr.ID) (*alpr.AuditRecord, error) {
	var record, prev, hash []byte
	found, err := s.reader(ctx).row("SELECT record, prev, hash FROM audit WHERE id = ?", []any{id[:]}, &record, &prev, &hash)
	if err != nil || !found {
		return nil, err
	}
	return decodeAudit(record, prev, hash)
}

func decodeAudit(record, prev, hash []byte) (*alpr.AuditRecord, error) {
	var b auditBody
	if err := json.Unmarshal(record, &b); err != nil {
		return nil, fmt.Errorf("decode an audit record: %w", err)
	}
	r := &alpr.AuditRecord{
		ID: b.ID, Seq: b.Seq, At: b.At, Officer: b.Officer, Agency: b.Agency, Purpose: b.Purpose,
		Action: b.Action, Subject: b.Subject, Detail: b.Detail,
	}
	copy(r.Prev[:], prev)
	copy(r.Hash[:], hash)
	return r, nil
}

// PlateTag names a plate in the audit log without showing it: a keyed hash,
// so that only this device can tell whether a given plate is meant.
func (s *Store) PlateTag(plate string) (string, error) {
	key, err := s.device.derive("audit plate tag")
	if err != nil {
		return "", err
	}
	return "plate:" + hex.EncodeToString(keyedHash(key, alpr.Normalise(plate))), nil
}
