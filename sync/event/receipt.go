package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"alpr"
)

// MaxReceiptRanges is the most ranges one receipt may hold.
const MaxReceiptRanges = 4096

// ErrBadReceipt reports a receipt that cannot be understood.
var ErrBadReceipt = errors.New("receipt is not {\"ranges\": [{boot_id, from, to}, …]} with 1 ≤ from ≤ to < 2^63")

// Receipt is the backend's word that it keeps ranges of a vehicle's counts.
type Receipt struct {
	Ranges []Range `json:"ranges"`
	// WantsRest asks for everything else that was sent: the broker did not keep
	// it for the backend, which subscribed later or was forgotten there.
	WantsRest bool `json:"send_rest,omitempty"`
	// RestBefore narrows WantsRest to what the vehicle sent before this time of
	// its own clock; zero: to all that it has sent.
	RestBefore time.Time `json:"rest_before,omitzero"`
}

// Range is the numbers From to To, both included, of one boot.
type Range struct {
	BootID alpr.ID `json:"boot_id"`
	From   uint64  `json:"from"`
	To     uint64  `json:"to"`
}

// DecodeReceipt reads a receipt from outside.
func DecodeReceipt(payload []byte) (Receipt, error) {
	var r Receipt
	if err := json.Unmarshal(payload, &r); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrBadReceipt, err)
	}
	if r.Ranges == nil {
		return Receipt{}, fmt.Errorf("%w: no ranges", ErrBadReceipt)
	}
	if len(r.Ranges) > MaxReceiptRanges {
		return Receipt{}, fmt.Errorf("%w: %d ranges, more than %d", ErrBadReceipt, len(r.Ranges), MaxReceiptRanges)
	}
	for _, x := range r.Ranges {
		if x.BootID.IsZero() || x.From == 0 || x.To < x.From || x.To > MaxSeq {
			return Receipt{}, fmt.Errorf("%w: range %d to %d of boot %s", ErrBadReceipt, x.From, x.To, x.BootID)
		}
	}
	return r, nil
}

// Ranges packs numbers of one boot into as few ranges as they allow. It sorts
// seqs in place.
func Ranges(boot alpr.ID, seqs []uint64) []Range {
	slices.Sort(seqs)
	var out []Range
	for _, s := range seqs {
		if n := len(out); n > 0 && s-out[n-1].To <= 1 { // sorted: no difference is negative
			out[n-1].To = s
			continue
		}
		out = append(out, Range{BootID: boot, From: s, To: s})
	}
	return out
}
