package downlink

import (
	"encoding/json"
	"errors"
	"slices"

	"alpr/sync/event"
)

// ErrUnsigned reports a receipt without a signature where receipts are signed.
var ErrUnsigned = errors.New("not signed, and a key for receipts is trusted here: start the consumers with --sign-key")

// Receipt opens a receipt. Where a key for receipts is trusted, it takes no
// other than a signed one, and goes on so when the last such key is revoked.
// Elsewhere a signature proves nothing, and the broker's access list must: so
// consumers can begin to sign before the vehicles know their key.
//
// A receipt names boots, of which no two vehicles have the same one: it cannot
// be played to another vehicle. Played again, it says what is true for ever.
func (r *Ring) Receipt(raw []byte) (event.Receipt, error) {
	var st Statement
	isSigned := json.Unmarshal(raw, &st) == nil && st.Kind == KindReceipt
	switch {
	case !r.wantsSignature(KindReceipt):
		if isSigned {
			raw = st.Payload
		}
	case !isSigned:
		return event.Receipt{}, ErrUnsigned
	default:
		var payload json.RawMessage
		if _, err := r.Open(raw, KindReceipt, &payload); err != nil {
			return event.Receipt{}, err
		}
		raw = payload
	}
	return event.DecodeReceipt(raw)
}

// wantsSignature says whether a key of the scope is trusted, or was.
func (r *Ring) wantsSignature(scope Kind) bool {
	return slices.ContainsFunc(slices.Concat(r.base, r.change.Add), func(k Key) bool { return slices.Contains(k.Scopes, scope) })
}
