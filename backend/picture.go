package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alpr"
	"alpr/sync/downlink"
)

// Access is one look at what is kept: who, why, and at what.
type Access struct {
	At      time.Time `json:"at"`
	Officer string    `json:"officer"`
	Purpose string    `json:"purpose"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`  // from 1; 0 for looks from before there was a chain
	Prev    string    `json:"prev"` // hash of the look before, hexadecimal
	Hash    string    `json:"hash"` // of all else
}

// Why a picture is not given.
var (
	ErrNoReason = errors.New("a look at what is kept needs officer and purpose")
	ErrNotKept  = errors.New("no such picture is kept here: ask its vehicle with request-image")
	ErrNotWhole = errors.New("not all pieces of the picture have arrived, or they do not give its hash: ask its vehicle again with request-image")
	ErrNotAHash = errors.New("not a SHA-256 in lower-case hexadecimal")
)

// Picture gives the kept picture with the given hash, which it verifies, to an
// officer with a purpose. The access is recorded first, whatever comes of it;
// Action and Subject are filled in.
func Picture(ctx context.Context, a Archive, sha256 string, by Access) ([]byte, error) {
	if by.Officer == "" || by.Purpose == "" {
		return nil, ErrNoReason
	}
	if err := alpr.CheckPurpose(by.Purpose); err != nil {
		return nil, err
	}
	if !downlink.IsHash(sha256) {
		return nil, fmt.Errorf("picture %q: %w", sha256, ErrNotAHash)
	}
	by.Action, by.Subject = "view picture", sha256
	if err := a.NoteAccess(ctx, by); err != nil {
		return nil, fmt.Errorf("record access: %w", err)
	}
	pieces, err := a.Pieces(ctx, sha256)
	if err != nil {
		return nil, fmt.Errorf("read picture %s: %w", sha256, err)
	}
	if len(pieces) == 0 {
		return nil, fmt.Errorf("picture %s: %w", sha256, ErrNotKept)
	}
	p := newPuzzle(sha256)
	for _, piece := range pieces {
		p.put(piece)
	}
	jpeg, ok := p.whole()
	if !ok {
		return nil, fmt.Errorf("picture %s: %w", sha256, ErrNotWhole)
	}
	return jpeg, nil
}
