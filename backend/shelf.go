package backend

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"alpr/internal/atomicfile"
	"alpr/internal/regular"
	"alpr/sync/downlink"
)

// shelf is what the publisher keeps of one list: the sums of the last versions,
// their signed manifests, the blobs that lie at the broker, and which entries were
// removed by themselves.
type shelf struct {
	dir, list string
	versions  []uint64 // oldest first
	state     shelfState
}

type shelfState struct {
	Blobs   map[string]int       `json:"blobs"`   // SHA-256 of a blob that lies at the broker → its pieces
	Removed map[string]time.Time `json:"removed"` // id → when it was removed
}

func openShelf(dir, agency, list string) (*shelf, error) {
	s := &shelf{dir: filepath.Join(dir, agency), list: list}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep published versions: %w", err)
	}
	raw, err := regular.ReadFile(s.path("state.json"))
	if err == nil {
		err = json.Unmarshal(raw, &s.state)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what was published of list %s: %w", list, err)
	}
	if s.state.Blobs == nil {
		s.state.Blobs = map[string]int{}
	}
	if s.state.Removed == nil {
		s.state.Removed = map[string]time.Time{}
	}
	return s, s.findVersions()
}

// path is where something of the list is kept. A list's name holds no "~".
func (s *shelf) path(what string) string { return filepath.Join(s.dir, s.list+"~"+what) }

func (s *shelf) versionPath(v uint64, what string) string {
	return s.path(fmt.Sprintf("%d.%s", v, what))
}

// oldPath is where earlier programs kept a whole version.
func (s *shelf) oldPath(v uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%d.jsonl.zst", s.list, v))
}

func (s *shelf) findVersions() error {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list published versions: %w", err)
	}
	for _, f := range files {
		number, isNew := strings.CutPrefix(f.Name(), s.list+"~")
		number, isSums := strings.CutSuffix(number, ".sums")
		if !isNew || !isSums {
			var isOld, isList bool
			number, isOld = strings.CutPrefix(f.Name(), s.list+"-")
			number, isList = strings.CutSuffix(number, ".jsonl.zst")
			if !isOld || !isList {
				continue
			}
		}
		if v, err := strconv.ParseUint(number, 10, 64); err == nil && !slices.Contains(s.versions, v) {
			s.versions = append(s.versions, v)
		}
	}
	slices.Sort(s.versions)
	return nil
}

func (s *shelf) save() error {
	raw, err := json.Marshal(s.state)
	if err != nil {
		return fmt.Errorf("encode what was published of list %s: %w", s.list, err)
	}
	return atomicfile.Write(s.path("state.json"), raw, 0o600)
}

func (s *shelf) isRemoved(id string) bool { return !s.state.Removed[id].IsZero() }

func (s *shelf) restore(ids []string) error {
	for _, id := range ids {
		delete(s.state.Removed, id)
	}
	return s.save()
}

// sums reads a version's sums.
func (s *shelf) sums(v uint64) (*sums, error) {
	f, err := regular.Open(s.versionPath(v, "sums"))
	if errors.Is(err, fs.ErrNotExist) {
		return s.oldSums(v)
	}
	if err != nil {
		return nil, fmt.Errorf("open published version: %w", err)
	}
	defer f.Close()
	r, out := bufio.NewReaderSize(f, 1<<20), &sums{}
	for {
		var head [16]byte
		_, err := io.ReadFull(r, head[:])
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		size, err2 := binary.ReadUvarint(r)
		if err := errors.Join(err, err2); err != nil || size > maxID {
			return nil, fmt.Errorf("read published version %s: damaged: delete it, the next list is then sent whole: %w", f.Name(), err)
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, fmt.Errorf("read published version %s: %w", f.Name(), err)
		}
		out.list = append(out.list, sum{binary.BigEndian.Uint64(head[:8]), binary.BigEndian.Uint64(head[8:])})
		out.texts = append(out.texts, string(text))
	}
}

// maxID bounds an entry's id in bytes.
const maxID = 64 << 10

// oldSums reads a whole version as earlier programs kept it.
func (s *shelf) oldSums(v uint64) (*sums, error) {
	f, err := regular.Open(s.oldPath(v))
	if err != nil {
		return nil, fmt.Errorf("open published version: %w", err)
	}
	defer f.Close()
	out := &sums{}
	for e, err := range downlink.ReadEntries(f) {
		if err != nil {
			return nil, fmt.Errorf("read published version %s: %w", f.Name(), err)
		}
		_, base, err := entryLine(e, &downlink.Manifest{List: s.list, Version: v})
		if err != nil {
			return nil, err
		}
		out.add(e.ID, base)
	}
	out.sort()
	return out, nil
}

// put keeps a version, and lets go of those too old for a delta.
func (s *shelf) put(version uint64, x *sums, statement []byte) error {
	if err := s.putSums(version, x); err != nil {
		return fmt.Errorf("keep published version: %w", err)
	}
	if err := atomicfile.Write(s.versionPath(version, "statement"), statement, 0o600); err != nil {
		return fmt.Errorf("keep published version: %w", err)
	}
	s.versions = append(s.versions, version)
	for len(s.versions) > keepVersions {
		for _, path := range []string{s.versionPath(s.versions[0], "sums"), s.versionPath(s.versions[0], "statement"), s.oldPath(s.versions[0])} {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("let an old version go: %w", err)
			}
		}
		s.versions = s.versions[1:]
	}
	return nil
}

func (s *shelf) putSums(version uint64, x *sums) error {
	return atomicfile.WriteTo(s.versionPath(version, "sums"), 0o600, func(out io.Writer) error {
		w := bufio.NewWriterSize(out, 1<<20)
		var head []byte
		for i, one := range x.list {
			head = binary.BigEndian.AppendUint64(head[:0], one.id)
			head = binary.BigEndian.AppendUint64(head, one.print)
			head = binary.AppendUvarint(head, uint64(len(x.texts[i])))
			if _, err := w.Write(append(head, x.texts[i]...)); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// newest is the statement that was published last.
func (s *shelf) newest() (downlink.Manifest, []byte, error) {
	if len(s.versions) == 0 {
		return downlink.Manifest{}, nil, fmt.Errorf("%w: list %s in %s", ErrNeverPublished, s.list, s.dir)
	}
	v := s.versions[len(s.versions)-1]
	statement, err := regular.ReadFile(s.versionPath(v, "statement"))
	if errors.Is(err, fs.ErrNotExist) {
		return downlink.Manifest{}, nil, fmt.Errorf("%w: version %d of list %s was published by an earlier program: publish it whole once", ErrNeverPublished, v, s.list)
	}
	if err != nil {
		return downlink.Manifest{}, nil, fmt.Errorf("read what was published: %w", err)
	}
	m, err := manifestOf(statement)
	return m, statement, err
}

// ErrNeverPublished reports a folder that does not hold what was published.
var ErrNeverPublished = errors.New("nothing is kept here of this list: name the folder that publish-hotlist --state named")

func (s *shelf) blobPath(sha string) string { return s.path(sha + ".blob") }

// putBlobs keeps new blobs, so that what a broker has lost can be published again.
func (s *shelf) putBlobs(m downlink.Manifest, blobs map[string][]byte) error {
	for sha, data := range blobs {
		if err := atomicfile.Write(s.blobPath(sha), data, 0o600); err != nil {
			return fmt.Errorf("keep published version: %w", err)
		}
	}
	s.noteBlobs(m)
	return s.save()
}

func blobsOf(m downlink.Manifest) []downlink.Blob {
	out := []downlink.Blob{m.Whole}
	for _, d := range m.Deltas {
		out = append(out, d.Blob)
	}
	return slices.DeleteFunc(out, func(b downlink.Blob) bool { return b.SHA256 == "" })
}

func (s *shelf) noteBlobs(m downlink.Manifest) {
	for _, b := range blobsOf(m) {
		s.state.Blobs[b.SHA256] = len(b.Pieces)
	}
}

// atBroker is a blob that lies there.
type atBroker struct {
	SHA256 string
	Pieces int
}

// outdated are the blobs at the broker that no manifest names.
func (s *shelf) outdated(manifests ...downlink.Manifest) (out []atBroker) {
	keep := map[string]bool{}
	for _, m := range manifests {
		for _, b := range blobsOf(m) {
			keep[b.SHA256] = true
		}
	}
	for sha, n := range s.state.Blobs {
		if !keep[sha] {
			out = append(out, atBroker{sha, n})
		}
	}
	return out
}

func (s *shelf) dropBlob(sha string) error {
	delete(s.state.Blobs, sha)
	if err := os.Remove(s.blobPath(sha)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("let an old version go: %w", err)
	}
	return s.save()
}
