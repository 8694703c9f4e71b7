package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"alpr"
)

// maxBreaks bounds how many places of tampering are told apart.
const maxBreaks = 16

// Chain checks that records follow one another. It goes on after a fault, so
// that all of them are found.
type Chain struct {
	known map[uint64]string // hashes, in hexadecimal, of records that must be there

	seq     uint64   // of the newest record seen
	hash    [32]byte // of it, as it says
	isLost  bool     // no record before this one is known: it may follow any
	old     hash.Hash
	nOld    uint64
	isClear bool // a record holds its text in clear
	isOld   bool // a record of an earlier release was seen whose sealed form nothing vouches for yet
	breaks  []alpr.AuditBreak
}

// NewChain begins before the first record. known, where not nil, holds records
// (number and hash in hexadecimal) that must be there.
func NewChain(known map[uint64]string) *Chain { return &Chain{known: known, old: sha256.New()} }

// Seq is the number of the newest record seen.
func (c *Chain) Seq() uint64 { return c.seq }

// HasClear says that a record holds its words in clear.
func (c *Chain) HasClear() bool { return c.isClear }

// Breaks are the places found so far, in order of finding.
func (c *Chain) Breaks() []alpr.AuditBreak { return c.breaks }

// SealedNote is the note that vouches, to whoever cannot open them, for the
// sealed forms of the old records seen so far.
func (c *Chain) SealedNote() map[string]string {
	return map[string]string{noteRecords: strconv.FormatUint(c.nOld, 10), noteDigest: hex.EncodeToString(c.old.Sum(nil))}
}

// Broken notes that the record at is not what was written, and why.
func (c *Chain) Broken(at uint64, format string, args ...any) {
	c.add(alpr.AuditBreak{At: at, Why: fmt.Sprintf(format, args...)})
}

// add keeps the first of several reasons for one place.
func (c *Chain) add(b alpr.AuditBreak) {
	c.breaks = AddBreak(c.breaks, b)
}

// AddBreak adds a break unless its place is known, or too many are.
func AddBreak(breaks []alpr.AuditBreak, b alpr.AuditBreak) []alpr.AuditBreak {
	if len(breaks) >= maxBreaks || HasBreak(breaks, b.At) {
		return breaks
	}
	return append(breaks, b)
}

// HasBreak says whether a break at that record is among them.
func HasBreak(breaks []alpr.AuditBreak, at uint64) bool {
	for _, b := range breaks {
		if b.At == at {
			return true
		}
	}
	return false
}

// Next checks the record that follows; own is what is wrong with it by itself,
// and isOpened says that its text was opened to find out.
func (c *Chain) Next(row *Row, isOpened bool, own error) {
	var b body
	if err := json.Unmarshal(row.Record, &b); err != nil {
		c.Broken(c.seq+1, "no record stands in its place")
		c.seq, c.isLost = c.seq+1, true
		return
	}
	switch want := c.seq + 1; {
	case b.Seq < want:
		c.Broken(want, "number %d stands in its place: records were added or moved", b.Seq)
		return
	case b.Seq == want+1:
		c.Broken(want, "it is missing")
		c.isLost = true
	case b.Seq > want:
		c.Broken(want, "records %d to %d are missing", want, b.Seq-1)
		c.isLost = true
	}
	c.seq = b.Seq
	known := c.known[b.Seq]
	switch {
	case own != nil:
		c.Broken(b.Seq, "%v", own)
	case !c.isLost && !bytes.Equal(row.Prev, c.hash[:]):
		c.Broken(b.Seq, "it does not follow the one before")
	case known != "" && known != hex.EncodeToString(row.Hash):
		c.Broken(b.Seq, "it is not the record that an earlier export holds")
	}
	c.isLost = false
	copy(c.hash[:], row.Hash)
	c.note(&b, row.Record, isOpened)
}

// errChanged says that a record is not the one that was hashed.
var errChanged = errors.New("it was changed")

// lineFault says what is wrong with a record by itself, as far as a verifier
// without the device's key can tell. text is its sealed part in clear, nil
// where it was not opened.
func lineFault(key ed25519.PublicKey, row *Row, text []byte) error {
	var b body
	if err := json.Unmarshal(row.Record, &b); err != nil {
		return fmt.Errorf("no record stands in its place: %w", err)
	}
	if len(row.Prev) != 32 || len(row.Hash) != 32 {
		return errors.New("it has no hash")
	}
	if err := bodyFault(&b, row, text); err != nil {
		return err
	}
	if !ed25519.Verify(key, row.Hash, row.Sig) {
		return errors.New("the device did not sign it")
	}
	return nil
}

// bodyFault compares a record with its hash, and its text with what it says of it.
func bodyFault(b *body, row *Row, text []byte) error {
	hashed := row.Record
	if b.Form == formOld {
		if text == nil {
			return nil // what the note of the sealing says of all of them vouches for it
		}
		hashed = text
		var clear clearBody
		if err := json.Unmarshal(text, &clear); err != nil || clear.Seq != b.Seq || clear.ID != b.ID ||
			!clear.At.Equal(b.At) || clear.Action != b.Action {
			return errChanged
		}
	}
	if sum := chainHash([32]byte(row.Prev), hashed); !bytes.Equal(sum[:], row.Hash) {
		return errChanged
	}
	if b.Form == formSealed && text != nil {
		if proof := sha256.Sum256(text); hex.EncodeToString(proof[:]) != b.Proof {
			return errors.New("its text is not the one that was sealed")
		}
	}
	return nil
}

// note takes over what the record says of the log itself.
func (c *Chain) note(b *body, record []byte, isOpened bool) {
	switch {
	case b.Form == formClear:
		c.isClear = true
	case b.Form == formOld:
		addOld(c.old, record)
		c.nOld, c.isOld = c.nOld+1, c.isOld || !isOpened
	case b.Form == formSealed && b.Action == alpr.ActionAuditSealed:
		if b.Note[noteRecords] != strconv.FormatUint(c.nOld, 10) || b.Note[noteDigest] != hex.EncodeToString(c.old.Sum(nil)) {
			c.Broken(1, "the sealed forms of the records before %d were changed", b.Seq)
		}
		c.isOld = false
	default:
		if told, ok := b.tellsBreak(); ok {
			c.add(told)
		}
	}
}

// addOld adds a sealed record of an earlier release to the digest over all of them.
func addOld(h hash.Hash, record []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(record)))
	h.Write(size[:])
	h.Write(record)
}

// End compares the last record with the signed end of the log.
func (c *Chain) End(head *alpr.AuditHead) {
	switch {
	case c.seq+1 == head.Seq:
		c.Broken(head.Seq, "it is missing")
	case c.seq < head.Seq:
		c.Broken(c.seq+1, "records %d to %d are missing", c.seq+1, head.Seq)
	case c.seq > head.Seq:
		c.Broken(head.Seq+1, "it was added after the signed end")
	case c.hash != head.Hash:
		c.Broken(head.Seq, "it is not the one that was signed as the end")
	}
	if c.isOld {
		c.Broken(1, "nothing vouches for the sealed forms of the records of an earlier release")
	}
	for _, b := range head.Breaks {
		c.add(b)
	}
	for seq := range c.known {
		if seq > c.seq {
			c.Broken(c.seq+1, "record %d of an earlier export is gone", seq)
			break
		}
	}
}

// Err says where the log is broken first, nil where it is whole.
func (c *Chain) Err() error {
	if len(c.breaks) == 0 {
		return nil
	}
	first := c.breaks[0]
	for _, b := range c.breaks {
		if b.At < first.At {
			first = b
		}
	}
	text := ""
	if !first.FoundAt.IsZero() {
		text = " (found " + first.FoundAt.UTC().Format(time.RFC3339) + ")"
	}
	others := make([]string, 0, len(c.breaks))
	for _, b := range c.breaks {
		if b.At != first.At {
			others = append(others, strconv.FormatUint(b.At, 10))
		}
	}
	if len(others) > 0 {
		text += "; also at " + strings.Join(others, ", ")
	}
	return fmt.Errorf("%w: broken at record %d: %s%s", ErrTampered, first.At, first.Why, text)
}
