package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"alpr"
)

func auditSome(f *fixture, n int) {
	f.t.Helper()
	for i := range n {
		err := f.Audit(context.Background(), alpr.AuditRecord{
			Officer: "4711", Purpose: "case <1> & \"2\"", Action: alpr.ActionViewPicture, Subject: fmt.Sprint(i), Detail: map[string]string{"b": "2", "a": "1"},
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

func export(f *fixture) string {
	f.t.Helper()
	var b bytes.Buffer
	if err := f.ExportAudit(context.Background(), officer, false, &b); err != nil {
		f.t.Fatal(err)
	}
	return b.String()
}

func TestAuditChainHolds(t *testing.T) {
	f := open(t, nil)
	auditSome(f, 5)
	f.reopen()
	auditSome(f, 3)
	text := export(f)
	sum, err := VerifyAudit(strings.NewReader(text), nil, nil)
	if err != nil || sum.Records < 9 || sum.PublicKey != f.AuditKey() {
		t.Fatalf("%+v, %v", sum, err)
	}
	if own, err := f.CheckAudit(context.Background(), nil, nil); err != nil || own != sum {
		t.Errorf("the store's own check: %+v, %v", own, err)
	}
	key, err := hex.DecodeString(f.AuditKey())
	if err != nil {
		t.Fatal(err)
	}
	known, err := KnownRecords(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	auditSome(f, 2)
	if _, err := VerifyAudit(strings.NewReader(export(f)), ed25519.PublicKey(key), known); err != nil {
		t.Errorf("a later export against an earlier one: %v", err)
	}
}

func TestAuditShowsEveryTampering(t *testing.T) {
	f := open(t, nil)
	auditSome(f, 8)
	whole := strings.Split(strings.TrimSuffix(export(f), "\n"), "\n")
	known, err := KnownRecords(strings.NewReader(strings.Join(whole, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, nil)
	auditSome(other, 8)
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
			return strings.Split(export(other), "\n")
		},
	} {
		lines := change(append([]string(nil), whole...))
		_, err := VerifyAudit(strings.NewReader(strings.Join(lines, "\n")), nil, known)
		if err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	if _, err := VerifyAudit(strings.NewReader(strings.Join(whole, "\n")), make([]byte, ed25519.PublicKeySize), nil); !errors.Is(err, ErrTampered) {
		t.Errorf("another device's key: %v", err)
	}
}

func TestAuditNoticesChangedRows(t *testing.T) {
	for name, statement := range map[string]string{
		"an edit":              "UPDATE audit SET record = replace(record, 'view picture', 'lookup') WHERE seq = 4",
		"a removal":            "DELETE FROM audit WHERE seq = 4",
		"a removal at the end": "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
		"all removed":          "DELETE FROM audit WHERE seq > 1",
	} {
		f := open(t, nil)
		auditSome(f, 6)
		if _, err := f.CheckAudit(context.Background(), nil, nil); err != nil {
			t.Fatalf("before: %v", err)
		}
		if _, err := f.db.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
		if _, err := f.CheckAudit(context.Background(), nil, nil); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuditIsQueuedAndNamesNoPlate(t *testing.T) {
	f := open(t, nil)
	f.record(f.read("SECRET1"))
	if _, err := f.Lookup(context.Background(), officer, "SECRET1", 5); err != nil {
		t.Fatal(err)
	}
	text := export(f)
	if strings.Contains(text, "SECRET1") {
		t.Error("the log holds a plate in clear")
	}
	tag, err := f.PlateTag("secret-1")
	if err != nil || f.audits()[1].Subject != tag {
		t.Errorf("the log does not name the plate looked up by its tag: %v", err)
	}
	items := f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindAudit}})
	if len(items) == 0 {
		t.Fatal("nothing for the backend")
	}
	for i, item := range items {
		if item.Audit == nil || item.Audit.Seq != uint64(i+1) {
			t.Fatalf("item %d: %+v", i, item)
		}
		if i > 0 && item.Audit.Prev != items[i-1].Audit.Hash {
			t.Errorf("record %d does not follow the one before", item.Audit.Seq)
		}
	}
	if err := f.Audit(context.Background(), alpr.AuditRecord{Action: "x"}); err == nil {
		t.Error("a record without an officer was taken")
	}
}

func FuzzVerifyAudit(f *testing.F) {
	f.Add([]byte(`{"format":"alpr-audit-1","public_key":"00","seq":1}` + "\n{}"))
	f.Add([]byte(`{"format":"alpr-audit-1","public_key":"` + strings.Repeat("00", 32) + `","seq":0}` + "\n" + `{"record":{"seq":1}}`))
	s := open(f, nil)
	auditSome(s, 3)
	for _, hasText := range []bool{false, true} {
		var b bytes.Buffer
		if err := s.ExportAudit(context.Background(), officer, hasText, &b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(s.makeOld(2)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if sum, err := VerifyAudit(bytes.NewReader(text), nil, nil); err == nil && sum.Records == 0 {
			t.Error("a log without a record was found whole")
		}
		_, _ = KnownRecords(bytes.NewReader(text)) // must not panic
	})
}
