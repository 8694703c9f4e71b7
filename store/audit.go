package store

import (
	"context"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"alpr"
)

// The forms of an audit record in the file.
const (
	formClear  = 0 // of earlier releases: everything in clear, hashed as it is
	formOld    = 1 // one of those, sealed since; its hash is still that of the clear form
	formSealed = 2 // what this release writes: hashed as it is, with its text sealed
)

// auditBody is what everybody may see of a record: its place, its time and what
// was done. In form 2 the hash covers it byte by byte.
type auditBody struct {
	Form   int               `json:"form,omitempty"`
	Seq    uint64            `json:"seq"`
	ID     alpr.ID           `json:"id"`
	At     time.Time         `json:"at"`
	Action alpr.AuditAction  `json:"action"`
	Note   map[string]string `json:"note,omitempty"`  // what a verifier without the key must know of a record about the log itself
	Proof  string            `json:"proof,omitempty"` // SHA-256 of the text, by which an opened one can be told from an invented one
	Sealed []byte            `json:"sealed,omitempty"`
}

// auditText is who did it, to what, and why: words of people, in which a plate
// may stand.
type auditText struct {
	Salt    []byte            `json:"salt"` // so that nobody can try texts against the proof
	Officer string            `json:"officer"`
	Agency  string            `json:"agency"`
	Purpose string            `json:"purpose"`
	Subject string            `json:"subject,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// clearBody is a record of an earlier release.
type clearBody struct {
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

// auditRow is a row of table audit.
type auditRow struct {
	seq                    int64
	id, record, prev, hash []byte
	sig                    []byte
}

const auditColumns = "seq, id, record, prev, hash, sig"

func (r *auditRow) dest() []any { return []any{&r.seq, &r.id, &r.record, &r.prev, &r.hash, &r.sig} }

// auditHash chains a record to the one before it: SHA-256(prev ‖ record).
func auditHash(prev [32]byte, record []byte) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(record)
	return [32]byte(h.Sum(nil))
}

// Audit appends one interaction to the log and queues it for the backend. The
// store fills in ID, Seq, At (where zero), Prev and Hash. Officer, agency,
// purpose, subject and detail are sealed; a plate is named by its PlateTag all
// the same.
func (s *Store) Audit(ctx context.Context, rec alpr.AuditRecord) error {
	if !rec.Action.IsKnown() || rec.Officer == "" {
		return fmt.Errorf("write the audit log: action %q by officer %q: an action of alpr.AuditActions and an officer are needed", rec.Action, rec.Officer)
	}
	err := s.write(ctx, func(t *tx) error { return t.auditNow(rec) })
	if isNoRoom(err) {
		err = s.later(rec, err)
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
	end, err := t.settleEnd()
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
	body := auditBody{Form: formSealed, Seq: end.Seq + 1, ID: rec.ID, At: rec.At.UTC().Round(0), Action: rec.Action, Note: note}
	record, err := t.s.auditSeal.body(body, rec)
	if err != nil {
		return err
	}
	prev := end.Hash
	hash := auditHash(prev, record)
	_, err = t.exec("INSERT INTO audit ("+auditColumns+") VALUES (?, ?, ?, ?, ?, ?)",
		int64(body.Seq), rec.ID[:], record, prev[:], hash[:], ed25519.Sign(t.s.signer, hash[:]))
	if err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	if end.Seq == 0 {
		end.Log = hash
	}
	end.Seq, end.Hash = body.Seq, hash
	if err := t.putHead(end); err != nil {
		return err
	}
	return t.enqueue(alpr.KindAudit, rec.ID, 1, term{})
}

// auditSealer seals the text of records. Its key is the device's and lives as
// long as the log does.
type auditSealer struct{ aead cipher.AEAD }

func newAuditSealer(device *DeviceKey) (auditSealer, error) {
	key, err := device.derive("audit text")
	if err != nil {
		return auditSealer{}, err
	}
	aead, err := newAEAD(key)
	return auditSealer{aead}, err
}

func (a auditSealer) body(body auditBody, rec alpr.AuditRecord) ([]byte, error) {
	text := auditText{
		Salt: make([]byte, 16), Officer: rec.Officer, Agency: rec.Agency, Purpose: rec.Purpose, Subject: rec.Subject, Detail: rec.Detail,
	}
	if _, err := rand.Read(text.Salt); err != nil {
		return nil, fmt.Errorf("seal an audit record: %w", err)
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("encode an audit record: %w", err)
	}
	proof := sha256.Sum256(raw)
	body.Proof, body.Sealed = hex.EncodeToString(proof[:]), a.seal(raw, body.ID)
	record, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode an audit record: %w", err)
	}
	return record, nil
}

func (a auditSealer) seal(text []byte, id alpr.ID) []byte {
	return a.aead.Seal(nil, nil, text, bodyAD("audit", id[:], 0))
}

func (a auditSealer) open(sealed []byte, id alpr.ID) ([]byte, error) {
	text, err := a.aead.Open(nil, nil, sealed, bodyAD("audit", id[:], 0))
	if err != nil {
		return nil, fmt.Errorf("open audit record %s: changed or damaged: %w", id, err)
	}
	return text, nil
}

// old is a record of an earlier release with everything sealed but its place,
// its time and what was done. What does not read as a record is sealed as it is.
func (a auditSealer) old(row *auditRow) ([]byte, error) {
	var clear clearBody
	if json.Unmarshal(row.record, &clear) != nil {
		clear = clearBody{Seq: uint64(row.seq)}
		copy(clear.ID[:], row.id)
	}
	body := auditBody{Form: formOld, Seq: clear.Seq, ID: clear.ID, At: clear.At, Action: clear.Action, Sealed: a.seal(row.record, clear.ID)}
	record, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode an audit record: %w", err)
	}
	return record, nil
}

// isInClear says that a record holds its text in clear, or is none.
func isInClear(record []byte) bool {
	var body auditBody
	return json.Unmarshal(record, &body) != nil || body.Form == formClear
}

// text is a record's sealed part in clear: nil for one of form 0, which has none.
func (a auditSealer) text(record []byte) ([]byte, error) {
	var body auditBody
	if err := json.Unmarshal(record, &body); err != nil {
		return nil, fmt.Errorf("decode an audit record: %w", err)
	}
	if body.Form == formClear {
		return nil, nil
	}
	return a.open(body.Sealed, body.ID)
}

// decode is a row as a record.
func (a auditSealer) decode(row *auditRow) (*alpr.AuditRecord, error) {
	text, err := a.text(row.record)
	if err != nil {
		return nil, err
	}
	var body auditBody
	if err := json.Unmarshal(row.record, &body); err != nil {
		return nil, fmt.Errorf("decode an audit record: %w", err)
	}
	if body.Form != formSealed { // the text is a whole record of an earlier release
		if text == nil {
			text = row.record
		}
		if err := json.Unmarshal(text, &body); err != nil {
			return nil, fmt.Errorf("decode an audit record: %w", err)
		}
	}
	var words auditText
	if err := json.Unmarshal(text, &words); err != nil {
		return nil, fmt.Errorf("decode an audit record: %w", err)
	}
	r := &alpr.AuditRecord{
		ID: body.ID, Seq: body.Seq, At: body.At, Officer: words.Officer, Agency: words.Agency, Purpose: words.Purpose,
		Action: body.Action, Subject: words.Subject, Detail: words.Detail,
	}
	copy(r.Prev[:], row.prev)
	copy(r.Hash[:], row.hash)
	return r, nil
}

// auditByID is the record for the backend. One that cannot be opened any more is
// told of as what it is: the backend must not wait for it for ever.
func (s *Store) auditByID(ctx context.Context, id alpr.ID) (*alpr.AuditRecord, error) {
	var row auditRow
	var head []byte
	found, err := s.reader(ctx).row("SELECT "+auditColumns+", (SELECT value FROM meta WHERE name = ?) FROM audit WHERE id = ?",
		[]any{metaAuditHead, id[:]}, append(row.dest(), &head)...)
	if err != nil || !found {
		return nil, err
	}
	rec, err := s.auditSeal.decode(&row)
	if err != nil {
		s.log.Error("an audit record is damaged", "record", row.seq, "error", err)
		rec = &alpr.AuditRecord{ID: id, Seq: uint64(max(1, row.seq)), At: s.now(), Officer: "system", Agency: s.cfg.Agency,
			Action: alpr.ActionAuditBroken, Purpose: "the record cannot be read", Detail: map[string]string{"why": err.Error()}}
	}
	if h, ok := s.openHead(head); ok {
		rec.Log = h.Log
	}
	return rec, nil
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
