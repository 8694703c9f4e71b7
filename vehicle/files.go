package vehicle

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// guarded is a file or folder whose mode matters.
type guarded struct {
	path, what string
	bits       fs.FileMode // that must not be set
}

func guardedFiles(c *Config) []guarded {
	var list []guarded
	for _, g := range []guarded{
		{c.DataDir, "the data folder", 0o007},
		{c.Uplink.StateDir, "the uplink's folder", 0o007},
		{c.Console.UsersFile, "the accounts file", 0o077},
		{c.Console.TLSKey, "the page's TLS key", 0o007},
		{c.Uplink.KeyFile, "the uplink's TLS key", 0o007},
		{c.StoreOptions().Path, "the store", 0o077},
	} {
		if g.path != "" {
			list = append(list, g)
		}
	}
	return list
}

// ExposedFile is a file or folder that others may use and must not.
type ExposedFile struct {
	Path string
	What string      // what it is, in words
	Mode fs.FileMode // as it is
	Want fs.FileMode // as it should be

	isOurs bool
}

func (f ExposedFile) String() string {
	return fmt.Sprintf("others may use %s, %s (mode %#o): chmod it to %#o", f.What, f.Path, f.Mode, f.Want)
}

// ExposedFiles are the configured files that others may use. What is not there
// is left out: whoever opens it says so.
func ExposedFiles(c *Config) (exposed []ExposedFile) {
	for _, g := range guardedFiles(c) {
		info, err := os.Stat(g.path)
		if err != nil || info.Mode().Perm()&g.bits == 0 {
			continue
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		mode := info.Mode().Perm()
		exposed = append(exposed, ExposedFile{Path: g.path, What: g.what, Mode: mode, Want: mode &^ g.bits, isOurs: ok && int(st.Uid) == os.Geteuid()})
	}
	return exposed
}

// tightenFiles takes from others what they must not read or write, as far as it
// is this user's to take, and says so, a sentence each.
func tightenFiles(c *Config) (notes []string) {
	for _, f := range ExposedFiles(c) {
		note := f.String()
		if f.isOurs && os.Chmod(f.Path, f.Want) == nil {
			note = fmt.Sprintf("others could use %s, %s, until now (mode %#o): it is %#o again. Whoever had this computer may have what is in it",
				f.What, f.Path, f.Mode, f.Want)
		}
		notes = append(notes, note)
	}
	return notes
}
