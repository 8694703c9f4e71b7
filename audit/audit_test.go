package audit

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"alpr"
)

// testLog is a log in memory.
type testLog struct {
	sealer Sealer
	rows   []Row
	end    alpr.AuditHead
}

func newLog(t testing.TB, n int) *testLog {
	t.Helper()
	_, signer, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	text, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	l := &testLog{sealer: NewSealer(signer, text)}
	at := time.Date(2031, 5, 2, 12, 0, 0, 0, time.UTC)
	for i := range n {
		id, err := alpr.NewID(at, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		row, err := l.sealer.Next(&l.end, alpr.AuditRecord{
			ID: id, At: at, Officer: "4711", Agency: "Test PD", Purpose: "case <1> & \"2\"", Action: alpr.ActionViewPicture, Subject: fmt.Sprint(i),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.rows = append(l.rows, row)
	}
	return l
}

func (l *testLog) export(t testing.TB, hasText bool) string {
	t.Helper()
	head, err := l.sealer.SignHead(&l.end, alpr.ID{}, time.Date(2031, 5, 2, 13, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out, err := NewExport(&b, l.sealer, head, hasText)
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.rows {
		if err := out.Add(&l.rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestExportVerifies(t *testing.T) {
	log := newLog(t, 5)
	for _, hasText := range []bool{false, true} {
		text := log.export(t, hasText)
		sum, err := Verify(strings.NewReader(text), log.sealer.Public(), nil)
		if err != nil || sum.Records != 5 || sum.PublicKey != log.sealer.PublicHex() {
			t.Errorf("with text %t: %+v, %v", hasText, sum, err)
		}
		if strings.Contains(text, "4711") != hasText {
			t.Errorf("with text %t, the words are there: %t", hasText, !hasText)
		}
	}
	for i := range log.rows {
		rec, err := log.sealer.Decode(&log.rows[i])
		if err != nil || rec.Officer != "4711" || rec.Subject != fmt.Sprint(i) || rec.Seq != uint64(i+1) {
			t.Errorf("record %d: %+v, %v", i, rec, err)
		}
		if err := log.sealer.Fault(&log.rows[i]); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
}

func TestVerifyShowsEveryTampering(t *testing.T) {
	log := newLog(t, 8)
	whole := strings.Split(strings.TrimSuffix(log.export(t, false), "\n"), "\n")
	known, err := KnownRecords(strings.NewReader(strings.Join(whole, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	other := newLog(t, 8)
	for name, change := range map[string]func([]string) []string{
		"an edit":            func(l []string) []string { l[4] = strings.Replace(l[4], "view picture", "lookup", 1); return l },
		"a removal":          func(l []string) []string { return append(l[:4], l[5:]...) },
		"the first removed":  func(l []string) []string { return append(l[:1], l[2:]...) },
		"the last removed":   func(l []string) []string { return l[:len(l)-1] },
		"two changed places": func(l []string) []string { l[4], l[5] = l[5], l[4]; return l },
		"a repetition":       func(l []string) []string { return append(l[:4], append([]string{l[3]}, l[4:]...)...) },
		"no heading":         func(l []string) []string { return l[1:] },
		"nothing":            func([]string) []string { return nil },
		"rubbish":            func(l []string) []string { l[3] = "{"; return l },
		"the log of another device": func([]string) []string {
			return strings.Split(other.export(t, false), "\n")
		},
	} {
		lines := change(append([]string(nil), whole...))
		_, err := Verify(strings.NewReader(strings.Join(lines, "\n")), nil, known)
		if err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	if _, err := Verify(strings.NewReader(strings.Join(whole, "\n")), make([]byte, ed25519.PublicKeySize), nil); !errors.Is(err, ErrTampered) {
		t.Errorf("another device's key: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"format":"alpr-audit-1","public_key":"00","seq":1}` + "\n{}"))
	f.Add([]byte(`{"format":"alpr-audit-1","public_key":"` + strings.Repeat("00", 32) + `","seq":0}` + "\n" + `{"record":{"seq":1}}`))
	log := newLog(f, 3)
	for _, hasText := range []bool{false, true} {
		f.Add([]byte(log.export(f, hasText)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if sum, err := Verify(bytes.NewReader(text), nil, nil); err == nil && sum.Records == 0 {
			t.Error("a log without a record was found whole")
		}
		_, _ = KnownRecords(bytes.NewReader(text)) // must not panic
	})
}
