package backend

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"alpr"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// pieceOf is a piece as it arrives.
func pieceOf(t testing.TB, img event.Image) []byte {
	t.Helper()
	e, err := event.New(event.Vehicle{Agency: "pd", Name: "car-1"}, event.TypeImage, alpr.ID{1}, time.UnixMilli(1), img)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// FuzzPuzzle cuts a picture up, sends its pieces in any order and some twice,
// and puts anything between them. What comes out is the picture or nothing, and
// never more is held than a picture may have.
func FuzzPuzzle(f *testing.F) {
	jpeg := []byte("\xff\xd8 a picture \xff\xd9")
	sha := downlink.Hash(jpeg)
	f.Add(jpeg, uint16(4), uint64(1), []byte("{}"))
	f.Add(jpeg, uint16(1000), uint64(2), pieceOf(f, event.Image{SHA256: sha, Size: 1 << 30, Offset: -1, JPEG: jpeg}))
	f.Add(jpeg, uint16(1), uint64(3), pieceOf(f, event.Image{SHA256: sha, Size: len(jpeg), Offset: 3, JPEG: []byte("other")}))
	f.Add(jpeg, uint16(5), uint64(4), pieceOf(f, event.Image{SHA256: sha, Size: len(jpeg) + 1, Offset: len(jpeg), JPEG: []byte("x")}))
	f.Add([]byte{0}, uint16(0), uint64(5), pieceOf(f, event.Image{Size: 1, JPEG: nil}))
	f.Fuzz(func(t *testing.T, jpeg []byte, size uint16, seed uint64, foreign []byte) {
		sha, step := downlink.Hash(jpeg), max(int(size), len(jpeg)/64, 1)
		var pieces [][]byte
		for offset := 0; offset < len(jpeg); offset += step {
			end := min(offset+step, len(jpeg))
			pieces = append(pieces, pieceOf(t, event.Image{SHA256: sha, Size: len(jpeg), Offset: offset, JPEG: jpeg[offset:end], Reason: "request"}))
		}
		r := rand.New(rand.NewPCG(seed, 1))
		p := newPuzzle(sha)
		for _, i := range r.Perm(len(pieces)) {
			p.add(foreign)
			p.add(pieces[i])
			p.add(pieces[r.IntN(len(pieces))])
		}
		got, ok := p.whole()
		if ok && !bytes.Equal(got, jpeg) {
			t.Fatalf("%q became %q", jpeg, got)
		}
		if !ok && len(jpeg) > 0 && !claims(foreign, sha) {
			t.Fatalf("%d pieces give no picture", len(pieces))
		}
		held := 0
		for _, piece := range p.pieces {
			held += len(piece)
		}
		if held > maxPicture || held != p.held {
			t.Fatalf("%d bytes are held, %d counted", held, p.held)
		}
	})
}

// claims says whether a payload is a piece of the picture with this hash.
func claims(payload []byte, sha string) bool {
	var img event.Image
	e, err := event.Decode(payload)
	return err == nil && json.Unmarshal(e.Data, &img) == nil && img.SHA256 == sha
}

// TestAPuzzleIsBounded: pieces of a picture that overlap take no more memory
// than the largest picture.
func TestAPuzzleIsBounded(t *testing.T) {
	p := newPuzzle("x")
	big := make([]byte, maxPicture/2)
	for offset := range 100 {
		p.put(event.Image{SHA256: "x", Size: maxPicture, Offset: offset, JPEG: big})
	}
	p.put(event.Image{SHA256: "x", Size: maxPicture, Offset: 0, JPEG: big[:10]}) // one that replaces another
	if len(p.pieces) != 2 || p.held != len(big)+10 {
		t.Errorf("%d pieces, %d bytes", len(p.pieces), p.held)
	}
}
