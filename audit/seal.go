package audit

import (
	"bytes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"alpr"
)

// Sealer makes the rows of one device's log, and opens them. It is safe for
// concurrent use.
type Sealer struct {
	signer ed25519.PrivateKey
	text   cipher.AEAD
}

// NewSealer takes the device's signing key and the cipher of the records' words,
// which must make its nonces itself (cipher.NewGCMWithRandomNonce).
func NewSealer(signer ed25519.PrivateKey, text cipher.AEAD) Sealer { return Sealer{signer, text} }

// Public is the key that checks the device's log.
func (s Sealer) Public() ed25519.PublicKey { return s.signer.Public().(ed25519.PublicKey) }

// PublicHex is Public in hexadecimal, as people write it down.
func (s Sealer) PublicHex() string { return hex.EncodeToString(s.Public()) }

// Next makes the row that follows end, and moves end to it. rec names its ID,
// time and agency; note is what everybody may read of it.
func (s Sealer) Next(end *alpr.AuditHead, rec alpr.AuditRecord, note map[string]string) (Row, error) {
	b := body{Form: formSealed, Seq: end.Seq + 1, ID: rec.ID, At: rec.At.UTC().Round(0), Action: rec.Action, Note: note}
	record, err := s.seal(b, rec)
	if err != nil {
		return Row{}, err
	}
	prev := end.Hash
	hash := chainHash(prev, record)
	if end.Seq == 0 {
		end.Log = hash
	}
	end.Seq, end.Hash = b.Seq, hash
	return Row{Seq: int64(b.Seq), ID: rec.ID[:], Record: record, Prev: prev[:], Hash: hash[:], Sig: ed25519.Sign(s.signer, hash[:])}, nil
}

func (s Sealer) seal(b body, rec alpr.AuditRecord) ([]byte, error) {
	text := saltedWords{make([]byte, 16), words{Officer: rec.Officer, Agency: rec.Agency, Purpose: rec.Purpose, Subject: rec.Subject, Detail: rec.Detail}}
	if _, err := rand.Read(text.Salt); err != nil {
		return nil, fmt.Errorf("seal an audit record: %w", err)
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("encode an audit record: %w", err)
	}
	proof := sha256.Sum256(raw)
	b.Proof, b.Sealed = hex.EncodeToString(proof[:]), s.sealText(raw, b.ID)
	record, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode an audit record: %w", err)
	}
	return record, nil
}

func (s Sealer) sealText(text []byte, id alpr.ID) []byte {
	return s.text.Seal(nil, nil, text, sealedTo(id))
}

// SealOld is the record of an earlier release with everything sealed but its
// place, its time and what was done. What does not read as a record is sealed as
// it is.
func (s Sealer) SealOld(row *Row) ([]byte, error) {
	var clear clearBody
	if json.Unmarshal(row.Record, &clear) != nil {
		clear = clearBody{Seq: uint64(row.Seq)}
		copy(clear.ID[:], row.ID)
	}
	record, err := json.Marshal(body{Form: formOld, Seq: clear.Seq, ID: clear.ID, At: clear.At, Action: clear.Action, Sealed: s.sealText(row.Record, clear.ID)})
	if err != nil {
		return nil, fmt.Errorf("encode an audit record: %w", err)
	}
	return record, nil
}

// Text is a record's sealed part in clear: nil for one of an earlier release
// that was never sealed, which has none.
func (s Sealer) Text(record []byte) ([]byte, error) {
	var b body
	if err := json.Unmarshal(record, &b); err != nil {
		return nil, fmt.Errorf("decode an audit record: %w", err)
	}
	if b.Form == formClear {
		return nil, nil
	}
	text, err := s.text.Open(nil, nil, b.Sealed, sealedTo(b.ID))
	if err != nil {
		return nil, fmt.Errorf("open audit record %s: changed or damaged: %w", b.ID, err)
	}
	return text, nil
}

// Decode is a row as a record. Its Log is not filled in.
func (s Sealer) Decode(row *Row) (*alpr.AuditRecord, error) {
	text, err := s.Text(row.Record)
	if err != nil {
		return nil, err
	}
	var b body
	if err := json.Unmarshal(row.Record, &b); err != nil {
		return nil, fmt.Errorf("decode an audit record: %w", err)
	}
	if b.Form != formSealed { // the text is a whole record of an earlier release
		if text == nil {
			text = row.Record
		}
		if err := json.Unmarshal(text, &b); err != nil {
			return nil, fmt.Errorf("decode an audit record: %w", err)
		}
	}
	var w words
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("decode an audit record: %w", err)
	}
	r := &alpr.AuditRecord{
		ID: b.ID, Seq: b.Seq, At: b.At, Officer: w.Officer, Agency: w.Agency, Purpose: w.Purpose,
		Action: b.Action, Subject: w.Subject, Detail: w.Detail,
	}
	copy(r.Prev[:], row.Prev)
	copy(r.Hash[:], row.Hash)
	return r, nil
}

// Fault says what is wrong with a row by itself, every part of it looked at.
func (s Sealer) Fault(row *Row) error {
	text, err := s.Text(row.Record)
	if err != nil {
		return err
	}
	if err := lineFault(s.Public(), row, text); err != nil {
		return err
	}
	var b body
	if err := json.Unmarshal(row.Record, &b); err != nil {
		return err
	}
	if row.Seq < 1 || uint64(row.Seq) != b.Seq || !bytes.Equal(row.ID, b.ID[:]) {
		return errors.New("its number or id was changed")
	}
	if again, err := json.Marshal(b); err != nil || b.Form != formClear && !bytes.Equal(again, row.Record) {
		return errors.Join(errChanged, err) // what the hash does not cover: an old record's wrapping
	}
	return nil
}

// SignHead encodes the end of the log, signed, as it is kept. at is when.
func (s Sealer) SignHead(h *alpr.AuditHead, boot alpr.ID, at time.Time) ([]byte, error) {
	h.BootID, h.At = boot, at
	raw, err := encodeHead(h)
	if err != nil {
		return nil, fmt.Errorf("encode the end of the audit log: %w", err)
	}
	value, err := json.Marshal(signedHead{Head: raw, Signature: ed25519.Sign(s.signer, headText(raw))})
	if err != nil {
		return nil, fmt.Errorf("encode the end of the audit log: %w", err)
	}
	return value, nil
}

// OpenHead reads what SignHead made. ok is false for an end that the device did
// not sign.
func (s Sealer) OpenHead(value []byte) (h alpr.AuditHead, ok bool) {
	var signed signedHead
	if json.Unmarshal(value, &signed) != nil || !ed25519.Verify(s.Public(), headText(signed.Head), signed.Signature) {
		return h, false
	}
	h, err := decodeHead(signed.Head)
	return h, err == nil
}

// IsOldEnd says that value is the end of the log as earlier releases signed it,
// at this row.
func (s Sealer) IsOldEnd(value []byte, last *Row) bool {
	return s.Fault(last) == nil && ed25519.Verify(s.Public(), headText1(uint64(last.Seq), [32]byte(last.Hash)), value)
}
