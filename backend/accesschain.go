package backend

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The record of looks is a chain: each look holds the hash of the one before, so
// that none can be changed or taken out later without breaking all that follow.
// Who exports it from time to time, and keeps the last hash elsewhere, can prove
// later that nothing was taken off its end either.

// ErrBrokenChain reports a record of looks that is not what it was.
var ErrBrokenChain = errors.New("the record of looks is not what it was")

// after is the access as it follows another in the chain.
func (a Access) after(last Access) Access {
	a.At = a.At.UTC().Truncate(time.Millisecond)
	a.Seq, a.Prev = last.Seq+1, last.Hash
	a.Hash = a.sum()
	return a
}

// sum is the hash of all but itself.
func (a Access) sum() string {
	a.Hash = ""
	raw, err := json.Marshal(a)
	if err != nil { // a struct of strings, a number and a time
		return ""
	}
	h := sha256.Sum256(append([]byte("alpr access v1\n"), raw...))
	return hex.EncodeToString(h[:])
}

// VerifyAccesses checks an export of the record of looks (one JSON object a line),
// without the database. Looks from before there was a chain may stand at its head.
// expect is the hash of a look that must be there; "" for none. It gives the last
// look.
func VerifyAccesses(r io.Reader, expect string) (last Access, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	isExpected := expect == ""
	for n := 1; lines.Scan(); n++ {
		var a Access
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return last, fmt.Errorf("line %d: %w", n, err)
		}
		if a.Seq == 0 && last.Seq == 0 {
			continue
		}
		switch {
		case a.Seq != last.Seq+1:
			return last, fmt.Errorf("%w: line %d: look %d follows look %d", ErrBrokenChain, n, a.Seq, last.Seq)
		case a.Prev != last.Hash:
			return last, fmt.Errorf("%w: line %d: look %d does not follow the one before it", ErrBrokenChain, n, a.Seq)
		case a.Hash != a.sum():
			return last, fmt.Errorf("%w: line %d: look %d was changed", ErrBrokenChain, n, a.Seq)
		}
		isExpected = isExpected || a.Hash == expect
		last = a
	}
	if err := lines.Err(); err != nil {
		return last, fmt.Errorf("read the record of looks: %w", err)
	}
	if !isExpected {
		return last, fmt.Errorf("%w: no look has hash %s: what was there is gone", ErrBrokenChain, expect)
	}
	return last, nil
}

// encodeLine writes a look as exports hold it.
func encodeLine(w io.Writer, a Access) error { return json.NewEncoder(w).Encode(a) }
