package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/audit"
)

// sql changes the file as somebody without the key could, not waiting for the disk.
func (f *fixture) sql(query string, args ...any) {
	f.t.Helper()
	ctx := context.Background()
	conn, err := f.db.Conn(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = OFF"); err != nil {
		f.t.Fatal(err)
	}
	if _, err := conn.ExecContext(ctx, query, args...); err != nil {
		f.t.Fatal(err)
	}
}

// audits are all records, opened.
func (f *fixture) audits() (out []alpr.AuditRecord) {
	f.t.Helper()
	rows, err := f.auditRows(context.Background(), 0, 1000)
	if err != nil || len(rows) == 0 {
		f.t.Fatalf("%d records, %v", len(rows), err)
	}
	for i := range rows {
		rec, err := f.sealer.Decode(&rows[i])
		if err != nil {
			f.t.Fatal(err)
		}
		out = append(out, *rec)
	}
	return out
}

func (f *fixture) lastAudit() alpr.AuditRecord {
	f.t.Helper()
	all := f.audits()
	return all[len(all)-1]
}

func (f *fixture) head() alpr.AuditHead {
	f.t.Helper()
	head, err := f.AuditLog().Head(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return head
}

// wantBroken checks that everybody who asks is told that the log is broken at
// the record: the store, the store's own check, and the verifier of an export.
func (f *fixture) wantBroken(when string, at uint64) {
	f.t.Helper()
	if got := f.head().BrokenAt(); got != at {
		f.t.Errorf("%s: the head says broken at %d, want %d", when, got, at)
	}
	want := fmt.Sprintf("broken at record %d:", at)
	if _, err := f.AuditLog().Check(context.Background(), nil, nil); !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), want) {
		f.t.Errorf("%s: the store's own check says %v, want %q", when, err, want)
	}
	if _, err := audit.Verify(strings.NewReader(export(f)), nil, nil); !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), want) {
		f.t.Errorf("%s: verifying an export says %v, want %q", when, err, want)
	}
}

// A cut end, a lost signed end and the like are said at once, before anything
// is appended, and for ever after.
func TestAuditStaysBroken(t *testing.T) {
	for _, c := range []struct {
		name, change string
		at           uint64
	}{
		{"a cut end", "DELETE FROM audit WHERE seq > 5", 6},
		{"all cut", "DELETE FROM audit", 1},
		{"no signed end", "DELETE FROM meta WHERE name = 'audit head'", 0},
		{"an end that nobody signed", "UPDATE meta SET value = replace(value, '\"seq\":', '\"seq\":1') WHERE name = 'audit head'", 0},
		{"a cut end and no signed end", "DELETE FROM audit WHERE seq > 5; DELETE FROM meta WHERE name = 'audit head'", 6},
		{"nothing left", "DELETE FROM audit; DELETE FROM meta WHERE name = 'audit head'", 1},
		{"the last record changed", "UPDATE audit SET hash = zeroblob(32) WHERE seq = 9", 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t, nil)
			auditSome(f, 8) // after the policy's: 9 records
			if c.at == 0 {
				c.at = 10
			}
			f.sql(c.change)
			if f.head().BrokenAt() == 0 {
				t.Error("not seen before something is appended")
			}
			auditSome(f, 1)
			f.wantBroken("after the next record", c.at)
			f.reopen()
			auditSome(f, 3)
			f.wantBroken("after a restart and more records", c.at)
			if n := f.count("SELECT count(*) FROM outbox WHERE kind = 'audit'"); n < 5 {
				t.Errorf("%d records for the backend", n)
			}
		})
	}
}

func TestAuditBreakIsSeenAtOpen(t *testing.T) {
	f := open(t, nil)
	auditSome(f, 8)
	f.sql("DELETE FROM audit WHERE seq > 5")
	f.reopen()
	f.wantBroken("at open", 6)
	noted := f.count("SELECT count(*) FROM audit WHERE instr(record, '\"audit broken\"') > 0")
	f.reopen()
	f.reopen()
	if n := f.count("SELECT count(*) FROM audit WHERE instr(record, '\"audit broken\"') > 0"); noted != 1 || n != 1 {
		t.Errorf("one cut is noted %d times, after two more starts %d times", noted, n)
	}
	// What was cut is put back: that it was away stays on record.
	f.sql("DELETE FROM audit WHERE seq > 7")
	auditSome(f, 2)
	f.wantBroken("after a second cut", 6)
}

// A new store, whatever instant it was stopped at, is no tampered one.
func TestAuditOfANewStoreIsWhole(t *testing.T) {
	f := open(t, nil)
	if head := f.head(); head.BrokenAt() != 0 || head.Seq != 1 || head.Log != head.Hash {
		t.Errorf("%+v", head)
	}
	f.sql("DELETE FROM audit; DELETE FROM meta WHERE name <> 'device key id'") // killed between its first two transactions
	f.reopen()
	if head := f.head(); head.BrokenAt() != 0 || head.Seq != 1 {
		t.Errorf("killed before its first record: %+v", head)
	}
	f.sql("DELETE FROM audit")
	f.sql("DELETE FROM meta WHERE name = 'audit head'")
	f.reopen()
	if f.head().BrokenAt() != 1 {
		t.Error("a store that has a policy in force and no log was taken for new")
	}
}

// Every column of every record and of the signed end is changed in turn, and
// put back: each change shows, and a whole search writes it down for ever.
func TestAuditShowsAChangeOfAnyColumn(t *testing.T) {
	f := open(t, nil)
	auditSome(f, 4)
	ctx := context.Background()
	rows := f.count("SELECT count(*) FROM audit")
	for seq := 1; seq <= rows; seq++ {
		for _, column := range []string{"seq", "id", "record", "prev", "hash", "sig"} {
			changes := []string{"x'00'", "x''", "CAST(x'01' || substr(%[1]s, 2) AS BLOB)", "CAST(substr(%[1]s, 1, length(%[1]s) - 1) || x'01' AS BLOB)"}
			if column == "seq" {
				changes = []string{"seq + 1000", "-seq", "9223372036854775807"}
			}
			if column == "record" {
				changes = append(changes, "CAST(replace(%[1]s, '{', '{ ') AS BLOB)", "CAST(replace(%[1]s, 'picture', 'pictures') || '' AS BLOB)")
			}
			for _, change := range changes {
				change := strings.ReplaceAll(change, "%[1]s", column)
				f.withChange(fmt.Sprintf("UPDATE audit SET %s = %s WHERE seq = %d", column, change, seq), func(isChanged bool) {
					if _, err := f.AuditLog().Check(ctx, nil, nil); isChanged && !errors.Is(err, audit.ErrTampered) {
						t.Errorf("record %d, %s = %s: %v", seq, column, change, err)
					}
				})
			}
		}
	}
	var value []byte
	if err := f.db.QueryRow("SELECT value FROM meta WHERE name = ?", metaAuditHead).Scan(&value); err != nil {
		t.Fatal(err)
	}
	for i := range value {
		changed := bytes.Clone(value)
		changed[i] ^= 1
		f.sql("UPDATE meta SET value = ? WHERE name = ?", changed, metaAuditHead)
		if _, err := f.AuditLog().Check(ctx, nil, nil); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("byte %d of the signed end: %v", i, err)
		}
	}
	f.sql("UPDATE meta SET value = ? WHERE name = ?", value, metaAuditHead)
	if _, err := f.AuditLog().Check(ctx, nil, nil); err != nil {
		t.Errorf("all put back: %v", err)
	}
}

// withChange runs do while the log is changed, and says whether it really is.
func (f *fixture) withChange(change string, do func(isChanged bool)) {
	f.t.Helper()
	before := f.dump()
	f.sql(change)
	do(!slices.EqualFunc(before, f.dump(), func(a, b audit.Row) bool { return reflect.DeepEqual(a, b) }))
	f.sql("DELETE FROM audit")
	for _, row := range before {
		f.sql("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", row.Seq, row.ID, row.Record, row.Prev, row.Hash, row.Sig)
	}
}

func (f *fixture) dump() []audit.Row {
	f.t.Helper()
	rows, err := f.auditRows(context.Background(), math.MinInt64, 1000)
	if err != nil {
		f.t.Fatal(err)
	}
	return rows
}

// What is changed in the middle and put back later is found by the search that
// runs beside recording, and stays on record.
func TestAuditSearchNotesWhatItFinds(t *testing.T) {
	f := open(t, nil)
	auditSome(f, 6)
	ctx := context.Background()
	rest := func(time.Duration) error { return nil }
	if err := f.searchAudit(ctx, rest); err != nil || f.head().Seq != 7 {
		t.Fatalf("a whole log: %v, %d records", err, f.head().Seq)
	}
	var sig []byte
	if err := f.db.QueryRow("SELECT sig FROM audit WHERE seq = 4").Scan(&sig); err != nil {
		t.Fatal(err)
	}
	f.sql("UPDATE audit SET sig = zeroblob(64) WHERE seq = 4")
	for range 2 {
		if err := f.searchAudit(ctx, rest); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.head().Seq; n != 8 {
		t.Errorf("%d records after two searches, want the 7 and one note", n)
	}
	f.sql("UPDATE audit SET sig = ? WHERE seq = 4", sig)
	f.wantBroken("put back", 4)
}

// An older signed end put back, and rows that nobody signed, change neither the
// device's own records nor where the log goes on.
func TestAuditGoesOnAfterForeignRows(t *testing.T) {
	f := open(t, nil)
	auditSome(f, 3)
	var old []byte
	if err := f.db.QueryRow("SELECT value FROM meta WHERE name = ?", metaAuditHead).Scan(&old); err != nil {
		t.Fatal(err)
	}
	auditSome(f, 3)
	f.sql("UPDATE meta SET value = ? WHERE name = ?", old, metaAuditHead)
	f.sql("INSERT INTO audit SELECT ?, id, record, prev, hash, sig FROM audit WHERE seq = 2", int64(math.MaxInt64))
	f.sql("INSERT INTO audit SELECT -3, id, record, prev, hash, sig FROM audit WHERE seq = 2")
	auditSome(f, 1)
	f.wantBroken("after an older end", 5)
	if n := f.count("SELECT count(*) FROM audit_foreign"); n != 2 {
		t.Errorf("%d foreign rows were set aside, want 2", n)
	}
	if n := f.count("SELECT count(*) FROM audit WHERE seq BETWEEN 1 AND 9"); n != 9 {
		t.Errorf("%d of the log's own 7 records, the note and the new one are there", n)
	}
}

// A record and the end it moves are one transaction, also where two programs
// append by turns.
func TestAuditEndMovesWithItsRecord(t *testing.T) {
	f := open(t, nil)
	other, err := Open(context.Background(), f.cfg, f.log)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	rec := alpr.AuditRecord{Officer: "4711", Action: alpr.ActionLogin}
	errBack := errors.New("taken back")
	for range 5 {
		for _, s := range []*Store{f.Store, other} {
			if err := s.AuditLog().Audit(context.Background(), rec); err != nil {
				t.Fatal(err)
			}
			err := s.write(context.Background(), func(t *tx) error { return errors.Join(t.auditNow(rec), errBack) })
			if !errors.Is(err, errBack) {
				t.Fatal(err)
			}
		}
	}
	sum, err := f.AuditLog().Check(context.Background(), nil, nil)
	if err != nil || sum.Records != 11 || f.head().Seq != 11 {
		t.Errorf("%+v, %v, head %d", sum, err, f.head().Seq)
	}
}

// files is everything that the store keeps on disk.
func (f *fixture) files() string {
	f.t.Helper()
	var all strings.Builder
	names, err := filepath.Glob(f.cfg.Path + "*")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

func TestAuditTextIsSealed(t *testing.T) {
	f := open(t, nil)
	words := alpr.AuditRecord{Action: alpr.ActionLookup, Officer: "NAME77", Agency: "AGCY77", Purpose: "saw PLATE77", Subject: "SUBJ77",
		Detail: map[string]string{"case": "CASE77"}}
	if err := f.AuditLog().Audit(context.Background(), words); err != nil {
		t.Fatal(err)
	}
	secrets := []string{"NAME77", "AGCY77", "PLATE77", "SUBJ77", "CASE77"}
	sealed := export(f)
	var b bytes.Buffer
	if err := f.AuditLog().Export(context.Background(), officer, true, &b); err != nil {
		t.Fatal(err)
	}
	open := b.String()
	on := f.files()
	for _, s := range secrets {
		if strings.Contains(on, s) {
			t.Errorf("the store's files hold %s in clear", s)
		}
		if strings.Contains(sealed, s) {
			t.Errorf("an export without text holds %s", s)
		}
		if !strings.Contains(open, s) {
			t.Errorf("an export with text does not show %s", s)
		}
	}
	for name, text := range map[string]string{"sealed": sealed, "open": open} {
		if _, err := audit.Verify(strings.NewReader(text), nil, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := audit.Verify(strings.NewReader(strings.Replace(open, "PLATE77", "PLATE78", 1)), nil, nil); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("an invented text: %v", err)
	}
	items := f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindAudit}})
	got := items[1].Audit
	if got.Officer != "NAME77" || got.Purpose != "saw PLATE77" || got.Detail["case"] != "CASE77" || got.Log != f.head().Log {
		t.Errorf("the backend is told %+v", got)
	}
}

// One record that cannot be opened any more holds up nothing on its way to the backend.
func TestAuditRecordDamagedIsToldAsSuch(t *testing.T) {
	f := open(t, nil)
	auditSome(f, 2)
	f.sql("UPDATE audit SET record = 'x' WHERE seq = 2")
	items := f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindAudit}})
	if len(items) != 3 || items[1].Audit.Action != alpr.ActionAuditBroken || items[2].Audit.Action != alpr.ActionViewPicture {
		t.Errorf("%d items: %+v", len(items), items)
	}
}

// makeOld turns the store into one of an earlier release: records in clear, the
// bare signature of the end.
func (f *fixture) makeOld(n int) (export string) {
	f.t.Helper()
	f.sql("DELETE FROM audit; DELETE FROM outbox")
	signer, err := f.device.auditKey()
	if err != nil {
		f.t.Fatal(err)
	}
	var prev [32]byte
	var lines strings.Builder
	for i := range n {
		id := f.id()
		record := fmt.Appendf(nil, `{"seq":%d,"id":"%s","at":"%s","officer":"4711","agency":"Test PD","purpose":"saw \u003cPLATE88\u003e",`+
			`"action":"lookup","subject":"%d","detail":{"case":"CASE88"}}`, i+1, id, f.clock.Now().UTC().Format(time.RFC3339Nano), i)
		hash := sha256.Sum256(append(prev[:], record...))
		sig := ed25519.Sign(signer, hash[:])
		f.sql("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", i+1, id[:], record, prev[:], hash[:], sig)
		fmt.Fprintf(&lines, `{"record":%s,"prev":"%x","hash":"%x","signature":"%x"}`+"\n", record, prev, hash, sig)
		prev = hash
	}
	end := ed25519.Sign(signer, fmt.Appendf(nil, "alpr audit head %d %x", n, prev))
	f.sql("UPDATE meta SET value = ? WHERE name = ?", end, metaAuditHead)
	return fmt.Sprintf(`{"format":"alpr-audit-1","public_key":"%s","seq":%d,"hash":"%x","signature":"%x"}`+"\n", f.AuditLog().Key(), n, prev, end) + lines.String()
}

func TestAuditOfAnEarlierReleaseIsSealed(t *testing.T) {
	f := open(t, nil)
	old := f.makeOld(450) // more than a batch
	if sum, err := audit.Verify(strings.NewReader(old), nil, nil); err != nil || sum.Records != 450 {
		t.Fatalf("an export of that release: %+v, %v", sum, err)
	}
	f.sql("DROP TABLE audit_foreign; DROP TABLE quarantine; DROP TABLE notices; ALTER TABLE meta DROP COLUMN mac; PRAGMA user_version = 1")
	f.reopen()
	if on := f.files(); strings.Contains(on, "PLATE88") || strings.Contains(on, "CASE88") {
		t.Error("the store's files hold words of old records in clear")
	}
	if head := f.head(); head.BrokenAt() != 0 || head.Seq != 451 {
		t.Fatalf("an upgrade raised an alarm: %+v", head)
	}
	known, err := audit.KnownRecords(strings.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := f.AuditLog().Check(context.Background(), nil, known); err != nil || sum.Records != 451 {
		t.Errorf("against the earlier export: %+v, %v", sum, err)
	}
	var open bytes.Buffer
	if err := f.AuditLog().Export(context.Background(), officer, true, &open); err != nil {
		t.Fatal(err)
	}
	sealed := export(f)
	if strings.Contains(sealed, "PLATE88") || !strings.Contains(open.String(), "PLATE88") {
		t.Error("old records' text shows where it should not, or not where it should")
	}
	for name, text := range map[string]string{"sealed": sealed, "open": open.String()} {
		if _, err := audit.Verify(strings.NewReader(text), nil, known); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"an old record's action":      strings.Replace(sealed, `"lookup"`, `"logout"`, 1),
		"an old record's sealed form": strings.Replace(sealed, `"sealed":"`, `"sealed":"AAAA`, 1),
		"an old record's text":        strings.Replace(open.String(), "PLATE88", "PLATE89", 1),
		"the note of the sealing":     dropLine(sealed, `"audit sealed"`),
	} {
		if _, err := audit.Verify(strings.NewReader(text), nil, known); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	f.reopen()
	if n := f.count("SELECT count(*) FROM audit WHERE instr(record, '\"audit sealed\"') > 0"); n != 1 {
		t.Errorf("sealed %d times", n)
	}
	// Who can open the old records can rely on those before a cut that took the
	// note along; who cannot is told so.
	f.sql("DELETE FROM audit WHERE seq > 440")
	if _, err := f.AuditLog().Check(context.Background(), nil, nil); err == nil || !strings.Contains(err.Error(), "broken at record 441:") {
		t.Errorf("cut, checked with the key: %v", err)
	}
	if _, err := audit.Verify(strings.NewReader(export(f)), nil, nil); err == nil || !strings.Contains(err.Error(), "broken at record 1: nothing vouches") {
		t.Errorf("cut, checked without: %v", err)
	}
}

// What could not be sealed at the upgrade, or was written by a program of the
// earlier release that still ran, is sealed at the next start or by the search.
func TestAuditInClearIsSealedLater(t *testing.T) {
	for name, later := range map[string]func(*fixture) error{
		"at the next start": func(f *fixture) error { f.reopen(); return nil },
		"by the search": func(f *fixture) error {
			return f.searchAudit(context.Background(), func(time.Duration) error { return nil })
		},
	} {
		f := open(t, nil)
		f.makeOld(5)
		auditSome(f, 1)
		if !strings.Contains(f.files(), "PLATE88") {
			t.Fatalf("%s: nothing is in clear to begin with", name)
		}
		if err := later(f); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(f.files(), "PLATE88") {
			t.Errorf("%s: words are left in clear", name)
		}
		if _, err := f.AuditLog().Check(context.Background(), nil, nil); err != nil || f.head().BrokenAt() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func dropLine(text, with string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, with) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// An upgrade is no way out for who has cut or changed an older release's log.
func TestAuditOfAnEarlierReleaseTamperedWith(t *testing.T) {
	for name, c := range map[string]struct {
		change string
		at     uint64
	}{
		"a cut end":       {"DELETE FROM audit WHERE seq > 5", 6},
		"no signed end":   {"DELETE FROM meta WHERE name = 'audit head'", 9},
		"a record edited": {"UPDATE audit SET record = CAST(replace(record, 'PLATE88', 'PLATE89') AS BLOB) WHERE seq = 4", 4},
		"an id edited":    {"UPDATE audit SET id = zeroblob(16) WHERE seq = 4", 4},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.makeOld(8)
			f.sql("DROP TABLE audit_foreign; DROP TABLE quarantine; DROP TABLE notices; ALTER TABLE meta DROP COLUMN mac; PRAGMA user_version = 1")
			f.sql(c.change)
			f.reopen()
			f.wantBroken("after the upgrade", c.at)
			if on := f.files(); strings.Contains(on, "PLATE8") {
				t.Error("words in clear are left")
			}
		})
	}
}

func BenchmarkAuditAppendAndCheck(b *testing.B) {
	f := open(b, nil)
	auditSome(f, 1000)
	b.ResetTimer()
	for range b.N {
		if _, err := f.AuditLog().Check(context.Background(), nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1001, "µs/record")
	if _, err := hex.DecodeString(f.AuditLog().Key()); err != nil {
		b.Fatal(err)
	}
}
