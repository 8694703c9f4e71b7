package uplink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/internal/regular"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// pieceTimeout is how long a piece of a list may take to arrive.
const pieceTimeout = 5 * time.Minute

// announced is the newest version of each list that was announced in a session.
type announced struct {
	mu     sync.Mutex
	latest map[string]uint64
	news   chan struct{} // closed at the next announcement
}

func (a *announced) note(m downlink.Manifest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.latest[m.List] = max(a.latest[m.List], m.Version)
	close(a.news)
	a.news = make(chan struct{})
}

// overtakes says whether there is something newer than m, and where news of
// it would come.
func (a *announced) overtakes(m downlink.Manifest) (bool, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.latest[m.List] > m.Version, a.news
}

func (u *Uplink) hotlistVersions(ctx context.Context) map[string]uint64 {
	if u.opt.Hotlists == nil {
		return map[string]uint64{}
	}
	v, err := u.opt.Hotlists.HotlistVersions(ctx)
	if err != nil {
		u.log.Error("ask for the versions of hotlists", "error", err)
	}
	if v == nil {
		v = map[string]uint64{}
	}
	return v
}

// announce takes a manifest: urgent removals at once, the rest by download.
func (s *session) announce(ctx context.Context, raw []byte) error {
	u := s.u
	if u.opt.Hotlists == nil {
		return errors.New("this vehicle takes no hotlists from outside")
	}
	var m downlink.Manifest
	if _, err := u.open(raw, downlink.KindHotlist, &m); err != nil {
		return err
	}
	if err := m.Check(u.cfg.Agency); err != nil {
		return err
	}
	have := u.hotlistVersions(ctx)[m.List]
	if m.Version <= have {
		return fmt.Errorf("%w: list %s version %d, in use %d", downlink.ErrOlder, m.List, m.Version, have)
	}
	if len(m.RemoveNow) > 0 && have > 0 {
		// What is left of the list is no newer for it: until the new version has
		// come whole, the list keeps its own age.
		up := downlink.Update{List: m.List, Version: have, Base: have, Remove: m.RemoveNow, Entries: downlink.NoEntries}
		if err := u.opt.Hotlists.ApplyHotlist(ctx, up); err != nil {
			return fmt.Errorf("remove %d entries of list %s at once: %w", len(m.RemoveNow), m.List, err)
		}
		u.audit(ctx, "system", "downlink", alpr.ActionRemoveEntriesNow, m.List, map[string]string{"entries": fmt.Sprint(len(m.RemoveNow))})
	}
	s.announced.note(m)
	select {
	case s.manifests <- m:
	case <-ctx.Done():
	}
	return nil
}

// download brings lists up to date, one after the other.
func (s *session) download(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.manifests:
			err := s.downloadOne(ctx, m)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				s.u.refuse(ctx, event.HotlistTopic(m.Agency, m.List), err)
				continue
			}
			if err := s.tick(ctx); err != nil { // the status shows the new version
				s.u.log.Error("renew status", "error", err)
			}
		}
	}
}

func (s *session) downloadOne(ctx context.Context, m downlink.Manifest) error {
	return s.u.opt.Guard.Do("list "+m.List, func() error { return s.downloadContained(ctx, m) })
}

func (s *session) downloadContained(ctx context.Context, m downlink.Manifest) error {
	u := s.u
	have := u.hotlistVersions(ctx)[m.List]
	if m.Version <= have {
		return fmt.Errorf("%w: list %s version %d, in use %d", downlink.ErrOlder, m.List, m.Version, have)
	}
	blob, base := m.Pick(have)
	path := filepath.Join(u.cfg.StateDir, "hotlist-"+blob.SHA256+".part")
	if err := s.fetch(ctx, m, blob, path); err != nil {
		return fmt.Errorf("fetch list %s version %d: %w", m.List, m.Version, err)
	}
	if err := u.apply(ctx, m, base, path); err != nil {
		return fmt.Errorf("apply list %s version %d: %w", m.List, m.Version, err)
	}
	u.log.Info("hotlist updated", "list", m.List, "version", m.Version, "from", base)
	u.audit(ctx, "system", "downlink", alpr.ActionHotlistUpdate, m.List, map[string]string{"version": fmt.Sprint(m.Version), "from": fmt.Sprint(base)})
	return ignoreMissing(os.Remove(path))
}

// apply hands the verified file to the receiver.
func (u *Uplink) apply(ctx context.Context, m downlink.Manifest, base uint64, path string) error {
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	remove, err := downlink.ReadRemovals(f)
	if err != nil {
		return err
	}
	// An urgent removal is published with the blobs of the version before.
	if base != 0 {
		remove = append(remove, m.RemoveNow...)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return u.opt.Hotlists.ApplyHotlist(ctx, downlink.Update{
		List: m.List, Version: m.Version, Base: base, PublishedAt: m.PublishedAt, Remove: remove, Entries: leaveOut(m.RemoveNow, downlink.ReadEntries(f)),
	})
}

// leaveOut is entries without those of some ids.
func leaveOut(ids []string, entries iter.Seq2[alpr.Entry, error]) iter.Seq2[alpr.Entry, error] {
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return func(yield func(alpr.Entry, error) bool) {
		for e, err := range entries {
			if (err != nil || !out[e.ID]) && !yield(e, err) {
				return
			}
		}
	}
}

// fetch brings the blob to path, piece by piece, each verified before it is
// kept. What an earlier session fetched is not fetched again.
func (s *session) fetch(ctx context.Context, m downlink.Manifest, b downlink.Blob, path string) error {
	s.u.dropOtherParts(path)
	f, err := regular.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, b.PieceSize)
	for i, want := range b.Pieces {
		offset := int64(i) * b.PieceSize
		size := min(b.PieceSize, b.Size-offset)
		if n, err := f.ReadAt(buf[:size], offset); err == nil && int64(n) == size && downlink.Hash(buf[:size]) == want {
			continue
		}
		piece, err := s.fetchPiece(ctx, m, event.HotlistPieceTopic(m.Agency, m.List, b.SHA256, i))
		if err != nil {
			return fmt.Errorf("piece %d of %d: %w", i+1, len(b.Pieces), err)
		}
		if int64(len(piece)) != size || downlink.Hash(piece) != want {
			return fmt.Errorf("piece %d of %d is not what the manifest says", i+1, len(b.Pieces))
		}
		if _, err := f.WriteAt(piece, offset); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return checkWhole(f, b)
}

func checkWhole(f *os.File, b downlink.Blob) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, b.Size)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != b.SHA256 {
		return fmt.Errorf("the whole file has hash %s, not %s", got, b.SHA256)
	}
	return nil
}

// dropOtherParts removes what is left of downloads that were overtaken by a
// newer version.
func (u *Uplink) dropOtherParts(keep string) {
	parts, err := filepath.Glob(filepath.Join(u.cfg.StateDir, "hotlist-*.part"))
	if err != nil {
		return
	}
	for _, p := range parts {
		if p != keep {
			if err := ignoreMissing(os.Remove(p)); err != nil {
				u.log.Warn("remove an unfinished download", "error", err)
			}
		}
	}
}

// fetchPiece subscribes to a retained piece and waits for it, or for a newer
// version of the list.
func (s *session) fetchPiece(ctx context.Context, m downlink.Manifest, topic string) ([]byte, error) {
	got := make(chan []byte, 1)
	tok := s.link.client.Subscribe(topic, 1, func(_ mqtt.Client, m mqtt.Message) {
		select {
		case got <- m.Payload():
		default:
		}
	})
	if err := s.link.wait(ctx, tok); err != nil {
		return nil, err
	}
	t := time.NewTimer(pieceTimeout)
	defer t.Stop()
	for {
		isOld, news := s.announced.overtakes(m)
		if isOld {
			return nil, fmt.Errorf("%w: a newer version is announced", downlink.ErrOlder)
		}
		select {
		case b := <-got:
			return b, s.link.wait(ctx, s.link.client.Unsubscribe(topic))
		case <-news:
		case <-t.C:
			return nil, fmt.Errorf("did not come in %s: is it still retained at the broker?", pieceTimeout)
		case <-s.link.lost:
			return nil, s.link.err()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
