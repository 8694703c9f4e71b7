package console

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"alpr/internal/regular"
)

// accountsEvery is how often the accounts file is looked at when nobody asks.
const accountsEvery = time.Second

// accounts are those who may log in, as the accounts file has them now. A file
// that is damaged, gone or writable by others leaves the accounts as they were,
// and says so: a slip of an editor must not shut every officer out in the middle
// of a shift. An empty file is sound, and shuts everybody out. It is safe for
// concurrent use.
type accounts struct {
	path string // "": the accounts are fixed
	log  *slog.Logger

	mu      sync.Mutex
	users   map[string]User
	stamp   fileStamp
	trouble string // what is wrong with the file, "" where nothing is
}

// fileStamp changes whenever a file is written, replaced or given other rights.
type fileStamp struct {
	exists            bool
	modified, changed time.Time
	size              int64
	mode              fs.FileMode
	device, inode     uint64
}

func stampOf(path string) fileStamp {
	st, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	s := fileStamp{exists: true, modified: st.ModTime(), size: st.Size(), mode: st.Mode()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s.device, s.inode, s.changed = sys.Dev, sys.Ino, time.Unix(sys.Ctim.Unix())
	}
	return s
}

func fixedAccounts(users map[string]User) *accounts { return &accounts{users: users} }

// watchAccounts reads the file as far as it is sound. No file keeps the program
// from starting: alerts are worth more than the page's log-in.
func watchAccounts(path string, log *slog.Logger) *accounts {
	a := &accounts{path: path, log: log}
	a.stamp = stampOf(path)
	found := readAccounts(path)
	a.users = found.users
	a.say(found.trouble())
	return a
}

// get returns an account by its name, as the file has it at this moment.
func (a *accounts) get(name string) (User, bool) {
	a.refresh()
	a.mu.Lock()
	defer a.mu.Unlock()
	u, ok := a.users[name]
	return u, ok
}

// all returns every account.
func (a *accounts) all() []User {
	a.refresh()
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.users))
}

// nobody says why nobody can log in; nil where somebody can.
func (a *accounts) nobody() error {
	a.refresh()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.users) > 0:
		return nil
	case a.trouble != "":
		return fmt.Errorf("%w: %s", errNoAccounts, a.trouble)
	}
	return fmt.Errorf("%w: no account exists: add one with `alpr user add`", errNoAccounts)
}

// Trouble is what is wrong with the file, a sentence, or "".
func (a *accounts) Trouble() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}

// refresh takes over a file that has changed.
func (a *accounts) refresh() {
	if a.path == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := stampOf(a.path)
	if now == a.stamp {
		return
	}
	a.stamp = now
	found := readAccounts(a.path)
	if !found.isWhole() {
		a.say(found.trouble() + ": the accounts stay as they were before")
		return
	}
	a.log.Info("the accounts file has changed", "accounts", len(found.users))
	a.users = found.users
	a.say(found.trouble())
}

// say is called with mu held, or before a is known to anybody.
func (a *accounts) say(trouble string) {
	if trouble != "" && trouble != a.trouble {
		a.log.Error("accounts", keyErr, trouble)
	}
	a.trouble = trouble
}

// foundAccounts is what an accounts file holds.
type foundAccounts struct {
	users map[string]User
	wrong []error // why it is not taken whole; users are what is sound of it
	risky error   // it is taken, but should not be as it is
}

func (f foundAccounts) isWhole() bool { return len(f.wrong) == 0 }

func (f foundAccounts) trouble() string {
	switch {
	case len(f.wrong) > 1:
		return fmt.Sprintf("%v, and %d more", f.wrong[0], len(f.wrong)-1)
	case len(f.wrong) == 1:
		return f.wrong[0].Error()
	case f.risky != nil:
		return f.risky.Error()
	}
	return ""
}

// readAccounts reads an accounts file as far as it is sound.
func readAccounts(path string) (found foundAccounts) {
	fail := func(err error) foundAccounts { return foundAccounts{wrong: []error{err}} }
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(fmt.Errorf("open accounts: %w: add the first one with `alpr user add`", err))
	case err != nil:
		return fail(fmt.Errorf("open accounts: %w", err))
	case !st.Mode().IsRegular():
		return fail(fmt.Errorf("%w: %s is no file", ErrUsers, path))
	case st.Mode().Perm()&0o022 != 0:
		return fail(fmt.Errorf("%w: %s may be changed by others (mode %04o), who could let themselves in: chmod 600 %s",
			ErrUsers, path, st.Mode().Perm(), path))
	case st.Mode().Perm()&0o044 != 0:
		found.risky = fmt.Errorf("%w: %s may be read by others (mode %04o): chmod 600 %s", ErrUsers, path, st.Mode().Perm(), path)
	}
	f, err := regular.Open(path)
	if err != nil {
		return fail(fmt.Errorf("open accounts: %w", err))
	}
	defer f.Close()
	found.users, found.wrong = parseUsers(f)
	for i, err := range found.wrong {
		found.wrong[i] = fmt.Errorf("read accounts %s: %w", path, err)
	}
	return found
}
