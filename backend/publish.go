package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"alpr"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// keepVersions is how many earlier versions of a list have a delta to the
// newest; a vehicle further behind fetches the whole list.
const keepVersions = 5

// maxRemoveNow bounds the urgent removals of one manifest.
const maxRemoveNow = 5000

// HotlistOrder is one list to publish.
type HotlistOrder struct {
	Agency  string
	List    string
	Entries iter.Seq[alpr.Entry] // the whole list; it is walked more than once
	Dir     string               // keeps published versions, so that the next can be told as a change
	Signer  Signer
	Now     time.Time
	// Restore are ids that were removed with RemoveEntries and may be listed
	// again. What was removed and is not named here stays out.
	Restore []string
}

// Published is what came of an order.
type Published struct {
	downlink.Manifest
	LeftOut []string // ids that stay out, because they were removed by themselves
}

// PublishHotlist publishes a list as a new version. Vehicles learn of it at once,
// or when they next connect. Entries that are gone since the last versions stop
// alerting before anything is downloaded.
func PublishHotlist(ctx context.Context, b Broker, o HotlistOrder) (Published, error) {
	if err := errors.Join(event.CheckName(o.Agency), event.CheckName(o.List)); err != nil {
		return Published{}, err
	}
	c, err := dial(ctx, b)
	if err != nil {
		return Published{}, err
	}
	defer c.close()
	last, err := c.lastManifest(ctx, o.Agency, o.List)
	if err != nil {
		return Published{}, err
	}
	shelf, err := openShelf(o.Dir, o.Agency, o.List)
	if err != nil {
		return Published{}, err
	}
	p := Published{Manifest: downlink.Manifest{Agency: o.Agency, List: o.List, Version: last.Version + 1, PublishedAt: o.Now.UTC()}}
	if n := len(shelf.versions); n > 0 {
		p.Version = max(p.Version, shelf.versions[n-1]+1)
	}
	if err := shelf.restore(o.Restore); err != nil {
		return Published{}, err
	}
	sums, blobs, err := o.blobs(&p, shelf)
	if err != nil {
		return Published{}, err
	}
	shelf.noteBlobs(last)
	if err := shelf.putBlobs(p.Manifest, blobs); err != nil {
		return Published{}, err
	}
	if err := c.publishBlobs(ctx, p.Manifest, blobs); err != nil {
		return Published{}, err
	}
	return p, c.announce(ctx, shelf, o.Signer, p.Manifest, last, sums)
}

// announce signs and publishes a manifest whose blobs are at the broker, keeps
// the version, and takes pieces back that neither it nor the manifest before
// names: a vehicle in the middle of the one before can finish it.
func (c *client) announce(ctx context.Context, s *shelf, by Signer, m, last downlink.Manifest, sums *sums) error {
	statement, err := downlink.Sign(downlink.KindHotlist, m, by.Name, by.Private)
	if err != nil {
		return err
	}
	if len(statement) > downlink.MaxStatement {
		return fmt.Errorf("manifest of list %s has %d bytes, more than %d", m.List, len(statement), downlink.MaxStatement)
	}
	if err := s.put(m.Version, sums, statement); err != nil {
		return err
	}
	if err := c.retain(ctx, event.HotlistTopic(m.Agency, m.List), statement); err != nil {
		return err
	}
	for _, b := range s.outdated(last, m) {
		if err := c.retainAll(ctx, pieceTopics(m, b.SHA256, b.Pieces), nil); err != nil {
			return err
		}
		if err := s.dropBlob(b.SHA256); err != nil {
			return err
		}
	}
	return nil
}

func pieceTopics(m downlink.Manifest, sha string, pieces int) []string {
	out := make([]string, pieces)
	for i := range out {
		out[i] = event.HotlistPieceTopic(m.Agency, m.List, sha, i)
	}
	return out
}

// lastManifest is what is announced now; the zero Manifest when nothing is.
func (c *client) lastManifest(ctx context.Context, agency, list string) (downlink.Manifest, error) {
	topic := event.HotlistTopic(agency, list)
	found, err := c.retained(ctx, topic)
	if err != nil || found[topic] == nil {
		return downlink.Manifest{}, err
	}
	m, err := manifestOf(found[topic])
	if err != nil {
		return m, fmt.Errorf("read the manifest at %s: %w", topic, err)
	}
	return m, nil
}

// manifestOf reads a statement of ours; its signature is for the vehicles.
func manifestOf(statement []byte) (m downlink.Manifest, err error) {
	var st downlink.Statement
	if err := json.Unmarshal(statement, &st); err != nil {
		return m, err
	}
	return m, json.Unmarshal(st.Payload, &m)
}

// blobs makes the whole list and the deltas to it, and enters them in the
// manifest. Of the earlier versions only what was the sum of each entry is read.
func (o HotlistOrder) blobs(p *Published, s *shelf) (*sums, map[string][]byte, error) {
	whole, now, err := o.whole(p, s)
	if err != nil {
		return nil, nil, err
	}
	blobs := map[string][]byte{p.Whole.SHA256: whole}
	versions := s.versions[max(0, len(s.versions)-keepVersions):]
	diffs := make([]diff, len(versions))
	wanted, gone := map[uint64][][]byte{}, map[string]bool{}
	for i, v := range versions {
		before, err := s.sums(v)
		if err != nil {
			return nil, nil, err
		}
		diffs[i] = before.diff(now)
		for _, id := range diffs[i].removed {
			gone[id] = true
		}
		if diffs[i].isShort(now.len()) {
			for id := range diffs[i].changed {
				wanted[id] = nil
			}
		}
	}
	if err := o.collect(p.Manifest, s, wanted); err != nil {
		return nil, nil, err
	}
	for i, v := range versions {
		if !diffs[i].isShort(now.len()) {
			continue // the whole list is the shorter way
		}
		delta, blob, err := diffs[i].blob(wanted)
		if err != nil {
			return nil, nil, err
		}
		if blob.Size < p.Whole.Size {
			p.Deltas = append(p.Deltas, downlink.Delta{From: v, Blob: blob})
			blobs[blob.SHA256] = delta
		}
	}
	for id := range gone {
		p.RemoveNow = append(p.RemoveNow, id)
	}
	slices.Sort(p.RemoveNow)
	p.RemoveNow = p.RemoveNow[:min(len(p.RemoveNow), maxRemoveNow)]
	return now, blobs, nil
}

// publishBlobs leaves the pieces of new blobs at the broker.
func (c *client) publishBlobs(ctx context.Context, m downlink.Manifest, blobs map[string][]byte) error {
	for sha, data := range blobs {
		_, pieces := downlink.Cut(data)
		if err := c.retainAll(ctx, pieceTopics(m, sha, len(pieces)), pieces); err != nil {
			return err
		}
	}
	return nil
}
