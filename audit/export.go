package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// Export writes a log as JSON lines that Verify checks without the store, the
// device or any secret.
type Export struct {
	enc     *json.Encoder
	sealer  Sealer
	hasText bool
}

// NewExport begins an export with the end of the log, as SignHead made it. With
// hasText the sealed words stand beside each record in clear.
func NewExport(w io.Writer, s Sealer, head []byte, hasText bool) (*Export, error) {
	var signed signedHead
	if err := json.Unmarshal(head, &signed); err != nil {
		return nil, fmt.Errorf("find the end of the log: %w", err)
	}
	end, err := decodeHead(signed.Head)
	if err != nil {
		return nil, fmt.Errorf("find the end of the log: %w", err)
	}
	e := &Export{enc: json.NewEncoder(w), sealer: s, hasText: hasText}
	e.enc.SetEscapeHTML(false) // records as they were hashed
	return e, e.enc.Encode(header{Format: format2, PublicKey: s.PublicHex(), Head: signed.Head, Seq: end.Seq,
		Hash: hex.EncodeToString(end.Hash[:]), Signature: hex.EncodeToString(signed.Signature)})
}

// Add writes the next row. What JSON would not carry byte by byte was tampered
// with: it becomes a string, which no verifier takes for a record.
func (e *Export) Add(row *Row) error {
	l := line{Record: row.Record, Prev: hex.EncodeToString(row.Prev), Hash: hex.EncodeToString(row.Hash), Signature: hex.EncodeToString(row.Sig)}
	var same bytes.Buffer
	if json.Compact(&same, row.Record) != nil || !bytes.Equal(same.Bytes(), row.Record) {
		l.Record, _ = json.Marshal(string(row.Record)) // a string always can
		return e.enc.Encode(l)
	}
	if e.hasText {
		if text, err := e.sealer.Text(row.Record); err == nil {
			l.Text = text
		}
	}
	return e.enc.Encode(l)
}
