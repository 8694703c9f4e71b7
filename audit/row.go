package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	"alpr"
)

// The forms of a record.
const (
	formClear  = 0 // of earlier releases: everything in clear, hashed as it is
	formOld    = 1 // one of those, sealed since; its hash is still that of the clear form
	formSealed = 2 // what this release writes: hashed as it is, with its text sealed
)

// Row is one record of the log as it is kept. A row read back may have been
// changed in any part.
type Row struct {
	Seq    int64  // number in the log, from 1
	ID     []byte // of the record, 16 bytes
	Record []byte // body as JSON
	Prev   []byte // hash of the row before, 32 bytes
	Hash   []byte // SHA-256 of Prev and Record, 32 bytes
	Sig    []byte // the device's Ed25519 signature of Hash
}

// body is what everybody may see of a record: its place, its time and what was
// done. In form 2 the hash covers it byte by byte.
type body struct {
	Form   int               `json:"form,omitempty"`
	Seq    uint64            `json:"seq"`
	ID     alpr.ID           `json:"id"`
	At     time.Time         `json:"at"`
	Action alpr.AuditAction  `json:"action"`
	Note   map[string]string `json:"note,omitempty"`  // what a verifier without the key must know of a record about the log itself
	Proof  string            `json:"proof,omitempty"` // SHA-256 of the text, by which an opened one can be told from an invented one
	Sealed []byte            `json:"sealed,omitempty"`
}

// words are who did it, to what, and why, as people wrote it: a plate may stand
// in them.
type words struct {
	Officer string            `json:"officer"`
	Agency  string            `json:"agency"`
	Purpose string            `json:"purpose"`
	Subject string            `json:"subject,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// saltedWords are the sealed part of a record in form 2.
type saltedWords struct {
	Salt []byte `json:"salt"` // so that nobody can try texts against the proof
	words
}

// clearBody is a record of an earlier release.
type clearBody struct {
	Seq    uint64           `json:"seq"`
	ID     alpr.ID          `json:"id"`
	At     time.Time        `json:"at"`
	Action alpr.AuditAction `json:"action"`
	words
}

// IsInClear says that a record holds its words in clear, or is none.
func IsInClear(record []byte) bool {
	var b body
	return json.Unmarshal(record, &b) != nil || b.Form == formClear
}

// chainHash chains a record to the one before it: SHA-256(prev ‖ record).
func chainHash(prev [32]byte, record []byte) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(record)
	return [32]byte(h.Sum(nil))
}

// sealedTo is what the sealed words of a record are bound to.
func sealedTo(id alpr.ID) []byte {
	ad := append([]byte("audit"), 0)
	ad = append(ad, id[:]...)
	return binary.BigEndian.AppendUint64(ad, 0)
}

// Keys of the notes that records about the log itself carry in clear.
const (
	noteAt      = "at"      // of a break: number of the record
	noteWhy     = "why"     // of a break
	noteRecords = "records" // how many older records were sealed
	noteDigest  = "sha256"  // over their sealed forms
)

// BreakNote is the note of the record that tells of a break.
func BreakNote(b alpr.AuditBreak) map[string]string {
	return map[string]string{noteAt: strconv.FormatUint(b.At, 10), noteWhy: b.Why}
}

// BreakOf is the break that a row tells of; ok is false where it tells of none.
func BreakOf(row *Row) (b alpr.AuditBreak, ok bool) {
	var rec body
	if json.Unmarshal(row.Record, &rec) != nil {
		return b, false
	}
	return rec.tellsBreak()
}

func (b *body) tellsBreak() (alpr.AuditBreak, bool) {
	if b.Form != formSealed || b.Action != alpr.ActionAuditBroken {
		return alpr.AuditBreak{}, false
	}
	at, err := strconv.ParseUint(b.Note[noteAt], 10, 64)
	return alpr.AuditBreak{At: at, Why: b.Note[noteWhy], FoundAt: b.At}, err == nil
}
