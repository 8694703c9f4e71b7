package store

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"alpr"
)

// auditFormat names the form of an exported log.
const auditFormat = "alpr-audit-1"

// auditHeader is the first line of an exported log.
type auditHeader struct {
	Format    string `json:"format"`
	PublicKey string `json:"public_key"` // Ed25519, of the device
	Seq       uint64 `json:"seq"`        // of the newest record
	Hash      string `json:"hash"`
	Signature string `json:"signature"` // of the log's end, by the device
}

// auditLine is one record of an exported log. The hash covers Record byte by
// byte.
type auditLine struct {
	Record    json.RawMessage `json:"record"`
	Prev      string          `json:"prev"`
	Hash      string          `json:"hash"`
	Signature string          `json:"signature"`
}

// ExportAudit writes the log as JSON lines that VerifyAudit checks without the
// store, the device or any secret. The export is itself in the log, as its
// last record.
func (s *Store) ExportAudit(ctx context.Context, who Access, w io.Writer) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	if err := s.Audit(ctx, who.record(alpr.ActionAuditExport, "", nil)); err != nil {
		return err
	}
	return s.WriteAudit(ctx, w)
}

// CheckAudit checks the store's own log, record by record, as VerifyAudit does
// an exported one. It writes nothing.
func (s *Store) CheckAudit(ctx context.Context) (AuditSummary, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(s.WriteAudit(ctx, w)) }()
	sum, err := VerifyAudit(r, s.signer.Public().(ed25519.PublicKey), nil)
	return sum, errors.Join(err, r.Close())
}

// AuditKey is the public key that checks this device's log. An agency that
// keeps it elsewhere notices a log that was signed anew by another device.
func (s *Store) AuditKey() string {
	return hex.EncodeToString(s.signer.Public().(ed25519.PublicKey))
}

// WriteAudit writes the log as ExportAudit does, and leaves no trace: for a
// check, not for handing out.
func (s *Store) WriteAudit(ctx context.Context, w io.Writer) error {
	if err := s.writeAudit(ctx, w); err != nil {
		return fmt.Errorf("write out the audit log: %w", err)
	}
	return nil
}

func (s *Store) writeAudit(ctx context.Context, w io.Writer) error {
	tx, err := s.r.BeginTx(ctx, nil) // head and records of one instant
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	head := auditHeader{Format: auditFormat, PublicKey: s.AuditKey()}
	var sig, hash []byte
	err = tx.QueryRowContext(ctx, "SELECT seq, hash, (SELECT value FROM meta WHERE name = ?) FROM audit ORDER BY seq DESC LIMIT 1",
		metaAuditHead).Scan(&head.Seq, &hash, &sig)
	if err != nil {
		return fmt.Errorf("find the end of the log: %w", err)
	}
	head.Hash, head.Signature = hex.EncodeToString(hash), hex.EncodeToString(sig)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // records as they were hashed
	if err := enc.Encode(head); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT record, prev, hash, sig FROM audit ORDER BY seq")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var record, prev, hash, sig []byte
		if err := rows.Scan(&record, &prev, &hash, &sig); err != nil {
			return err
		}
		if err := enc.Encode(auditLine{record, hex.EncodeToString(prev), hex.EncodeToString(hash), hex.EncodeToString(sig)}); err != nil {
			return err
		}
	}
	return rows.Err()
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
const maxAuditLine = 1 << 20

// VerifyAudit checks an exported log: that every record is unchanged, that none
// is missing between, before or after them, and that the device signed each.
// key, where not nil, must be the device's public key as the agency knows it;
// known, where not nil, holds records of an earlier export (number and hash)
// that must still be there.
func VerifyAudit(r io.Reader, key ed25519.PublicKey, known map[uint64]string) (AuditSummary, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxAuditLine)
	head, own, err := readAuditHeader(lines)
	if err != nil {
		return AuditSummary{}, fmt.Errorf("verify an audit log: %w", err)
	}
	if key != nil && !key.Equal(own) {
		return AuditSummary{}, fmt.Errorf("verify an audit log: signed by device key %s, not by %x: %w", head.PublicKey, []byte(key), ErrTampered)
	}
	v := auditVerifier{key: own, known: known, sum: AuditSummary{PublicKey: head.PublicKey}}
	for lines.Scan() {
		if err := v.next(lines.Bytes()); err != nil {
			return v.sum, fmt.Errorf("verify an audit log: record %d: %w", v.sum.Records+1, err)
		}
	}
	if err := lines.Err(); err != nil {
		return v.sum, fmt.Errorf("verify an audit log: %w", err)
	}
	if err := v.end(head); err != nil {
		return v.sum, fmt.Errorf("verify an audit log: %w", err)
	}
	return v.sum, nil
}

func readAuditHeader(lines *bufio.Scanner) (head auditHeader, key ed25519.PublicKey, err error) {
	if !lines.Scan() {
		return head, nil, errors.Join(errors.New("it is empty"), lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head.Format != auditFormat {
		return head, nil, fmt.Errorf("its first line is not the heading of an exported audit log (%s)", auditFormat)
	}
	raw, err := hex.DecodeString(head.PublicKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return head, nil, errors.New("its heading holds no Ed25519 key")
	}
	return head, raw, nil
}

type auditVerifier struct {
	key   ed25519.PublicKey
	known map[uint64]string
	prev  [32]byte
	sum   AuditSummary
}

func (v *auditVerifier) next(line []byte) error {
	var l auditLine
	if err := json.Unmarshal(line, &l); err != nil {
		return fmt.Errorf("%w: not a record: %w", ErrTampered, err)
	}
	var body auditBody
	if err := json.Unmarshal(l.Record, &body); err != nil {
		return fmt.Errorf("%w: not a record: %w", ErrTampered, err)
	}
	seq, hash := v.sum.Records+1, auditHash(v.prev, l.Record)
	sig, err := hex.DecodeString(l.Signature)
	switch {
	case body.Seq != seq:
		return fmt.Errorf("%w: number %d stands in its place: records were removed, added or moved", ErrTampered, body.Seq)
	case l.Prev != hex.EncodeToString(v.prev[:]):
		return fmt.Errorf("%w: it does not follow the one before", ErrTampered)
	case l.Hash != hex.EncodeToString(hash[:]):
		return fmt.Errorf("%w: it was changed", ErrTampered)
	case err != nil || !ed25519.Verify(v.key, hash[:], sig):
		return fmt.Errorf("%w: the device did not sign it", ErrTampered)
	case v.known[seq] != "" && v.known[seq] != l.Hash:
		return fmt.Errorf("%w: it is not the record that an earlier export holds", ErrTampered)
	}
	v.prev, v.sum.Records, v.sum.Last = hash, seq, l.Hash
	return nil
}

func (v *auditVerifier) end(head auditHeader) error {
	sig, err := hex.DecodeString(head.Signature)
	switch {
	case head.Seq != v.sum.Records || head.Hash != v.sum.Last:
		return fmt.Errorf("%w: it should end with record %d, and ends with %d", ErrTampered, head.Seq, v.sum.Records)
	case err != nil || !ed25519.Verify(v.key, headText(head.Seq, v.prev), sig):
		return fmt.Errorf("%w: the device did not sign record %d as its end: records after it were removed", ErrTampered, head.Seq)
	}
	for seq := range v.known {
		if seq > v.sum.Records {
			return fmt.Errorf("%w: record %d of an earlier export is gone", ErrTampered, seq)
		}
	}
	return nil
}

// KnownRecords reads number and hash of every record of an exported log, to
// check a later one against.
func KnownRecords(r io.Reader) (map[uint64]string, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxAuditLine)
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
