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
	"alpr/audit"
)

func auditSome(f *fixture, n int) {
	f.t.Helper()
	for i := range n {
		err := f.AuditLog().Audit(context.Background(), alpr.AuditRecord{
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
	if err := f.AuditLog().Export(context.Background(), officer, false, &b); err != nil {
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
	sum, err := audit.Verify(strings.NewReader(text), nil, nil)
	if err != nil || sum.Records < 9 || sum.PublicKey != f.AuditLog().Key() {
		t.Fatalf("%+v, %v", sum, err)
	}
	if own, err := f.AuditLog().Check(context.Background(), nil, nil); err != nil || own != sum {
		t.Errorf("the store's own check: %+v, %v", own, err)
	}
	key, err := hex.DecodeString(f.AuditLog().Key())
	if err != nil {
		t.Fatal(err)
	}
	known, err := audit.KnownRecords(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	auditSome(f, 2)
	if _, err := audit.Verify(strings.NewReader(export(f)), ed25519.PublicKey(key), known); err != nil {
		t.Errorf("a later export against an earlier one: %v", err)
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
		if _, err := f.AuditLog().Check(context.Background(), nil, nil); err != nil {
			t.Fatalf("before: %v", err)
		}
		if _, err := f.db.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
		if _, err := f.AuditLog().Check(context.Background(), nil, nil); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuditIsQueuedAndNamesNoPlate(t *testing.T) {
	f := open(t, nil)
	f.record(f.read("SECRET1"))
	if _, err := f.Reads().Lookup(context.Background(), officer, "SECRET1", 5); err != nil {
		t.Fatal(err)
	}
	text := export(f)
	if strings.Contains(text, "SECRET1") {
		t.Error("the log holds a plate in clear")
	}
	tag, err := f.AuditLog().PlateTag("secret-1")
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
	if err := f.AuditLog().Audit(context.Background(), alpr.AuditRecord{Action: "x"}); err == nil {
		t.Error("a record without an officer was taken")
	}
}
