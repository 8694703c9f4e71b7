package backend

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"alpr"
	"alpr/internal/atomicfile"
	"alpr/internal/regular"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// Signer signs what vehicles are told. Name is what vehicles know its public
// key by.
type Signer struct {
	Name    string
	Private ed25519.PrivateKey
}

// NewSigner makes a key pair.
func NewSigner(name string) (Signer, error) {
	if err := event.CheckName(name); err != nil {
		return Signer{}, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Signer{}, fmt.Errorf("make key: %w", err)
	}
	return Signer{Name: name, Private: private}, nil
}

// Public is the key as vehicles trust it, for the given scopes.
func (s Signer) Public(scopes ...downlink.Kind) downlink.Key {
	return downlink.Key{Name: s.Name, Scopes: scopes, Public: s.Private.Public().(ed25519.PublicKey)}
}

// Save writes the private key to a new file that only its owner can read.
func (s Signer) Save(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(s.Private)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Name": s.Name}, Bytes: der})
	if err := atomicfile.Create(path, text, 0o600); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

// LoadSigner reads what Save wrote.
func LoadSigner(path string) (Signer, error) {
	b, err := regular.ReadFile(path)
	if err != nil {
		return Signer{}, fmt.Errorf("read key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return Signer{}, fmt.Errorf("read key %s: no PEM in it; make one with \"alpr-backend keygen\"", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return Signer{}, fmt.Errorf("read key %s: %w", path, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok || block.Headers["Name"] == "" {
		return Signer{}, fmt.Errorf("read key %s: not a named Ed25519 key; make one with \"alpr-backend keygen\"", path)
	}
	return Signer{Name: block.Headers["Name"], Private: private}, nil
}

// keepVersions is how many earlier versions of a list have a delta to the
// newest; a vehicle further behind fetches the whole list.
const keepVersions = 5

// maxRemoveNow bounds the urgent removals of one manifest.
const maxRemoveNow = 5000

// HotlistOrder is one list to publish.
type HotlistOrder struct {
	Agency  string
	List    string
	Entries []alpr.Entry // the whole list
	Dir     string       // keeps published versions, so that the next can be told as a change
	Signer  Signer
	Now     time.Time
}

// PublishHotlist publishes a list as a new version, and returns its manifest.
// Vehicles learn of it at once, or when they next connect. Entries that are
// gone since the last versions stop alerting before anything is downloaded.
func PublishHotlist(ctx context.Context, b Broker, o HotlistOrder) (downlink.Manifest, error) {
	if err := errors.Join(event.CheckName(o.Agency), event.CheckName(o.List)); err != nil {
		return downlink.Manifest{}, err
	}
	c, err := dial(ctx, b)
	if err != nil {
		return downlink.Manifest{}, err
	}
	defer c.close()
	last, err := c.lastManifest(ctx, o)
	if err != nil {
		return downlink.Manifest{}, err
	}
	shelf := shelf{dir: filepath.Join(o.Dir, o.Agency), list: o.List}
	versions, err := shelf.versions()
	if err != nil {
		return downlink.Manifest{}, err
	}
	m := downlink.Manifest{Agency: o.Agency, List: o.List, Version: last.Version + 1, PublishedAt: o.Now.UTC(), Entries: len(o.Entries)}
	if n := len(versions); n > 0 {
		m.Version = max(m.Version, versions[n-1]+1)
	}
	blobs, err := o.blobs(&m, shelf, versions)
	if err != nil {
		return downlink.Manifest{}, err
	}
	if err := c.publishBlobs(ctx, o, blobs); err != nil {
		return downlink.Manifest{}, err
	}
	if err := shelf.put(m.Version, blobs[m.Whole.SHA256]); err != nil {
		return downlink.Manifest{}, err
	}
	statement, err := downlink.Sign(downlink.KindHotlist, m, o.Signer.Name, o.Signer.Private)
	if err != nil {
		return downlink.Manifest{}, err
	}
	if len(statement) > downlink.MaxStatement {
		return downlink.Manifest{}, fmt.Errorf("manifest of list %s has %d bytes, more than %d", o.List, len(statement), downlink.MaxStatement)
	}
	if err := c.retain(ctx, event.HotlistTopic(o.Agency, o.List), statement); err != nil {
		return downlink.Manifest{}, err
	}
	return m, c.clearOld(ctx, o, last, m)
}

// lastManifest is what is announced now; the zero Manifest when nothing is.
func (c *client) lastManifest(ctx context.Context, o HotlistOrder) (downlink.Manifest, error) {
	var m downlink.Manifest
	topic := event.HotlistTopic(o.Agency, o.List)
	found, err := c.retained(ctx, topic)
	if err != nil || found[topic] == nil {
		return m, err
	}
	var st downlink.Statement
	if err := json.Unmarshal(found[topic], &st); err != nil {
		return m, fmt.Errorf("read the manifest at %s: %w", topic, err)
	}
	if err := json.Unmarshal(st.Payload, &m); err != nil {
		return m, fmt.Errorf("read the manifest at %s: %w", topic, err)
	}
	return m, nil
}

// blobs makes the whole list and the deltas to it, and enters them in the
// manifest.
func (o HotlistOrder) blobs(m *downlink.Manifest, s shelf, versions []uint64) (map[string][]byte, error) {
	entries := slices.Clone(o.Entries)
	for i := range entries {
		entries[i].List, entries[i].ListVersion = o.List, fmt.Sprint(m.Version)
		if entries[i].PublishedAt.IsZero() {
			entries[i].PublishedAt = m.PublishedAt
		}
	}
	whole, blob, err := makeBlob(nil, entries)
	if err != nil {
		return nil, err
	}
	m.Whole = blob
	out := map[string][]byte{blob.SHA256: whole}
	gone := map[string]bool{}
	for _, v := range versions[max(0, len(versions)-keepVersions):] {
		before, err := s.get(v)
		if err != nil {
			return nil, err
		}
		remove, change, err := downlink.Diff(before, entries)
		if err != nil {
			return nil, err
		}
		for _, id := range remove {
			gone[id] = true
		}
		delta, blob, err := makeBlob(remove, change)
		if err != nil {
			return nil, err
		}
		if blob.Size < m.Whole.Size { // else the whole list is the shorter way
			m.Deltas = append(m.Deltas, downlink.Delta{From: v, Blob: blob})
			out[blob.SHA256] = delta
		}
	}
	for id := range gone {
		m.RemoveNow = append(m.RemoveNow, id)
	}
	slices.Sort(m.RemoveNow)
	m.RemoveNow = m.RemoveNow[:min(len(m.RemoveNow), maxRemoveNow)]
	return out, nil
}

func makeBlob(remove []string, entries []alpr.Entry) ([]byte, downlink.Blob, error) {
	var buf bytes.Buffer
	if err := downlink.WriteBlob(&buf, remove, all(entries)); err != nil {
		return nil, downlink.Blob{}, err
	}
	blob, _ := downlink.Cut(buf.Bytes())
	return buf.Bytes(), blob, nil
}

func all(entries []alpr.Entry) iter.Seq2[alpr.Entry, error] {
	return func(yield func(alpr.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (c *client) publishBlobs(ctx context.Context, o HotlistOrder, blobs map[string][]byte) error {
	for sha, data := range blobs {
		_, pieces := downlink.Cut(data)
		for i, p := range pieces {
			if err := c.retain(ctx, event.HotlistPieceTopic(o.Agency, o.List, sha, i), p); err != nil {
				return err
			}
		}
	}
	return nil
}

// clearOld takes pieces back that neither the newest manifest nor the one
// before names: a vehicle in the middle of the one before can finish it.
func (c *client) clearOld(ctx context.Context, o HotlistOrder, last, now downlink.Manifest) error {
	keep := map[string]bool{}
	for _, m := range []downlink.Manifest{last, now} {
		keep[m.Whole.SHA256] = true
		for _, d := range m.Deltas {
			keep[d.Blob.SHA256] = true
		}
	}
	found, err := c.retained(ctx, event.HotlistTopic(o.Agency, o.List)+"/+/+")
	if err != nil {
		return err
	}
	for topic := range found {
		if sha := filepath.Base(filepath.Dir(topic)); !keep[sha] {
			if err := c.retain(ctx, topic, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// shelf keeps the published versions of one list as files.
type shelf struct{ dir, list string }

func (s shelf) path(version uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%d.jsonl.zst", s.list, version))
}

// versions lists what is there, oldest first.
func (s shelf) versions() ([]uint64, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, s.list+"-*.jsonl.zst"))
	if err != nil {
		return nil, fmt.Errorf("list published versions: %w", err)
	}
	var out []uint64
	for _, f := range files {
		var v uint64
		if _, err := fmt.Sscanf(filepath.Base(f)[len(s.list):], "-%d.jsonl.zst", &v); err == nil {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (s shelf) get(version uint64) ([]alpr.Entry, error) {
	f, err := regular.Open(s.path(version))
	if err != nil {
		return nil, fmt.Errorf("open published version: %w", err)
	}
	defer f.Close()
	var out []alpr.Entry
	for e, err := range downlink.ReadEntries(f) {
		if err != nil {
			return nil, fmt.Errorf("read published version %s: %w", f.Name(), err)
		}
		out = append(out, e)
	}
	return out, nil
}

// put keeps a version, and lets go of those too old for a delta.
func (s shelf) put(version uint64, blob []byte) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("keep published version: %w", err)
	}
	if err := atomicfile.Write(s.path(version), blob, 0o600); err != nil {
		return fmt.Errorf("keep published version: %w", err)
	}
	versions, err := s.versions()
	if err != nil {
		return err
	}
	for _, old := range versions[:max(0, len(versions)-keepVersions)] {
		if err := os.Remove(s.path(old)); err != nil {
			return fmt.Errorf("let an old version go: %w", err)
		}
	}
	return nil
}

// PublishPolicy asks one vehicle, or every vehicle named, for tighter rules. It
// is retained, so that vehicles learn of it when they connect.
func PublishPolicy(ctx context.Context, b Broker, s Signer, vehicles []event.Vehicle, p downlink.PolicyChange) error {
	c, err := dial(ctx, b)
	if err != nil {
		return err
	}
	defer c.close()
	for _, v := range vehicles {
		p.Agency, p.Vehicle = v.Agency, v.Name
		if err := p.Check(v); err != nil {
			return err
		}
		statement, err := downlink.Sign(downlink.KindPolicy, p, s.Name, s.Private)
		if err != nil {
			return err
		}
		if err := c.retain(ctx, v.PolicyTopic(), statement); err != nil {
			return err
		}
	}
	return nil
}

// PublishKeys changes the keys that all vehicles of an agency trust. The signer
// needs the scope "keys" there.
func PublishKeys(ctx context.Context, b Broker, s Signer, change downlink.KeyChange) error {
	c, err := dial(ctx, b)
	if err != nil {
		return err
	}
	defer c.close()
	statement, err := downlink.Sign(downlink.KindKeys, change, s.Name, s.Private)
	if err != nil {
		return err
	}
	return c.retain(ctx, event.KeysTopic(change.Agency), statement)
}
