package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"alpr/internal/atomicfile"
	"alpr/internal/regular"
)

const (
	// stateEvery is how often the last touch of each session is kept, where
	// nothing else changes.
	stateEvery   = time.Minute
	maxStateFile = 1 << 20
	stateKeyLen  = 16 // at least
)

// keptState is what outlives a restart. It holds no token: only who holds one
// can show that a session is his.
type keptState struct {
	Key      []byte        `json:"key"`
	Sessions []keptSession `json:"sessions"`
}

type keptSession struct {
	ID       string    `json:"id"`
	Officer  string    `json:"officer"`
	Account  string    `json:"account"` // accountStamp
	Started  time.Time `json:"started"`
	Touched  time.Time `json:"touched"`
	IsLocked bool      `json:"locked"`
}

// stateFile keeps sessions in a file that only its owner may read. The lock of
// sessions guards it.
type stateFile struct {
	path    string
	log     *slog.Logger
	isDirty bool
	written time.Time
	isWrong bool // the last write failed
}

// load reads the file. One that cannot be used is started anew: officers log in
// again, and nothing else is lost.
func (f *stateFile) load() (kept keptState, ok bool) {
	st, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, false
	}
	if err == nil && (!st.Mode().IsRegular() || st.Size() > maxStateFile || st.Mode().Perm()&0o077 != 0) {
		err = fmt.Errorf("%s is no file of its owner alone (mode %s, %d bytes)", f.path, st.Mode(), st.Size())
	}
	var text []byte
	if err == nil {
		text, err = regular.ReadFile(f.path)
	}
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err == nil && len(kept.Key) < stateKeyLen {
		err = errors.New("it has no key")
	}
	if err != nil {
		f.log.Error("sessions of the last start are lost: officers log in again", keyErr, err)
		return keptState{}, false
	}
	return kept, true
}

func (f *stateFile) write(kept keptState, now time.Time) {
	err := atomicfile.Write(f.path, mustJSON(kept), 0o600)
	if err != nil && !f.isWrong {
		f.log.Error("sessions will not outlive a restart", keyErr, err)
	}
	f.isWrong, f.written = err != nil, now
	f.isDirty = false // or tried again within a minute
}
