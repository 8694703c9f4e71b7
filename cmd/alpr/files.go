package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"alpr/internal/regular"
)

// guarded is a file or folder whose mode matters.
type guarded struct {
	path, what string
	bits       fs.FileMode // that must not be set
}

func guardedFiles(c *config) []guarded {
	var list []guarded
	for _, g := range []guarded{
		{c.DataDir, "the data folder", 0o007},
		{c.Uplink.StateDir, "the uplink's folder", 0o007},
		{c.Console.UsersFile, "the accounts file", 0o077},
		{c.Console.TLSKey, "the page's TLS key", 0o007},
		{c.Uplink.KeyFile, "the uplink's TLS key", 0o007},
		{c.store().Path, "the store", 0o077},
	} {
		if g.path != "" {
			list = append(list, g)
		}
	}
	return list
}

// exposed says whether others may use what they must not.
func (g guarded) exposed() (mode fs.FileMode, isOurs, isExposed bool) {
	info, err := os.Stat(g.path)
	if err != nil {
		return 0, false, false // whoever opens it says so
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().Perm(), ok && int(st.Uid) == os.Geteuid(), info.Mode().Perm()&g.bits != 0
}

// tightenFiles takes from others what they must not read or write, as far as it
// is this user's to take, and says so, a sentence each.
func tightenFiles(c *config) (notes []string) {
	for _, g := range guardedFiles(c) {
		mode, isOurs, isExposed := g.exposed()
		if !isExposed {
			continue
		}
		note := fmt.Sprintf("others may use %s, %s (mode %#o): chmod it to %#o", g.what, g.path, mode, mode&^g.bits)
		if isOurs && os.Chmod(g.path, mode&^g.bits) == nil {
			note = fmt.Sprintf("others could use %s, %s, until now (mode %#o): it is %#o again. Whoever had this computer may have what is in it",
				g.what, g.path, mode, mode&^g.bits)
		}
		notes = append(notes, note)
	}
	return notes
}

// checkFiles says which files others may use, and which are none.
func checkFiles(c *config) (found []finding) {
	for _, g := range guardedFiles(c) {
		if mode, _, isExposed := g.exposed(); isExposed {
			found = append(found, warning("files", "others may use %s, %s (mode %#o): chmod it to %#o; alpr run does it where it may", g.what, g.path, mode, mode&^g.bits))
		}
	}
	key := c.store().KeyPath
	if key == "" {
		key = filepath.Join(c.DataDir, "device.key")
	}
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o077 != 0 {
		found = append(found, warning("files", "others may read the device key %s (mode %#o): chmod it to 0600; alpr run does it where it may", key, info.Mode().Perm()))
	}
	store := c.store().Path
	for _, path := range []string{store, store + "-journal", store + "-wal", store + "-shm", store + ".lock", key,
		c.Console.UsersFile, c.Console.TLSCert, c.Console.TLSKey, c.Uplink.CAFile, c.Uplink.CertFile, c.Uplink.KeyFile, c.Uplink.ReleaseFile} {
		if path == "" {
			continue
		}
		if err := regular.Check(path); errors.Is(err, regular.ErrKind) {
			found = append(found, failure("files", "%v: move it away", err))
		}
	}
	return found
}
