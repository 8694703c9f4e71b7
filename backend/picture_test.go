package backend_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/synthetic"
)

// arrived is an event that is in no outbox, as it arrives.
func arrived(t testing.TB, level, typ string, data any, at time.Time) backend.Row {
	t.Helper()
	e, err := event.New(car, typ, synthetic.New(rand.Uint64()).ID(at), at, data)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	in := validator(t).Take(car.Topic(level), payload, at)
	if len(in.Rows) != 1 {
		t.Fatalf("refused: %+v", in.Letters)
	}
	return in.Rows[0]
}

// shotOf is the pieces of an invented picture of a read, as they arrive.
func shotOf(t testing.TB, read alpr.ID, fill byte, at time.Time) (sha string, jpeg []byte, pieces []backend.Row) {
	t.Helper()
	const size = 1000
	jpeg = bytes.Repeat([]byte{fill}, 2*size+10)
	sha = fmt.Sprintf("%x", sha256.Sum256(jpeg))
	for offset := 0; offset < len(jpeg); offset += size {
		img := event.Image{ReadID: read, SHA256: sha, Size: len(jpeg), Offset: offset, JPEG: jpeg[offset:min(offset+size, len(jpeg))], Reason: "request"}
		pieces = append(pieces, arrived(t, event.TopicImage, event.TypeImage, img, at))
	}
	return sha, jpeg, pieces
}

func archives(t *testing.T, test func(t *testing.T, a backend.Archive, count func(string) int)) {
	for name, open := range sinks(t) {
		t.Run(name, func(t *testing.T) {
			s, _, count := open(t)
			if a, ok := s.(backend.Archive); ok { // NDJSON is none
				test(t, a, count)
			}
		})
	}
}

func TestAPictureIsGivenWholeAndForAReasonOnly(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a backend.Archive, _ func(string) int) {
		ctx, now := context.Background(), time.Now().UTC().Truncate(time.Millisecond)
		whole, jpeg, pieces := shotOf(t, alpr.ID{1}, 'w', now)
		partial, _, some := shotOf(t, alpr.ID{1}, 'p', now)
		altered, _, bad := shotOf(t, alpr.ID{1}, 'a', now)
		bad[1].Event.Data = bytes.Replace(bad[1].Event.Data, []byte("YWFh"), []byte("YWFi"), 1) // base64 of "aaa" and of "aab"
		rows := append(append(pieces, some[1:]...), bad...)
		if _, err := a.Write(ctx, backend.Batch{Rows: rows}); err != nil {
			t.Fatal(err)
		}
		who := backend.Access{At: now, Officer: "analyst", Purpose: "case 9"}
		tests := []struct {
			name, sha string
			by        backend.Access
			want      error
		}{
			{"whole", whole, who, nil},
			{"nobody asks", whole, backend.Access{At: now, Purpose: "case 9"}, backend.ErrNoReason},
			{"no purpose", whole, backend.Access{At: now, Officer: "analyst"}, backend.ErrNoReason},
			{"a piece is missing", partial, who, backend.ErrNotWhole},
			{"a piece was altered", altered, who, backend.ErrNotWhole},
			{"never came", fmt.Sprintf("%x", sha256.Sum256(nil)), who, backend.ErrNotKept},
		}
		recorded := 0
		for _, tt := range tests {
			got, err := backend.Picture(ctx, a, tt.sha, tt.by)
			if !errors.Is(err, tt.want) || tt.want == nil && !bytes.Equal(got, jpeg) {
				t.Errorf("%s: %d bytes, %v, want %v", tt.name, len(got), err, tt.want)
			}
			if tt.by == who {
				recorded++
			}
		}
		if _, err := backend.Picture(ctx, a, "../x", who); err == nil {
			t.Error("a picture was given by what is no hash")
		}
		list, err := a.Accesses(ctx)
		if err != nil || len(list) != recorded {
			t.Fatalf("%d accesses recorded, want %d: %v", len(list), recorded, err)
		}
		who.Action, who.Subject = "view picture", whole
		if got := list[0]; !got.At.Equal(now) || got.Officer != who.Officer || got.Purpose != who.Purpose || got.Action != who.Action || got.Subject != who.Subject {
			t.Errorf("recorded as %+v", got)
		}
	})
}

// TestPicturesGoWithTheirReads: one of a read that is kept, one of a read whose
// hit is, one of a read past its time, one whose read is yet to come, and one
// whose read never came.
func TestPicturesGoWithTheirReads(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a backend.Archive, count func(string) int) {
		ctx, now, m := context.Background(), time.Now(), synthetic.New(1)
		old := now.Add(-48 * time.Hour)
		kept, past, hit := m.Read(old), m.Read(old), m.Hit(old)
		past.PurgeAt = now.Add(-time.Hour)
		b := take(t, numbered(m.ID(now), kept, past, hit)...)
		stays := map[string]bool{}
		for i, c := range []struct {
			read  alpr.ID
			at    time.Time
			stays bool
		}{{kept.ID, old, true}, {hit.Read.ID, old, true}, {past.ID, old, false}, {m.ID(now), now, true}, {m.ID(old), old, false}} {
			sha, _, pieces := shotOf(t, c.read, byte('0'+i), c.at)
			b.Rows = append(b.Rows, pieces...)
			stays[sha] = c.stays
		}
		if _, err := a.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
		if n := count("SELECT count(DISTINCT sha256) FROM pieces"); n != len(stays) {
			t.Fatalf("%d pictures kept of %d", n, len(stays))
		}
		if _, err := backend.Purge(ctx, a, now, time.Hour); err != nil {
			t.Fatal(err)
		}
		for sha, want := range stays {
			pieces, err := a.Pieces(ctx, sha)
			if err != nil || (len(pieces) > 0) != want {
				t.Errorf("picture %s: %d pieces left (%v), want them: %v", sha[:8], len(pieces), err, want)
			}
		}
	})
}
