package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"alpr/internal/regular"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// Removal takes entries out of a list at once.
type Removal struct {
	Agency, List string
	IDs          []string
	Dir          string // that PublishHotlist keeps its versions in
	Signer       Signer
	Now          time.Time
}

// ErrNotListed reports an entry that the published list does not hold.
var ErrNotListed = errors.New("no such entry in the published list")

// RemoveEntries publishes the removal alone, as a new version: vehicles stop
// alerting on the entries as soon as they hear of it, take open alerts back, and
// download nothing else. A later list that still holds them is published without
// them, until HotlistOrder.Restore names them.
func RemoveEntries(ctx context.Context, b Broker, r Removal) (downlink.Manifest, error) {
	if err := errors.Join(event.CheckName(r.Agency), event.CheckName(r.List)); err != nil {
		return downlink.Manifest{}, err
	}
	s, err := openShelf(r.Dir, r.Agency, r.List)
	if err != nil {
		return downlink.Manifest{}, err
	}
	last, _, err := s.newest()
	if err != nil {
		return downlink.Manifest{}, err
	}
	before, err := s.sums(last.Version)
	if err != nil {
		return downlink.Manifest{}, err
	}
	for _, id := range r.IDs {
		if _, ok := before.find(id); !ok {
			return downlink.Manifest{}, fmt.Errorf("%w: %q in list %s version %d", ErrNotListed, id, r.List, last.Version)
		}
	}
	m, delta, err := r.manifest(last)
	if err != nil {
		return m, err
	}
	c, err := dial(ctx, b)
	if err != nil {
		return m, err
	}
	defer c.close()
	if at, err := c.lastManifest(ctx, r.Agency, r.List); err != nil || at.Version > last.Version {
		return m, errors.Join(err, fmt.Errorf("the broker announces version %d, %s holds %d: use the folder of the machine that published it", at.Version, s.dir, last.Version))
	}
	for _, id := range r.IDs {
		s.state.Removed[id] = r.Now.UTC()
	}
	if err := s.putBlobs(m, delta); err != nil {
		return m, err
	}
	if err := c.publishBlobs(ctx, m, delta); err != nil {
		return m, err
	}
	return m, c.announce(ctx, s, r.Signer, m, last, before.without(r.IDs))
}

// manifest is the last one with the removal. It names the same blobs: vehicles
// leave out what remove_now names, whichever of them they take.
func (r Removal) manifest(last downlink.Manifest) (downlink.Manifest, map[string][]byte, error) {
	m := last
	m.Version++
	m.Entries -= len(r.IDs)
	m.RemoveNow = slices.Concat(last.RemoveNow, r.IDs)
	slices.Sort(m.RemoveNow)
	if m.RemoveNow = slices.Compact(m.RemoveNow); len(m.RemoveNow) > maxRemoveNow {
		return m, nil, fmt.Errorf("more than %d entries are removed by themselves: publish the whole list", maxRemoveNow)
	}
	var buf bytes.Buffer
	if err := downlink.WriteBlob(&buf, r.IDs, downlink.NoEntries); err != nil {
		return m, nil, err
	}
	blob, _ := downlink.Cut(buf.Bytes())
	m.Deltas = append(slices.Clone(last.Deltas), downlink.Delta{From: last.Version, Blob: blob})
	m.Deltas = m.Deltas[max(0, len(m.Deltas)-2*keepVersions):]
	return m, map[string][]byte{blob.SHA256: buf.Bytes()}, nil
}

// Verified is what a broker lacked of a published list, and has again.
type Verified struct {
	Manifest   downlink.Manifest
	Pieces     int  // that were missing or other than published
	IsManifest bool // the announcement was missing, or older
}

// VerifyHotlist compares what the broker holds of a list with what was published,
// and publishes again what is missing: a broker that was killed forgets what came
// since it last saved. It needs no key: what is published is signed already.
func VerifyHotlist(ctx context.Context, b Broker, agency, list, dir string) (Verified, error) {
	s, err := openShelf(dir, agency, list)
	if err != nil {
		return Verified{}, err
	}
	m, statement, err := s.newest()
	if err != nil {
		return Verified{}, err
	}
	v := Verified{Manifest: m}
	c, err := dial(ctx, b)
	if err != nil {
		return v, err
	}
	defer c.close()
	for _, blob := range blobsOf(m) {
		n, err := c.repairBlob(ctx, s, m, blob)
		if v.Pieces += n; err != nil {
			return v, err
		}
	}
	topic := event.HotlistTopic(agency, list)
	found, err := c.retained(ctx, topic)
	if err != nil || bytes.Equal(found[topic], statement) {
		return v, err
	}
	if at, err := manifestOf(found[topic]); err == nil && at.Version > m.Version {
		return v, fmt.Errorf("the broker announces version %d, %s holds %d: use the folder of the machine that published it", at.Version, s.dir, m.Version)
	}
	v.IsManifest = true
	return v, c.retain(ctx, topic, statement)
}

// repairBlob publishes the pieces of a blob that the broker lacks, and says how many.
func (c *client) repairBlob(ctx context.Context, s *shelf, m downlink.Manifest, b downlink.Blob) (int, error) {
	found, err := c.retained(ctx, event.HotlistTopic(m.Agency, m.List)+"/"+b.SHA256+"/+")
	if err != nil {
		return 0, err
	}
	var topics []string
	var missing []int
	for i, topic := range pieceTopics(m, b.SHA256, len(b.Pieces)) {
		if downlink.Hash(found[topic]) != b.Pieces[i] {
			topics, missing = append(topics, topic), append(missing, i)
		}
	}
	if len(missing) == 0 {
		return 0, nil
	}
	data, err := regular.ReadFile(s.blobPath(b.SHA256))
	if err != nil {
		return 0, fmt.Errorf("%d pieces of list %s are not at the broker, nor kept here: publish the list again: %w", len(missing), m.List, err)
	}
	_, pieces := downlink.Cut(data)
	payloads := make([][]byte, len(missing))
	for i, n := range missing {
		payloads[i] = pieces[n]
	}
	return len(missing), c.retainAll(ctx, topics, payloads)
}
