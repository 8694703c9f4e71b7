package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func TestDeviceKey(t *testing.T) {
	f := open(t, nil)
	keyPath := filepath.Join(filepath.Dir(f.cfg.Path), "device.key")
	info, err := os.Stat(keyPath)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file %v, %v", info, err)
	}
	text, err := os.ReadFile(keyPath)
	if err != nil {
		t.Fatal(err)
	}
	openErr := func() error {
		s, err := Open(context.Background(), f.cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			err = s.Close()
		}
		return err
	}
	for _, c := range []struct {
		name   string
		change func() error
		want   error
	}{
		{"readable by others", func() error { return os.Chmod(keyPath, 0o644) }, ErrKeyExposed},
		{"missing", func() error { return os.Remove(keyPath) }, ErrKeyMissing},
		{"not a key", func() error { return os.WriteFile(keyPath, []byte("hello"), 0o600) }, ErrKeyBad},
		{"another key", func() error { return os.WriteFile(keyPath, bytes.Repeat([]byte("ab"), 32), 0o600) }, ErrKeyWrong},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if err := openErr(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	creds := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", creds)
	if err := os.WriteFile(filepath.Join(creds, CredentialName), text, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := openErr(); err != nil {
		t.Errorf("with the key from systemd's credentials: %v", err)
	}
	if err := os.Rename(filepath.Join(creds, CredentialName), filepath.Join(creds, "device.key")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(keyPath); err != nil {
		t.Fatal(err)
	}
	if err := openErr(); err != nil {
		t.Errorf("with the key from a credential of another name: %v", err)
	}
	if _, err := os.Stat(keyPath); err == nil {
		t.Error("a plain key was written beside a credential of another name")
	}
}
