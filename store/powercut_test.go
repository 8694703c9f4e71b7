package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"alpr"
)

// cuts is at how many instants TestPowerCut takes the power away.
var cuts = flag.Int("cuts", 12, "at how many instants the power is cut")

// someReads are enough for the write-ahead log to be copied back into the file.
const someReads = 120

// recordSome records them, and ends without closing anything.
func recordSome(path string) error {
	s, err := Open(context.Background(), Config{Path: path, Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	say := func(id alpr.ID) error { _, err := fmt.Println(id); return err }
	for i := 0; err == nil && i < someReads; i++ {
		err = recordOne(s, say, "P", 0, i)
	}
	return err
}

// A disk keeps for certain what was written before the last fsync of its file.
// Of what was written after it, a power cut may leave anything: all, nothing, or
// some of it in whatever order, a write cut off between two sectors.
type diskFile struct {
	kept    []byte
	pending []diskWrite
}

type diskWrite struct {
	at   int64
	data []byte // nil: the file is cut to at bytes
}

const sector = 512

func (w diskWrite) apply(content []byte) []byte {
	end := w.at + int64(len(w.data))
	if n := end - int64(len(content)); n > 0 {
		content = append(content, make([]byte, n)...)
	}
	if w.data == nil {
		return content[:w.at]
	}
	copy(content[w.at:], w.data)
	return content
}

func (f *diskFile) sync() {
	for _, w := range f.pending {
		f.kept = w.apply(f.kept)
	}
	f.pending = nil
}

// afterCut is what the disk may hold when the power comes back.
func (f *diskFile) afterCut(rng *rand.Rand) []byte {
	content := bytes.Clone(f.kept)
	share := []float64{0, 0.5, 0.9, 1}[rng.IntN(4)]
	for _, w := range f.pending {
		if rng.Float64() > share {
			continue
		}
		if len(w.data) > sector && rng.IntN(4) == 0 {
			w.data = w.data[:sector*rng.IntN(len(w.data)/sector)+1]
		}
		content = w.apply(content)
	}
	return content
}

// traced is one system call of the recording process that matters to a disk.
type traced struct {
	name, path string
	diskWrite
}

var tracedCall = regexp.MustCompile(`^(\w+)\(\d+<([^>]*)>(?:, (?:"([^"]*)"(\.*), )?(\d+)(?:, (\d+))?)?\)\s+= (\d+)`)

// parseTrace reads the lines of strace -f -y -xx. A call that another thread's
// interrupts is written in two lines.
func parseTrace(t *testing.T, trace io.Reader) (calls []traced) {
	t.Helper()
	begun := map[string]string{}
	lines := bufio.NewScanner(trace)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		thread, text, _ := strings.Cut(lines.Text(), " ")
		text = strings.TrimLeft(text, " ")
		if head, isCut := strings.CutSuffix(text, " <unfinished ...>"); isCut {
			begun[thread] = head
			continue
		}
		if strings.HasPrefix(text, "<... ") {
			_, tail, _ := strings.Cut(text, " resumed>")
			text = begun[thread] + tail
		}
		m := tracedCall.FindStringSubmatch(text)
		if m == nil {
			continue // an exit, a signal, a call that failed
		}
		c := traced{name: m[1], path: string(unhex(t, m[2]))}
		switch c.name {
		case "ftruncate":
			c.at = int64(number(t, m[5]))
		case "pwrite64", "write":
			c.data = unhex(t, m[3])[:number(t, m[7])]
			if m[6] != "" {
				c.at = int64(number(t, m[6]))
			}
		}
		calls = append(calls, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		t.Fatalf("%.80s: %v", text, err)
	}
	return b
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// traceRecording has another process record into the store at path, and
// returns what it asked of the disk and said, in order.
func traceRecording(t *testing.T, path string) []traced {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "100000", "-o", trace,
		"-e", "trace=pwrite64,write,ftruncate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2", self)
	cmd.Env = append(os.Environ(), envRole+"=some", envPath+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("strace (Debian's package strace): %v\n%s", err, out)
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return parseTrace(t, f)
}

// TestPowerCut cuts the power at random instants, on a disk that is allowed
// everything a disk is: see diskFile. What was acknowledged before is there
// afterwards, and nothing is half recorded.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	f := open(t, func(c *Config) { c.Path = path })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files := map[string]*diskFile{}
	for _, name := range []string{"store.db", "device.key"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &diskFile{kept: content}
	}
	calls := traceRecording(t, path)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) // every run tries other instants
	at := map[int]bool{len(calls) - 1: true}
	for range *cuts {
		at[rng.IntN(len(calls))] = true
	}
	var said []string
	for i, c := range calls {
		name := filepath.Base(c.path)
		switch {
		case c.name == "write" && len(c.data) == 37: // standard output
			said = append(said, strings.TrimSpace(string(c.data)))
		case filepath.Dir(c.path) != dir || strings.HasSuffix(name, "-shm"): // no file of the store's, or made anew at each start
		case strings.HasSuffix(c.name, "sync"):
			if files[name] != nil {
				files[name].sync()
			}
		case c.name == "pwrite64" || c.name == "ftruncate":
			if files[name] == nil {
				files[name] = &diskFile{}
			}
			files[name].pending = append(files[name].pending, c.diskWrite)
		default:
			t.Fatalf("%s of %s: this disk does not know how a power cut leaves that", c.name, name)
		}
		if at[i] {
			checkAfterCut(t, files, said, rng)
		}
	}
	if len(said) != someReads {
		t.Errorf("%d reads were acknowledged", len(said))
	}
	t.Logf("%d cuts among %d calls", len(at), len(calls))
}

func checkAfterCut(t *testing.T, files map[string]*diskFile, said []string, rng *rand.Rand) {
	t.Helper()
	dir := t.TempDir()
	for name, file := range files {
		if err := os.WriteFile(filepath.Join(dir, name), file.afterCut(rng), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "store.db")
	s, err := Open(context.Background(), Config{Path: path, Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("after %d reads: %v", len(said), err)
	}
	f := &fixture{Store: s, t: t}
	if aside, err := filepath.Glob(path + markDamaged + "*"); err != nil || len(aside) > 0 {
		t.Fatalf("after %d reads the file is damaged: %v, %v", len(said), aside, err)
	}
	kept, err := s.queryReads(context.Background(), "ORDER BY at_ms DESC LIMIT ?", len(said)+10)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range said {
		if !slices.ContainsFunc(kept, func(r alpr.Read) bool { return r.ID.String() == id }) {
			t.Fatalf("read %s was acknowledged and is gone, %d of %d are there", id, len(kept), len(said))
		}
	}
	checkWhole(f)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
