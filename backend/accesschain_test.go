package backend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr/backend"
)

// export is the record of looks as "accesses" prints it.
func export(t testing.TB, list []backend.Access) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, a := range list {
		if err := json.NewEncoder(&out).Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// TestTheRecordOfLooksIsAChain: what is changed, taken out, put in or cut off is
// found in an export, without the database.
func TestTheRecordOfLooksIsAChain(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a backend.Archive, _ func(string) int) {
		ctx := context.Background()
		const n = 12
		for i := range n {
			if err := a.NoteAccess(ctx, backend.Access{At: time.Now(), Officer: "officer", Purpose: "case 9", Action: "look", Subject: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		list, err := a.Accesses(ctx)
		if err != nil || len(list) != n {
			t.Fatalf("%d looks, %v", len(list), err)
		}
		last, err := backend.VerifyAccesses(bytes.NewReader(export(t, list)), list[n-1].Hash)
		if err != nil || last.Seq != n {
			t.Fatalf("the whole record: %+v, %v", last, err)
		}
		for name, change := range map[string]func([]backend.Access) []backend.Access{
			"another purpose": func(l []backend.Access) []backend.Access { l[4].Purpose = "case 10"; return l },
			"another time":    func(l []backend.Access) []backend.Access { l[4].At = l[4].At.Add(time.Second); return l },
			"one taken out":   func(l []backend.Access) []backend.Access { return slices.Delete(l, 4, 5) },
			"one put in":      func(l []backend.Access) []backend.Access { return slices.Insert(l, 4, l[4]) },
			"the first gone":  func(l []backend.Access) []backend.Access { return l[1:] },
			"the end cut off": func(l []backend.Access) []backend.Access { return l[:n-1] },
			"none left":       func([]backend.Access) []backend.Access { return nil },
		} {
			if _, err := backend.VerifyAccesses(bytes.NewReader(export(t, change(slices.Clone(list)))), list[n-1].Hash); !errors.Is(err, backend.ErrBrokenChain) {
				t.Errorf("%s: %v", name, err)
			}
		}
		old := `{"at":"2025-01-01T00:00:00Z","officer":"o","purpose":"p","action":"view picture","subject":"x"}` + "\n"
		if _, err := backend.VerifyAccesses(strings.NewReader(old+string(export(t, list))), ""); err != nil {
			t.Errorf("looks from before there was a chain: %v", err)
		}
	})
}
