package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"alpr"
)

// The forms of an exported log. Earlier releases wrote the first.
const (
	auditFormat1 = "alpr-audit-1"
	auditFormat2 = "alpr-audit-2"
)

// auditHeader is the first line of an exported log.
type auditHeader struct {
	Format    string          `json:"format"`
	PublicKey string          `json:"public_key"`     // Ed25519, of the device
	Head      json.RawMessage `json:"head,omitempty"` // the signed end, as headJSON
	Seq       uint64          `json:"seq"`            // of the newest record
	Hash      string          `json:"hash"`
	Signature string          `json:"signature"` // of the log's end, by the device
}

// auditLine is one record of an exported log. The hash covers Record byte by
// byte, or for one of an earlier release its Text.
type auditLine struct {
	Record    json.RawMessage `json:"record"`
	Text      json.RawMessage `json:"text,omitempty"` // the sealed part in clear
	Prev      string          `json:"prev"`
	Hash      string          `json:"hash"`
	Signature string          `json:"signature"`
}

// ExportAudit writes the log as JSON lines that VerifyAudit checks without the
// store, the device or any secret; with hasText who did what, to what and why
// stands beside each record in clear. The export is itself in the log, as its
// last record.
func (s *Store) ExportAudit(ctx context.Context, who Access, hasText bool, w io.Writer) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	detail := map[string]string{"text": "sealed"}
	if hasText {
		detail["text"] = "in clear"
	}
	if err := s.Audit(ctx, who.record(alpr.ActionAuditExport, "", detail)); err != nil {
		return err
	}
	if err := s.writeAudit(ctx, hasText, w); err != nil {
		return fmt.Errorf("write out the audit log: %w", err)
	}
	return nil
}

// AuditKey is the public key that checks this device's log. An agency that
// keeps it elsewhere notices a log that was signed anew by another device.
func (s *Store) AuditKey() string { return hex.EncodeToString(s.auditPublic()) }

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
	var signed signedHead
	if err := json.Unmarshal(value, &signed); err != nil {
		return fmt.Errorf("find the end of the log: %w", err)
	}
	end, err := decodeHead(signed.Head)
	if err != nil {
		return fmt.Errorf("find the end of the log: %w", err)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // records as they were hashed
	err = enc.Encode(auditHeader{Format: auditFormat2, PublicKey: s.AuditKey(), Head: signed.Head, Seq: end.Seq,
		Hash: hex.EncodeToString(end.Hash[:]), Signature: hex.EncodeToString(signed.Signature)})
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+auditColumns+" FROM audit ORDER BY seq")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row auditRow
		if err := rows.Scan(row.dest()...); err != nil {
			return err
		}
		if err := enc.Encode(s.auditLine(&row, hasText)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// auditLine is a row as a line. What JSON would not carry byte by byte was
// tampered with: it becomes a string, which no verifier takes for a record.
func (s *Store) auditLine(row *auditRow, hasText bool) auditLine {
	line := auditLine{Record: row.record, Prev: hex.EncodeToString(row.prev), Hash: hex.EncodeToString(row.hash), Signature: hex.EncodeToString(row.sig)}
	var same bytes.Buffer
	if json.Compact(&same, row.record) != nil || !bytes.Equal(same.Bytes(), row.record) {
		line.Record, _ = json.Marshal(string(row.record)) // a string always can
		return line
	}
	if hasText {
		if text, err := s.auditSeal.text(row.record); err == nil {
			line.Text = text
		}
	}
	return line
}

// AuditSummary is what a check of the log found before it ended.
type AuditSummary struct {
	Records   uint64
	Last      string // hash of the newest record: note it, to check later logs against
	PublicKey string
}

// ErrTampered reports a log in which something was changed, added or removed.
var ErrTampered = errors.New("the audit log is not whole")

// maxAuditLine bounds a line of an exported log.
const maxAuditLine = 4 << 20

// VerifyAudit checks an exported log: that every record is unchanged, that none
// is missing between, before or after them, and that the device signed each.
// The sealed text of records need not be opened for it; where the export holds
// it in clear, that is checked too. key, where not nil, must be the device's
// public key as the agency knows it; known, where not nil, holds records of an
// earlier export (number and hash) that must still be there.
func VerifyAudit(r io.Reader, key ed25519.PublicKey, known map[uint64]string) (AuditSummary, error) {
	sum, err := verifyAudit(r, key, known)
	if err != nil {
		return sum, fmt.Errorf("verify an audit log: %w", err)
	}
	return sum, nil
}

func verifyAudit(r io.Reader, key ed25519.PublicKey, known map[uint64]string) (sum AuditSummary, err error) {
	lines := newAuditLines(r)
	head, own, err := readAuditHeader(lines)
	if err != nil {
		return sum, err
	}
	if key != nil && !key.Equal(own) {
		return sum, fmt.Errorf("signed by device key %s, not by %x: %w", head.PublicKey, []byte(key), ErrTampered)
	}
	sum.PublicKey = head.PublicKey
	end, err := head.end(own)
	if err != nil {
		return sum, err
	}
	c := newChain(known)
	for lines.Scan() {
		row, text, err := readAuditLine(lines.Bytes())
		if err != nil {
			return sum, fmt.Errorf("%w: broken at record %d: %w", ErrTampered, c.seq+1, err)
		}
		c.next(&row, text != nil, lineFault(own, &row, text))
	}
	if err := lines.Err(); err != nil {
		return sum, err
	}
	c.end(&end)
	sum.Records, sum.Last = c.seq, hex.EncodeToString(c.hash[:])
	if sum.Records == 0 {
		return sum, fmt.Errorf("%w: it holds no record", ErrTampered)
	}
	return sum, c.err()
}

func newAuditLines(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxAuditLine)
	return lines
}

func readAuditHeader(lines *bufio.Scanner) (head auditHeader, key ed25519.PublicKey, err error) {
	if !lines.Scan() {
		return head, nil, errors.Join(errors.New("it is empty"), lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head.Format != auditFormat1 && head.Format != auditFormat2 {
		return head, nil, fmt.Errorf("its first line is not the heading of an exported audit log (%s or %s)", auditFormat1, auditFormat2)
	}
	raw, err := hex.DecodeString(head.PublicKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return head, nil, errors.New("its heading holds no Ed25519 key")
	}
	return head, raw, nil
}

// end is the signed end that the heading tells of.
func (h *auditHeader) end(key ed25519.PublicKey) (end alpr.AuditHead, err error) {
	errEnd := fmt.Errorf("%w: the device did not sign record %d as its end: records after it were removed", ErrTampered, h.Seq)
	sig, err := hex.DecodeString(h.Signature)
	if err != nil {
		return end, errEnd
	}
	if h.Format == auditFormat2 {
		end, err = decodeHead(h.Head)
		if err != nil || !ed25519.Verify(key, headText(h.Head), sig) {
			return end, errEnd
		}
		return end, nil
	}
	hash, err := hex.DecodeString(h.Hash)
	if err != nil || len(hash) != 32 || !ed25519.Verify(key, headText1(h.Seq, [32]byte(hash)), sig) {
		return end, errEnd
	}
	return alpr.AuditHead{Seq: h.Seq, Hash: [32]byte(hash)}, nil
}

func readAuditLine(line []byte) (row auditRow, text []byte, err error) {
	var l auditLine
	if err := json.Unmarshal(line, &l); err != nil {
		return row, nil, fmt.Errorf("not a record: %w", err)
	}
	prev, errPrev := hex.DecodeString(l.Prev)
	hash, errHash := hex.DecodeString(l.Hash)
	sig, errSig := hex.DecodeString(l.Signature)
	return auditRow{record: l.Record, prev: prev, hash: hash, sig: sig}, l.Text, errors.Join(errPrev, errHash, errSig)
}

// KnownRecords reads number and hash of every record of an exported log, to
// check a later one against.
func KnownRecords(r io.Reader) (map[uint64]string, error) {
	lines := newAuditLines(r)
	if _, _, err := readAuditHeader(lines); err != nil {
		return nil, fmt.Errorf("read an earlier audit log: %w", err)
	}
	known := make(map[uint64]string)
	for lines.Scan() {
		var l auditLine
		var body auditBody
		if err := errors.Join(json.Unmarshal(lines.Bytes(), &l), json.Unmarshal(l.Record, &body)); err != nil {
			return nil, fmt.Errorf("read an earlier audit log: %w", err)
		}
		known[body.Seq] = l.Hash
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read an earlier audit log: %w", err)
	}
	return known, nil
}
