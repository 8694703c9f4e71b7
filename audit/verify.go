package audit

import (
	"bufio"
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
	format1 = "alpr-audit-1"
	format2 = "alpr-audit-2"
)

// header is the first line of an exported log.
type header struct {
	Format    string          `json:"format"`
	PublicKey string          `json:"public_key"`     // Ed25519, of the device
	Head      json.RawMessage `json:"head,omitempty"` // the signed end, as headJSON
	Seq       uint64          `json:"seq"`            // of the newest record
	Hash      string          `json:"hash"`
	Signature string          `json:"signature"` // of the log's end, by the device
}

// line is one record of an exported log. The hash covers Record byte by byte,
// or for one of an earlier release its Text.
type line struct {
	Record    json.RawMessage `json:"record"`
	Text      json.RawMessage `json:"text,omitempty"` // the sealed part in clear
	Prev      string          `json:"prev"`
	Hash      string          `json:"hash"`
	Signature string          `json:"signature"`
}

// Summary is what a check of the log found before it ended.
type Summary struct {
	Records   uint64
	Last      string // hash of the newest record: note it, to check later logs against
	PublicKey string
}

// Summary is what the chain has seen, of the log of the device with that key.
func (c *Chain) Summary(key string) Summary {
	return Summary{Records: c.seq, Last: hex.EncodeToString(c.hash[:]), PublicKey: key}
}

// ErrTampered reports a log in which something was changed, added or removed.
var ErrTampered = errors.New("the audit log is not whole")

// maxLine bounds a line of an exported log.
const maxLine = 4 << 20

// Verify checks an exported log: that every record is unchanged, that none
// is missing between, before or after them, and that the device signed each.
// The sealed text of records need not be opened for it; where the export holds
// it in clear, that is checked too. key, where not nil, must be the device's
// public key as the agency knows it; known, where not nil, holds records of an
// earlier export (number and hash) that must still be there.
func Verify(r io.Reader, key ed25519.PublicKey, known map[uint64]string) (Summary, error) {
	sum, err := verify(r, key, known)
	if err != nil {
		return sum, fmt.Errorf("verify an audit log: %w", err)
	}
	return sum, nil
}

func verify(r io.Reader, key ed25519.PublicKey, known map[uint64]string) (sum Summary, err error) {
	lines := newLines(r)
	head, own, err := readHeader(lines)
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
	c := NewChain(known)
	for lines.Scan() {
		row, text, err := readLine(lines.Bytes())
		if err != nil {
			return sum, fmt.Errorf("%w: broken at record %d: %w", ErrTampered, c.seq+1, err)
		}
		c.Next(&row, text != nil, lineFault(own, &row, text))
	}
	if err := lines.Err(); err != nil {
		return sum, err
	}
	c.End(&end)
	sum = c.Summary(head.PublicKey)
	if sum.Records == 0 {
		return sum, fmt.Errorf("%w: it holds no record", ErrTampered)
	}
	return sum, c.Err()
}

func newLines(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	return lines
}

func readHeader(lines *bufio.Scanner) (head header, key ed25519.PublicKey, err error) {
	if !lines.Scan() {
		return head, nil, errors.Join(errors.New("it is empty"), lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head.Format != format1 && head.Format != format2 {
		return head, nil, fmt.Errorf("its first line is not the heading of an exported audit log (%s or %s)", format1, format2)
	}
	raw, err := hex.DecodeString(head.PublicKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return head, nil, errors.New("its heading holds no Ed25519 key")
	}
	return head, raw, nil
}

// end is the signed end that the heading tells of.
func (h *header) end(key ed25519.PublicKey) (end alpr.AuditHead, err error) {
	errEnd := fmt.Errorf("%w: the device did not sign record %d as its end: records after it were removed", ErrTampered, h.Seq)
	sig, err := hex.DecodeString(h.Signature)
	if err != nil {
		return end, errEnd
	}
	if h.Format == format2 {
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

func readLine(raw []byte) (row Row, text []byte, err error) {
	var l line
	if err := json.Unmarshal(raw, &l); err != nil {
		return row, nil, fmt.Errorf("not a record: %w", err)
	}
	prev, errPrev := hex.DecodeString(l.Prev)
	hash, errHash := hex.DecodeString(l.Hash)
	sig, errSig := hex.DecodeString(l.Signature)
	return Row{Record: l.Record, Prev: prev, Hash: hash, Sig: sig}, l.Text, errors.Join(errPrev, errHash, errSig)
}

// KnownRecords reads number and hash of every record of an exported log, to
// check a later one against.
func KnownRecords(r io.Reader) (map[uint64]string, error) {
	lines := newLines(r)
	if _, _, err := readHeader(lines); err != nil {
		return nil, fmt.Errorf("read an earlier audit log: %w", err)
	}
	known := make(map[uint64]string)
	for lines.Scan() {
		var l line
		var rec body
		if err := errors.Join(json.Unmarshal(lines.Bytes(), &l), json.Unmarshal(l.Record, &rec)); err != nil {
			return nil, fmt.Errorf("read an earlier audit log: %w", err)
		}
		known[rec.Seq] = l.Hash
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read an earlier audit log: %w", err)
	}
	return known, nil
}
