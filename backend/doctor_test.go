package backend_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alpr/backend"
	"alpr/sync/synctest/brokertest"
)

// finding is the one of a name.
func finding(t testing.TB, all []backend.Finding, what string) backend.Finding {
	t.Helper()
	for _, f := range all {
		if f.What == what {
			return f
		}
	}
	t.Fatalf("nothing of %q in %+v", what, all)
	return backend.Finding{}
}

// TestTheDoctorSaysWhetherPlatesLieInTheClear: what cannot be seen must be stated.
func TestTheDoctorSaysWhetherPlatesLieInTheClear(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "x.db")
	a, err := backend.OpenArchive(ctx, "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if f := finding(t, backend.Examine(ctx, a, ""), "encryption at rest"); f.OK && !strings.Contains(f.Text, "dm-crypt") || !f.OK && !strings.Contains(f.Text, "--at-rest") {
		t.Errorf("%+v", f)
	}
	if f := finding(t, backend.Examine(ctx, a, "LUKS on db1"), "encryption at rest"); !f.OK {
		t.Errorf("%+v", f)
	}
	if err := a.NoteAccess(ctx, backend.Access{At: time.Now(), Officer: "o", Purpose: "case 9"}); err != nil {
		t.Fatal(err)
	}
	if f := finding(t, backend.Examine(ctx, a, ""), "record of looks"); !f.OK || f.Text != "1 looks, unbroken" {
		t.Errorf("%+v", f)
	}
}

func TestTheDoctorLooksAtPostgres(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pg := brokertest.StartPostgres(t)
	a, err := backend.OpenArchive(ctx, pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if f := finding(t, backend.Examine(ctx, a, "x"), "rights in the database"); f.OK || !strings.Contains(f.Text, "superuser") {
		t.Errorf("%+v", f)
	}
	conn, err := pgx.Connect(ctx, pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := a.NoteAccess(ctx, backend.Access{At: time.Now(), Officer: "o", Purpose: "case 9"}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"CREATE ROLE consumer LOGIN", "CREATE DATABASE theirs OWNER consumer", "UPDATE accesses SET purpose = 'another'"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	if f := finding(t, backend.Examine(ctx, a, "x"), "record of looks"); f.OK {
		t.Errorf("a look was changed: %+v", f)
	}
	theirs, err := backend.OpenArchive(ctx, strings.NewReplacer("alpr@", "consumer@", "/postgres?", "/theirs?").Replace(pg.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	for _, f := range backend.Examine(ctx, theirs, "LUKS on db1") {
		if !f.OK {
			t.Errorf("%+v", f)
		}
	}
}
