package downlink_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"alpr"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// keyPair is a key pair that is the same in every run.
func keyPair(name string, seed byte, scopes ...downlink.Kind) (downlink.Key, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return downlink.Key{Name: name, Scopes: scopes, Public: private.Public().(ed25519.PublicKey)}, private
}

func sign(t testing.TB, kind downlink.Kind, v any, key string, private ed25519.PrivateKey) []byte {
	t.Helper()
	b, err := downlink.Sign(kind, v, key, private)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnlyWhatATrustedKeySignedIsOpened(t *testing.T) {
	list, listPrivate := keyPair("list", 1, downlink.KindHotlist)
	_, stranger := keyPair("list", 2, downlink.KindHotlist)
	ring, err := downlink.NewRing([]downlink.Key{list})
	if err != nil {
		t.Fatal(err)
	}
	m := downlink.Manifest{Agency: "pd", List: "stolen", Version: 1}
	good := sign(t, downlink.KindHotlist, m, "list", listPrivate)
	var changed downlink.Statement
	if err := json.Unmarshal(good, &changed); err != nil {
		t.Fatal(err)
	}
	changed.Payload[len(changed.Payload)/2] ^= 1
	bad, err := json.Marshal(changed)
	if err != nil {
		t.Fatal(err)
	}
	renamed := bytes.Replace(good, []byte(`"kind":"hotlist"`), []byte(`"kind":"image"`), 1)
	tests := []struct {
		name string
		raw  []byte
		kind downlink.Kind
		want error
	}{
		{"good", good, downlink.KindHotlist, nil},
		{"another kind is wanted", good, downlink.KindPolicy, downlink.ErrBadStatement},
		{"kind changed", renamed, downlink.KindImage, downlink.ErrBadScope},
		{"payload changed", bad, downlink.KindHotlist, downlink.ErrBadSignature},
		{"another key under the same name", sign(t, downlink.KindHotlist, m, "list", stranger), downlink.KindHotlist, downlink.ErrBadSignature},
		{"unknown key", sign(t, downlink.KindHotlist, m, "who", stranger), downlink.KindHotlist, downlink.ErrUnknownKey},
		{"out of scope", sign(t, downlink.KindPolicy, m, "list", listPrivate), downlink.KindPolicy, downlink.ErrBadScope},
		{"no statement", []byte("{"), downlink.KindHotlist, downlink.ErrBadStatement},
		{"too large", make([]byte, downlink.MaxStatement+1), downlink.KindHotlist, downlink.ErrBadStatement},
	}
	for _, tt := range tests {
		var got downlink.Manifest
		if _, err := ring.Open(tt.raw, tt.kind, &got); !errors.Is(err, tt.want) || tt.want == nil && got.List != "stolen" {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	root, rootPrivate := keyPair("root", 1, downlink.KindKeys)
	old, oldPrivate := keyPair("old", 2, downlink.KindHotlist)
	fresh, freshPrivate := keyPair("fresh", 3, downlink.KindHotlist)
	ring, err := downlink.NewRing([]downlink.Key{root, old})
	if err != nil {
		t.Fatal(err)
	}
	opens := func(key string, private ed25519.PrivateKey) bool {
		var m downlink.Manifest
		_, err := ring.Open(sign(t, downlink.KindHotlist, downlink.Manifest{}, key, private), downlink.KindHotlist, &m)
		return err == nil
	}
	rotate := func(c downlink.KeyChange, key string, private ed25519.PrivateKey) error {
		_, err := ring.Rotate(sign(t, downlink.KindKeys, c, key, private), "pd")
		return err
	}
	add := downlink.KeyChange{Agency: "pd", Version: 1, Add: []downlink.Key{fresh}}
	if err := rotate(add, "old", oldPrivate); !errors.Is(err, downlink.ErrBadScope) {
		t.Errorf("a hotlist key changed the keys: %v", err)
	}
	if err := rotate(add, "root", rootPrivate); err != nil || !opens("old", oldPrivate) || !opens("fresh", freshPrivate) {
		t.Fatalf("while rotating, both keys must do: %v", err)
	}
	if err := rotate(add, "root", rootPrivate); !errors.Is(err, downlink.ErrOlder) {
		t.Errorf("the same change again: %v", err)
	}
	done := downlink.KeyChange{Agency: "pd", Version: 2, Add: []downlink.Key{fresh}, Revoke: []string{"old"}}
	if err := rotate(done, "root", rootPrivate); err != nil || opens("old", oldPrivate) || !opens("fresh", freshPrivate) {
		t.Errorf("after rotating, only the new key must do: %v", err)
	}
	if err := rotate(downlink.KeyChange{Agency: "pd", Version: 3, Revoke: []string{"root"}}, "root", rootPrivate); err == nil {
		t.Error("the last key that can change keys was revoked")
	}
	if err := rotate(downlink.KeyChange{Agency: "other", Version: 9}, "root", rootPrivate); !errors.Is(err, downlink.ErrNotForUs) {
		t.Errorf("another agency's change: %v", err)
	}
}

func TestReceiptsAreSignedWhereAKeyForThemIsTrusted(t *testing.T) {
	root, rootPrivate := keyPair("root", 1, downlink.KindKeys)
	key, private := keyPair("receipts", 2, downlink.KindReceipt)
	list, listPrivate := keyPair("list", 3, downlink.KindHotlist)
	plain := []byte(`{"ranges":[{"boot_id":"00000000-0000-7000-8000-000000000001","from":1,"to":3}]}`)
	signed := sign(t, downlink.KindReceipt, json.RawMessage(plain), "receipts", private)
	empty := sign(t, downlink.KindReceipt, struct{}{}, "receipts", private)
	byList := sign(t, downlink.KindReceipt, json.RawMessage(plain), "list", listPrivate)
	revoke := sign(t, downlink.KindKeys, downlink.KeyChange{Agency: "pd", Version: 1, Revoke: []string{"receipts"}}, "root", rootPrivate)
	for _, tt := range []struct {
		name    string
		trusted []downlink.Key
		revoked bool
		raw     []byte
		want    error
	}{
		{"no key, no signature", []downlink.Key{root, list}, false, plain, nil},
		{"no key, some signature", []downlink.Key{root, list}, false, signed, nil},
		{"no key, signed nonsense", []downlink.Key{root, list}, false, empty, event.ErrBadReceipt},
		{"signed", []downlink.Key{root, list, key}, false, signed, nil},
		{"signed nonsense", []downlink.Key{root, list, key}, false, empty, event.ErrBadReceipt},
		{"not signed", []downlink.Key{root, list, key}, false, plain, downlink.ErrUnsigned},
		{"out of scope", []downlink.Key{root, list, key}, false, byList, downlink.ErrBadScope},
		{"signed with a revoked key", []downlink.Key{root, list, key}, true, signed, downlink.ErrUnknownKey},
		{"not signed, the key is revoked", []downlink.Key{root, list, key}, true, plain, downlink.ErrUnsigned},
	} {
		ring, err := downlink.NewRing(tt.trusted)
		if err != nil {
			t.Fatal(err)
		}
		if tt.revoked {
			if _, err := ring.Rotate(revoke, "pd"); err != nil {
				t.Fatal(err)
			}
		}
		r, err := ring.Receipt(tt.raw)
		if !errors.Is(err, tt.want) || tt.want == nil && (len(r.Ranges) != 1 || r.Ranges[0].To != 3) {
			t.Errorf("%s: %+v, %v, want %v", tt.name, r, err, tt.want)
		}
	}
}

func entries(ids ...string) []alpr.Entry {
	var out []alpr.Entry
	for _, id := range ids {
		out = append(out, alpr.Entry{ID: id, List: "stolen", Plate: "P" + id, State: "US-FL", Priority: alpr.PriorityHigh,
			Vehicle: alpr.Vehicle{Make: "Make"}, Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)})
	}
	return out
}

func all(list []alpr.Entry) func(func(alpr.Entry, error) bool) {
	return func(yield func(alpr.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestBlobsCarryEntriesAndRemovals(t *testing.T) {
	var buf bytes.Buffer
	want := entries("1", "2", "3")
	if err := downlink.WriteBlob(&buf, []string{"8", "9"}, all(want)); err != nil {
		t.Fatal(err)
	}
	removed, err := downlink.ReadRemovals(bytes.NewReader(buf.Bytes()))
	if err != nil || !slices.Equal(removed, []string{"8", "9"}) {
		t.Errorf("removals %v, %v", removed, err)
	}
	var got []alpr.Entry
	for e, err := range downlink.ReadEntries(bytes.NewReader(buf.Bytes())) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if !slices.Equal(got, want) {
		t.Errorf("entries came back as %+v", got)
	}
	cut := buf.Bytes()[:buf.Len()-4]
	var last error
	for _, err := range downlink.ReadEntries(bytes.NewReader(cut)) {
		last = err
	}
	if last == nil {
		t.Error("a blob without its end was read as whole")
	}
}

func TestCutPiecesAreWhatTheBlobSays(t *testing.T) {
	data := bytes.Repeat([]byte("plate"), downlink.PieceSize/3)
	b, pieces := downlink.Cut(data)
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Join(pieces, nil); !bytes.Equal(got, data) || len(pieces) != 2 {
		t.Errorf("%d pieces of %d bytes", len(pieces), len(got))
	}
	b.Pieces = b.Pieces[1:]
	if err := b.Check(); err == nil {
		t.Error("a blob that lacks a piece passed")
	}
}

func TestTrustedKeysAreWrittenAsRead(t *testing.T) {
	k, _ := keyPair("list", 1, downlink.KindHotlist, downlink.KindImage)
	got, err := downlink.ParseKey(k.String())
	if err != nil || got.String() != k.String() {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "a:b", "a:hotlist:%", "a:hotlist:AAAA", "a:all:" + k.String()[len("list:hotlist,image:"):]} {
		if _, err := downlink.ParseKey(text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}

func BenchmarkReceipt(b *testing.B) {
	k, private := keyPair("k", 1, downlink.KindReceipt)
	ring, err := downlink.NewRing([]downlink.Key{k})
	if err != nil {
		b.Fatal(err)
	}
	r := event.Receipt{Ranges: []event.Range{{BootID: alpr.ID{1}, From: 1, To: 500}}}
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			sign(b, downlink.KindReceipt, r, "k", private)
		}
	})
	raw := sign(b, downlink.KindReceipt, r, "k", private)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := ring.Receipt(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	k, private := keyPair("k", 1, downlink.KindHotlist, downlink.KindImage, downlink.KindPolicy, downlink.KindKeys, downlink.KindReceipt)
	ring, err := downlink.NewRing([]downlink.Key{k})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sign(f, downlink.KindHotlist, downlink.Manifest{Agency: "pd"}, "k", private))
	f.Add([]byte(`{"kind":"hotlist","payload":"e30=","key":"k","signature":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m downlink.Manifest
		if _, err := ring.Open(raw, downlink.KindHotlist, &m); err == nil {
			_ = m.Check("pd")
		}
		_, _ = ring.Receipt(raw)
	})
}

func FuzzReadEntries(f *testing.F) {
	var buf bytes.Buffer
	if err := downlink.WriteBlob(&buf, []string{"1"}, all(entries("2"))); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for range downlink.ReadEntries(bytes.NewReader(b)) {
			if n++; n > 1000 {
				break
			}
		}
	})
}

// TestNumbersNobodyCanReckonWithAreRefused: what is signed may be wrong all the
// same, and must not come out negative or stand for ever.
func TestNumbersNobodyCanReckonWithAreRefused(t *testing.T) {
	v, now := event.Vehicle{Agency: "pd", Name: "car-1"}, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	blob, _ := downlink.Cut([]byte("x"))
	manifest := func(f func(*downlink.Manifest)) error {
		m := downlink.Manifest{Agency: "pd", List: "stolen", Version: 1, PublishedAt: now, Whole: blob}
		f(&m)
		return m.Check("pd")
	}
	root, private := keyPair("root", 1, downlink.KindKeys)
	ring, err := downlink.NewRing([]downlink.Key{root})
	if err != nil {
		t.Fatal(err)
	}
	_, rotated := ring.Rotate(sign(t, downlink.KindKeys, downlink.KeyChange{Agency: "pd", Version: 1 << 63}, "root", private), "pd")
	request := downlink.ImageRequest{Agency: "pd", Vehicle: "car-1", Officer: "4711", Purpose: "case", ExpiresAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	for name, err := range map[string]error{
		"retention of 300 years": downlink.PolicyChange{Agency: "pd", RetentionS: map[string]int64{"read": 300 * 366 * 86400}}.Check(v),
		"retention of 2^63-1":    downlink.PolicyChange{Agency: "pd", RetentionS: map[string]int64{"read": 1<<63 - 1}}.Check(v),
		"policy version 2^63":    downlink.PolicyChange{Agency: "pd", Version: 1 << 63, Forbid: []string{"x"}}.Check(v),
		"list version 2^63":      manifest(func(m *downlink.Manifest) { m.Version = 1 << 63 }),
		"published in 9999":      manifest(func(m *downlink.Manifest) { m.PublishedAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"published in year 0":    manifest(func(m *downlink.Manifest) { m.PublishedAt = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"keys version 2^63":      rotated,
		"a request to year 9999": request.Check(v, now),
	} {
		if !errors.Is(err, downlink.ErrBadStatement) {
			t.Errorf("%s: %v, want ErrBadStatement", name, err)
		}
	}
	if err := manifest(func(*downlink.Manifest) {}); err != nil {
		t.Errorf("a good manifest: %v", err)
	}
}
