package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr"
)

func TestDamagedFileIsSetAside(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"not a database": func([]byte) []byte { return bytes.Repeat([]byte("hello, I am a text file, and not a database\n"), 20) },
		"overwritten pages": func(b []byte) []byte {
			for i := 4096; i < len(b); i += 4096 {
				copy(b[i:], "garbage garbage garbage garbage")
			}
			return b
		},
		"cut in half":   func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"zeroed header": func(b []byte) []byte { return append(make([]byte, 100), b[100:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			for i := range 50 {
				f.record(f.read(fmt.Sprintf("P%05d", i)))
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(f.cfg.Path)
			if err != nil {
				t.Fatal(err)
			}
			damaged := damage(data)
			if err := os.WriteFile(f.cfg.Path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			s, err := Open(context.Background(), f.cfg, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			f.Store = s
			f.record(f.read("FRESH1"))
			aside, err := filepath.Glob(f.cfg.Path + markDamaged + "*")
			if err != nil || len(aside) == 0 {
				t.Fatalf("nothing was set aside: %v", err)
			}
			kept, err := os.ReadFile(aside[0])
			if err != nil || !bytes.Equal(kept, damaged) {
				t.Errorf("what was set aside is not the damaged file: %v", err)
			}
			if !strings.Contains(log.String(), "set aside") || !strings.Contains(log.String(), filepath.Base(aside[0])) {
				t.Errorf("the log does not say so: %s", log.String())
			}
			if n := f.count("SELECT count(*) FROM audit WHERE record LIKE '%set aside%'"); n != 1 {
				t.Errorf("%d audit records of it", n)
			}
			f.clock.Add(400 * 24 * time.Hour)
			if _, err := f.Purge(context.Background()); err != nil {
				t.Fatal(err)
			}
			if left, err := filepath.Glob(f.cfg.Path + markDamaged + "*"); err != nil || len(left) != 0 {
				t.Errorf("kept for longer than anything may be: %v, %v", left, err)
			}
		})
	}
}

func TestDamageWhileRunningIsMarkedForTheNextStart(t *testing.T) {
	f := open(t, nil)
	f.record(f.read("AAA111"))
	f.noteDamage(errors.New("database disk image is malformed"))
	f.reopen()
	aside, err := filepath.Glob(f.cfg.Path + markDamaged + "*")
	if err != nil || len(aside) != 1 {
		t.Errorf("the damaged file is still in use: %v, %v", aside, err)
	}
	f.record(f.read("BBB222"))
	f.reopen()
	if n := f.count("SELECT count(*) FROM reads"); n != 2 {
		t.Errorf("%d reads of 2: what could be read was not taken over, or the fresh file was set aside again", n)
	}
}

func TestFullStoreRefusesAndRecovers(t *testing.T) {
	f := open(t, func(c *Config) { c.MaxBytes = 2 << 20 })
	var acknowledged []alpr.ID
	var full error
	for i := range 1000 {
		r := f.read(fmt.Sprintf("P%05d", i))
		r.Crop.JPEG = make([]byte, 30<<10)
		if _, err := rand.Read(r.Crop.JPEG); err != nil {
			t.Fatal(err)
		}
		if full = keepRead(context.Background(), f, r, nil); full != nil {
			break
		}
		acknowledged = append(acknowledged, r.ID)
	}
	if !errors.Is(full, ErrFull) || !strings.Contains(full.Error(), f.cfg.Path) {
		t.Fatalf("after %d reads: %v", len(acknowledged), full)
	}
	if n := f.count("SELECT count(*) FROM reads"); n != len(acknowledged) {
		t.Errorf("%d reads are there, %d were acknowledged", n, len(acknowledged))
	}
	for _, id := range acknowledged {
		if r, err := f.Reads().ByID(context.Background(), id); r == nil || err != nil {
			t.Fatalf("read %s is lost: %v", id, err)
		}
	}
	// Retention goes on and makes room by itself.
	f.clock.Add(31 * 24 * time.Hour)
	if _, err := f.Purge(context.Background()); err != nil {
		t.Fatalf("purge a full store: %v", err)
	}
	f.record(f.read("AFTER1"))
}

func TestReadOnlyFolderIsOneClearError(t *testing.T) {
	if os.Getuid() == 0 {
		blocker := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(blocker, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), Config{Path: filepath.Join(blocker, "store.db"), Policy: testPolicy()}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), blocker) {
			t.Errorf("a file in the folder's place: %v", err)
		}
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), Config{Path: filepath.Join(dir, "store.db"), Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder that cannot be written: %v", err)
	}
}

func TestNewerSchemaIsRefusedAndKept(t *testing.T) {
	f := open(t, nil)
	f.record(f.read("AAA111"))
	if _, err := f.db.ExecContext(context.Background(), "PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), f.cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("got %v", err)
	}
	if aside, err := filepath.Glob(f.cfg.Path + markDamaged + "*"); err != nil || len(aside) != 0 {
		t.Errorf("a sound file was set aside: %v, %v", aside, err)
	}
}
