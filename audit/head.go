package audit

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"alpr"
)

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

// signedHead is the end of the log as it is kept.
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
