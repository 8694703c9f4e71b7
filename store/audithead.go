package store

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"alpr"
)

// metaAuditHead is where the signed end of the audit log is kept: without it,
// cutting records off the end would leave a sound chain.
const metaAuditHead = "audit head"

// headJSON is an AuditHead as it is kept, signed and exported.
type headJSON struct {
	Log    string      `json:"log"`
	Seq    uint64      `json:"seq"`
	Hash   string      `json:"hash"`
	BootID alpr.ID     `json:"boot_id"`
	At     time.Time   `json:"at"`
	Breaks []breakJSON `json:"breaks,omitempty"`
}

type breakJSON struct {
	At      uint64    `json:"at"`
	Why     string    `json:"why"`
	FoundAt time.Time `json:"found_at"`
}

// signedHead is the value in table meta.
type signedHead struct {
	Head      json.RawMessage `json:"head"`
	Signature []byte          `json:"signature"`
}

// headText is what the signature of the log's end covers.
func headText(head []byte) []byte { return append([]byte("alpr audit head 2 "), head...) }

// headText1 is what it covered in earlier releases, which kept the bare signature.
func headText1(seq uint64, hash [32]byte) []byte {
	return fmt.Appendf(nil, "alpr audit head %d %x", seq, hash)
}

func encodeHead(h *alpr.AuditHead) ([]byte, error) {
	out := headJSON{Log: hex.EncodeToString(h.Log[:]), Seq: h.Seq, Hash: hex.EncodeToString(h.Hash[:]), BootID: h.BootID, At: h.At.UTC()}
	for _, b := range h.Breaks {
		out.Breaks = append(out.Breaks, breakJSON(b))
	}
	return json.Marshal(out)
}

func decodeHead(raw []byte) (h alpr.AuditHead, err error) {
	var in headJSON
	if err := json.Unmarshal(raw, &in); err != nil {
		return h, err
	}
	log, errLog := hex.DecodeString(in.Log)
	hash, errHash := hex.DecodeString(in.Hash)
	if err := errors.Join(errLog, errHash); err != nil || len(log) != 32 || len(hash) != 32 {
		return h, errors.Join(errors.New("not a hash"), err)
	}
	h = alpr.AuditHead{Log: [32]byte(log), Seq: in.Seq, Hash: [32]byte(hash), BootID: in.BootID, At: in.At}
	for _, b := range in.Breaks {
		h.Breaks = append(h.Breaks, alpr.AuditBreak(b))
	}
	return h, nil
}

// putHead signs the end of the log, in the transaction that moves it.
func (t *tx) putHead(h *alpr.AuditHead) error {
	h.BootID, h.At = t.s.bootID, t.wall
	raw, err := encodeHead(h)
	if err != nil {
		return fmt.Errorf("encode the end of the audit log: %w", err)
	}
	value, err := json.Marshal(signedHead{Head: raw, Signature: ed25519.Sign(t.s.signer, headText(raw))})
	if err != nil {
		return fmt.Errorf("encode the end of the audit log: %w", err)
	}
	if err := t.putMeta(metaAuditHead, value); err != nil {
		return fmt.Errorf("sign the end of the audit log: %w", err)
	}
	return nil
}

// openHead reads a signed end. ok is false for one that the device did not sign.
func (s *Store) openHead(value []byte) (h alpr.AuditHead, ok bool) {
	var signed signedHead
	if json.Unmarshal(value, &signed) != nil || !ed25519.Verify(s.auditPublic(), headText(signed.Head), signed.Signature) {
		return h, false
	}
	h, err := decodeHead(signed.Head)
	return h, err == nil
}

func (s *Store) auditPublic() ed25519.PublicKey { return s.signer.Public().(ed25519.PublicKey) }

// lastRow is the end of the log as the file has it: the signed value, and the
// last record. One query, so that both are of one instant.
func lastRow(q querier) (value []byte, last auditRow, found bool, err error) {
	var seq *int64
	_, err = q.row(`SELECT (SELECT value FROM meta WHERE name = ?), a.seq, a.id, a.record, a.prev, a.hash, a.sig
		FROM (SELECT 1) LEFT JOIN (SELECT * FROM audit ORDER BY seq DESC LIMIT 1) a`,
		[]any{metaAuditHead}, &value, &seq, &last.id, &last.record, &last.prev, &last.hash, &last.sig)
	if err != nil {
		return nil, last, false, fmt.Errorf("find the end of the audit log: %w", err)
	}
	if seq != nil {
		last.seq = *seq
	}
	return value, last, seq != nil, nil
}

// errNoEnd reports an end that must be looked for: nothing signed vouches for one.
var errNoEnd = errors.New("the signed end of the log is missing")

// auditEnd is the signed end, with what tampering it shows beside those on
// record. errNoEnd says that there is none. isOld says that an earlier release wrote it.
func (s *Store) auditEnd(q querier) (end alpr.AuditHead, found *alpr.AuditBreak, isOld bool, err error) {
	value, last, hasRow, err := lastRow(q)
	if err != nil {
		return end, nil, false, err
	}
	end, ok := s.openHead(value)
	if !ok {
		if hasRow && s.rowFault(&last) == nil && ed25519.Verify(s.auditPublic(), headText1(uint64(last.seq), [32]byte(last.hash)), value) {
			return alpr.AuditHead{Seq: uint64(last.seq), Hash: [32]byte(last.hash)}, nil, true, nil
		}
		return end, nil, false, errNoEnd
	}
	at, why := uint64(0), ""
	switch {
	case last.seq < int64(end.Seq):
		at, why = uint64(max(0, last.seq))+1, fmt.Sprintf("records up to %d are missing at the end of the log", end.Seq)
	case last.seq > int64(end.Seq):
		at, why = end.Seq+1, "it was added after the signed end, or the signed end was set back"
	case hasRow && ([32]byte(pad(last.hash)) != end.Hash || s.rowFault(&last) != nil):
		at, why = end.Seq, "it was changed"
	}
	if at > 0 {
		found = &alpr.AuditBreak{At: at, Why: why}
	}
	return end, found, false, nil
}

// pad makes 32 bytes of what should be.
func pad(b []byte) []byte {
	var out [32]byte
	copy(out[:], b)
	return out[:]
}

// rowFault says what is wrong with a row by itself, every column of it looked at.
func (s *Store) rowFault(row *auditRow) error {
	text, err := s.auditSeal.text(row.record)
	if err != nil {
		return err
	}
	if err := lineFault(s.auditPublic(), row, text); err != nil {
		return err
	}
	var body auditBody
	if err := json.Unmarshal(row.record, &body); err != nil {
		return err
	}
	if row.seq < 1 || uint64(row.seq) != body.Seq || string(row.id) != string(body.ID[:]) {
		return errors.New("its number or id was changed")
	}
	if again, err := json.Marshal(body); err != nil || body.Form != formClear && string(again) != string(row.record) {
		return errors.Join(errors.New("it was changed"), err) // what the hash does not cover: an old record's wrapping
	}
	return nil
}

// settleEnd is the end to append after. Tampering that it shows is written into
// the log first, and stays there: the numbers go on after the highest that the
// device has signed, so that what was cut off is missing for ever.
func (t *tx) settleEnd() (alpr.AuditHead, error) {
	end, found, isOld, err := t.s.auditEnd(t)
	switch {
	case errors.Is(err, errNoEnd):
		isNew, err := t.isNewLog()
		if err != nil || isNew {
			return alpr.AuditHead{}, err
		}
		if end, err = t.lastSigned(alpr.AuditHead{}); err != nil {
			return end, err
		}
		found = &alpr.AuditBreak{At: end.Seq + 1, Why: "the signed end of the log is missing: records from here on may have been removed"}
	case err != nil:
		return end, err
	case isOld:
		return t.recall(end)
	}
	if found == nil {
		return end, nil
	}
	if end, err = t.lastSigned(end); err != nil {
		return end, err
	}
	return end, t.noteBreaks(&end, []alpr.AuditBreak{*found})
}

// isNewLog says that nothing was ever recorded in this file: the first record
// is yet to come. Keys and the policy come with records, and are never deleted.
func (t *tx) isNewLog() (bool, error) {
	var n int
	_, err := t.row(`SELECT (SELECT count(*) FROM audit) + (SELECT count(*) FROM data_keys) + (SELECT count(*) FROM meta WHERE name IN (?, ?))`,
		[]any{metaPolicy, metaAuditHead}, &n)
	return n == 0, err
}

// lastSigned is the last record after end that the device has signed, or end.
// What stands after it was not written by the store, and is moved out of the
// way, into table audit_foreign.
func (t *tx) lastSigned(end alpr.AuditHead) (alpr.AuditHead, error) {
	for {
		var row auditRow
		found, err := t.row("SELECT "+auditColumns+" FROM audit WHERE seq > ? OR seq < 1 ORDER BY seq DESC LIMIT 1", []any{int64(end.Seq)}, row.dest()...)
		if err != nil {
			return end, fmt.Errorf("find the end of the audit log: %w", err)
		}
		if found && t.s.rowFault(&row) == nil {
			end.Seq, end.Hash = uint64(row.seq), [32]byte(row.hash)
			continue // also clears rows of numbers below 1
		}
		if !found {
			return t.recall(end)
		}
		for _, query := range []string{
			"INSERT INTO audit_foreign (found_ms, " + auditColumns + ") SELECT ?, " + auditColumns + " FROM audit WHERE seq = ?",
			"DELETE FROM audit WHERE ? > 0 AND seq = ?",
		} {
			if _, err := t.exec(query, ms(t.wall), row.seq); err != nil {
				return end, fmt.Errorf("move foreign audit records away: %w", err)
			}
		}
	}
}

// recall makes good what an end that was lost knew beside its place: which log
// this is, and where it was found broken.
func (t *tx) recall(end alpr.AuditHead) (alpr.AuditHead, error) {
	if end.Log != [32]byte{} {
		return end, nil
	}
	rows, err := t.query("SELECT " + auditColumns + " FROM audit ORDER BY seq")
	if err != nil {
		return end, fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()
	c := newChain(nil)
	for rows.Next() {
		var row auditRow
		if err := rows.Scan(row.dest()...); err != nil {
			return end, fmt.Errorf("read the audit log: %w", err)
		}
		if end.Log == [32]byte{} {
			copy(end.Log[:], row.hash)
		}
		var body auditBody
		if json.Unmarshal(row.record, &body) == nil && body.Action == alpr.ActionAuditBroken {
			c.breaks = nil
			c.note(&body, row.record, true)
			for _, b := range c.breaks {
				end.Breaks = addBreak(end.Breaks, b)
			}
		}
	}
	return end, rows.Err()
}

// noteBreaks writes new breaks into the log, for ever.
func (t *tx) noteBreaks(end *alpr.AuditHead, found []alpr.AuditBreak) error {
	for _, b := range found {
		if hasBreak(end.Breaks, b.At) || len(end.Breaks) >= maxBreaks {
			continue
		}
		t.s.log.Error("the audit log was tampered with: it says so from now on, and the program goes on", "record", b.At, "why", b.Why)
		b.FoundAt = t.wall
		end.Breaks = append(end.Breaks, b)
		note := map[string]string{noteAt: strconv.FormatUint(b.At, 10), noteWhy: b.Why}
		rec := alpr.AuditRecord{Officer: "system", Action: alpr.ActionAuditBroken, Purpose: "the audit log was tampered with", Detail: note}
		if err := t.auditAfter(end, rec, note); err != nil {
			return err
		}
	}
	return nil
}

// AuditHead is the signed end of the log, with every place at which the log was
// tampered with, this moment's included. It is a cheap question.
func (s *Store) AuditHead(ctx context.Context) (alpr.AuditHead, error) {
	end, found, _, err := s.auditEnd(s.reader(ctx))
	if errors.Is(err, errNoEnd) {
		found, err = &alpr.AuditBreak{At: 1, Why: errNoEnd.Error()}, nil
	}
	if err != nil {
		return end, err
	}
	if found != nil && !hasBreak(end.Breaks, found.At) {
		found.FoundAt = s.now()
		end.Breaks = append(end.Breaks, *found)
	}
	return end, nil
}
