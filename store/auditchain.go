package store

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

// Keys of the notes that records about the log itself carry in clear.
const (
	noteAt      = "at"      // of a break: number of the record
	noteWhy     = "why"     // of a break
	noteRecords = "records" // how many older records were sealed
	noteDigest  = "sha256"  // over their sealed forms
)

// chain checks that records follow one another. It goes on after a fault, so
// that all of them are found.
type chain struct {
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

func newChain(known map[uint64]string) *chain { return &chain{known: known, old: sha256.New()} }

func (c *chain) broken(at uint64, format string, args ...any) {
	c.add(alpr.AuditBreak{At: at, Why: fmt.Sprintf(format, args...)})
}

// add keeps the first of several reasons for one place.
func (c *chain) add(b alpr.AuditBreak) {
	c.breaks = addBreak(c.breaks, b)
}

func addBreak(breaks []alpr.AuditBreak, b alpr.AuditBreak) []alpr.AuditBreak {
	if len(breaks) >= maxBreaks || hasBreak(breaks, b.At) {
		return breaks
	}
	return append(breaks, b)
}

func hasBreak(breaks []alpr.AuditBreak, at uint64) bool {
	for _, b := range breaks {
		if b.At == at {
			return true
		}
	}
	return false
}

// next checks the record that follows; own is what is wrong with it by itself,
// and isOpened says that its text was opened to find out.
func (c *chain) next(row *auditRow, isOpened bool, own error) {
	var body auditBody
	if err := json.Unmarshal(row.record, &body); err != nil {
		c.broken(c.seq+1, "no record stands in its place")
		c.seq, c.isLost = c.seq+1, true
		return
	}
	switch want := c.seq + 1; {
	case body.Seq < want:
		c.broken(want, "number %d stands in its place: records were added or moved", body.Seq)
		return
	case body.Seq == want+1:
		c.broken(want, "it is missing")
		c.isLost = true
	case body.Seq > want:
		c.broken(want, "records %d to %d are missing", want, body.Seq-1)
		c.isLost = true
	}
	c.seq = body.Seq
	known := c.known[body.Seq]
	switch {
	case own != nil:
		c.broken(body.Seq, "%v", own)
	case !c.isLost && !bytes.Equal(row.prev, c.hash[:]):
		c.broken(body.Seq, "it does not follow the one before")
	case known != "" && known != hex.EncodeToString(row.hash):
		c.broken(body.Seq, "it is not the record that an earlier export holds")
	}
	c.isLost = false
	copy(c.hash[:], row.hash)
	c.note(&body, row.record, isOpened)
}

// lineFault says what is wrong with a record by itself, as far as a verifier
// without the device's key can tell. text is its sealed part in clear, nil
// where it was not opened.
func lineFault(key ed25519.PublicKey, row *auditRow, text []byte) error {
	var body auditBody
	if err := json.Unmarshal(row.record, &body); err != nil {
		return fmt.Errorf("no record stands in its place: %w", err)
	}
	if len(row.prev) != 32 || len(row.hash) != 32 {
		return errors.New("it has no hash")
	}
	if err := bodyFault(&body, row, text); err != nil {
		return err
	}
	if !ed25519.Verify(key, row.hash, row.sig) {
		return errors.New("the device did not sign it")
	}
	return nil
}

// bodyFault compares a record with its hash, and its text with what it says of it.
func bodyFault(body *auditBody, row *auditRow, text []byte) error {
	errChanged := errors.New("it was changed")
	hashed := row.record
	if body.Form == formOld {
		if text == nil {
			return nil // what the note of the sealing says of all of them vouches for it
		}
		hashed = text
		var clear clearBody
		if err := json.Unmarshal(text, &clear); err != nil || clear.Seq != body.Seq || clear.ID != body.ID ||
			!clear.At.Equal(body.At) || clear.Action != body.Action {
			return errChanged
		}
	}
	if sum := auditHash([32]byte(row.prev), hashed); !bytes.Equal(sum[:], row.hash) {
		return errChanged
	}
	if body.Form == formSealed && text != nil {
		if proof := sha256.Sum256(text); hex.EncodeToString(proof[:]) != body.Proof {
			return errors.New("its text is not the one that was sealed")
		}
	}
	return nil
}

// note takes over what the record says of the log itself.
func (c *chain) note(body *auditBody, record []byte, isOpened bool) {
	switch {
	case body.Form == formClear:
		c.isClear = true
	case body.Form == formOld:
		addOld(c.old, record)
		c.nOld, c.isOld = c.nOld+1, c.isOld || !isOpened
	case body.Form == formSealed && body.Action == alpr.ActionAuditSealed:
		if body.Note[noteRecords] != strconv.FormatUint(c.nOld, 10) || body.Note[noteDigest] != hex.EncodeToString(c.old.Sum(nil)) {
			c.broken(1, "the sealed forms of the records before %d were changed", body.Seq)
		}
		c.isOld = false
	case body.Form == formSealed && body.Action == alpr.ActionAuditBroken:
		at, err := strconv.ParseUint(body.Note[noteAt], 10, 64)
		if err == nil {
			c.add(alpr.AuditBreak{At: at, Why: body.Note[noteWhy], FoundAt: body.At})
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

// end compares the last record with the signed end of the log.
func (c *chain) end(head *alpr.AuditHead) {
	switch {
	case c.seq+1 == head.Seq:
		c.broken(head.Seq, "it is missing")
	case c.seq < head.Seq:
		c.broken(c.seq+1, "records %d to %d are missing", c.seq+1, head.Seq)
	case c.seq > head.Seq:
		c.broken(head.Seq+1, "it was added after the signed end")
	case c.hash != head.Hash:
		c.broken(head.Seq, "it is not the one that was signed as the end")
	}
	if c.isOld {
		c.broken(1, "nothing vouches for the sealed forms of the records of an earlier release")
	}
	for _, b := range head.Breaks {
		c.add(b)
	}
	for seq := range c.known {
		if seq > c.seq {
			c.broken(c.seq+1, "record %d of an earlier export is gone", seq)
			break
		}
	}
}

// err says where the log is broken first, nil where it is whole.
func (c *chain) err() error {
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
