package uplink_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alpr"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// auditLog collects audit records.
type auditLog struct {
	mu      sync.Mutex
	records []alpr.AuditRecord
}

func (l *auditLog) Audit(_ context.Context, r alpr.AuditRecord) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	return nil
}

func (l *auditLog) has(action alpr.AuditAction, subject string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.records, func(r alpr.AuditRecord) bool { return r.Action == action && r.Subject == subject })
}

func keyPair(name string, seed byte, scopes ...downlink.Kind) (downlink.Key, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return downlink.Key{Name: name, Scopes: scopes, Public: private.Public().(ed25519.PublicKey)}, private
}

func sign(t testing.TB, kind downlink.Kind, v any, key string, private ed25519.PrivateKey) []byte {
	t.Helper()
	b, err := downlink.Sign(kind, v, key, private)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// retain leaves a retained message at the broker.
func (l *listener) retain(t testing.TB, topic string, payload []byte) {
	t.Helper()
	if tok := l.client.Publish(topic, 1, true, payload); tok.Wait() && tok.Error() != nil {
		t.Fatal(tok.Error())
	}
}

// blob is a list or delta as published, and its pieces.
func blob(t testing.TB, remove []string, ids ...string) (downlink.Blob, [][]byte) {
	t.Helper()
	var buf bytes.Buffer
	entries := func(yield func(alpr.Entry, error) bool) {
		for _, id := range ids {
			if !yield(alpr.Entry{ID: id, List: "stolen", Plate: "P" + id}, nil) {
				return
			}
		}
	}
	if err := downlink.WriteBlob(&buf, remove, entries); err != nil {
		t.Fatal(err)
	}
	b, pieces := downlink.Cut(buf.Bytes())
	return b, pieces
}

func (l *listener) retainBlob(t testing.TB, b downlink.Blob, pieces [][]byte) {
	t.Helper()
	for i, p := range pieces {
		l.retain(t, event.HotlistPieceTopic("pd", "stolen", b.SHA256, i), p)
	}
}

func TestHotlistsComeVerifiedAndNeverOlder(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"))
	key, private := keyPair("list", 1, downlink.KindHotlist)
	_, stranger := keyPair("list", 9, downlink.KindHotlist)
	cfg := config(t, broker.URL("tcp"))
	cfg.TrustedKeys = []string{key.String()}
	got, log := memory.NewHotlists(nil), &auditLog{}
	start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: got, Auditor: log})
	topic := event.HotlistTopic("pd", "stolen")
	publish := func(m downlink.Manifest, private ed25519.PrivateKey) {
		m.Agency, m.List, m.PublishedAt = "pd", "stolen", time.Now()
		l.retain(t, topic, sign(t, downlink.KindHotlist, m, "list", private))
	}
	is := func(version uint64, ids ...string) func() bool {
		return func() bool {
			v, have := got.List("stolen")
			return v == version && slices.Equal(have, ids)
		}
	}

	whole, pieces := blob(t, nil, "1", "2", "3")
	l.retainBlob(t, whole, pieces)
	publish(downlink.Manifest{Version: 5, Whole: whole}, stranger)
	brokertest.Until(t, "a stranger's list refused", func() bool { return log.has("refuse", topic) })
	if v, _ := got.List("stolen"); v != 0 {
		t.Fatal("a stranger's list was taken")
	}
	publish(downlink.Manifest{Version: 5, Whole: whole}, private)
	brokertest.Until(t, "the whole list", is(5, "1", "2", "3"))

	delta, deltaPieces := blob(t, []string{"1"}, "4")
	later, laterPieces := blob(t, nil, "2", "3", "4")
	l.retainBlob(t, delta, deltaPieces)
	l.retainBlob(t, later, laterPieces)
	publish(downlink.Manifest{Version: 6, Whole: later, Deltas: []downlink.Delta{{From: 5, Blob: delta}}}, private)
	brokertest.Until(t, "the delta", is(6, "2", "3", "4"))
	if all := got.Updates(); all[len(all)-1].Base != 5 {
		t.Errorf("version 6 came from base %d, not as a delta", all[len(all)-1].Base)
	}

	publish(downlink.Manifest{Version: 5, Whole: whole}, private)
	// An urgent removal takes effect although the pieces are not there yet.
	missing, missingPieces := blob(t, []string{"2"}, "5")
	publish(downlink.Manifest{Version: 7, Whole: later, RemoveNow: []string{"2"}, Deltas: []downlink.Delta{{From: 6, Blob: missing}}}, private)
	brokertest.Until(t, "the urgent removal", is(6, "3", "4"))
	bad := slices.Clone(missingPieces[0])
	bad[len(bad)-1] ^= 1
	l.retain(t, event.HotlistPieceTopic("pd", "stolen", missing.SHA256, 0), bad)
	brokertest.Until(t, "a changed piece refused", func() bool {
		log.mu.Lock()
		defer log.mu.Unlock()
		return slices.ContainsFunc(log.records, func(r alpr.AuditRecord) bool {
			return strings.Contains(r.Detail["reason"], "not what the manifest says")
		})
	})
	if v, _ := got.List("stolen"); v != 6 {
		t.Error("a changed piece was taken")
	}
	// The download is broken: what is in use must not look as new as what was announced.
	for _, u := range got.Updates() {
		if isRemoval := u.Version == u.Base; isRemoval != u.PublishedAt.IsZero() {
			t.Errorf("version %d over %d is given the time %s", u.Version, u.Base, u.PublishedAt)
		}
	}
	l.retainBlob(t, missing, missingPieces)
	publish(downlink.Manifest{Version: 8, Whole: later, Deltas: []downlink.Delta{{From: 6, Blob: missing}}}, private)
	brokertest.Until(t, "the next version", is(8, "3", "4", "5"))
	if !slices.IsSortedFunc(got.Updates(), func(a, b downlink.Update) int { return cmp.Compare(a.Version, b.Version) }) {
		t.Errorf("an older version followed a newer: %+v", got.Updates())
	}
}

func TestADownloadGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"))
	key, private := keyPair("list", 1, downlink.KindHotlist)
	cfg := config(t, broker.URL("tcp"))
	cfg.TrustedKeys = []string{key.String()}
	ids := make([]string, 40000)
	m := synthetic.New(1)
	for i := range ids {
		ids[i] = m.ID(time.Now()).String() // random, so that it does not compress away
	}
	whole, pieces := blob(t, nil, ids...)
	if len(pieces) < 4 {
		t.Fatalf("only %d pieces", len(pieces))
	}
	l.retainBlob(t, whole, pieces[:len(pieces)-1])
	l.retain(t, event.HotlistTopic("pd", "stolen"),
		sign(t, downlink.KindHotlist, downlink.Manifest{Agency: "pd", List: "stolen", Version: 1, PublishedAt: time.Now(), Whole: whole}, "list", private))
	got := memory.NewHotlists(nil)
	part := filepath.Join(cfg.StateDir, "hotlist-"+whole.SHA256+".part")
	t.Run("the last piece is missing", func(t *testing.T) {
		start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: got})
		brokertest.Until(t, "all others fetched", func() bool {
			info, err := os.Stat(part)
			return err == nil && info.Size() == int64(len(pieces)-1)*downlink.PieceSize
		})
	})
	// A restart later only the last piece is at the broker: the others must
	// come from the file.
	for i := range pieces {
		l.retain(t, event.HotlistPieceTopic("pd", "stolen", whole.SHA256, i), nil)
	}
	last := len(pieces) - 1
	l.retain(t, event.HotlistPieceTopic("pd", "stolen", whole.SHA256, last), pieces[last])
	start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: got})
	brokertest.Until(t, "the list", func() bool { v, have := got.List("stolen"); return v == 1 && len(have) == len(ids) })
	if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of pieces is still there: %v", err)
	}
}

func TestKeysRotateFromOutsideAndStay(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"))
	root, rootPrivate := keyPair("root", 1, downlink.KindKeys)
	next, nextPrivate := keyPair("next", 2, downlink.KindHotlist)
	cfg := config(t, broker.URL("tcp"))
	cfg.TrustedKeys = []string{root.String()}
	whole, pieces := blob(t, nil, "1")
	l.retainBlob(t, whole, pieces)
	l.retain(t, event.HotlistTopic("pd", "stolen"),
		sign(t, downlink.KindHotlist, downlink.Manifest{Agency: "pd", List: "stolen", Version: 1, PublishedAt: time.Now(), Whole: whole}, "next", nextPrivate))
	l.retain(t, event.KeysTopic("pd"), sign(t, downlink.KindKeys, downlink.KeyChange{Agency: "pd", Version: 1, Add: []downlink.Key{next}}, "root", rootPrivate))
	log := &auditLog{}
	first := memory.NewHotlists(nil)
	t.Run("with the statement", func(t *testing.T) {
		start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: first, Auditor: log})
		brokertest.Until(t, "key change audited", func() bool { return log.has("rotate keys", "keys") })
	})
	l.retain(t, event.KeysTopic("pd"), nil)
	second := memory.NewHotlists(nil)
	start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: second})
	brokertest.Until(t, "the list signed with the new key", func() bool { v, _ := second.List("stolen"); return v == 1 })
}

// album gives pictures by hash.
type album map[string]uplink.Shot

func (a album) PictureByHash(_ context.Context, sha [32]byte) (uplink.Shot, error) {
	s, ok := a[fmt.Sprintf("%x", sha)]
	if !ok {
		return s, errors.New("no such picture")
	}
	return s, nil
}

func picture(size int, hit *alpr.Hit) (string, uplink.Shot) {
	m := synthetic.New(uint64(size))
	b := make([]byte, 0, size)
	for len(b) < size {
		id := m.ID(time.Unix(int64(len(b)), 0))
		b = append(b, id[:]...)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b)), uplink.Shot{JPEG: b, Hit: hit}
}

func (l *listener) pictureOf(t testing.TB, sha string) []byte {
	t.Helper()
	var whole []byte
	l.wait(t, "picture "+sha, func(h []received) bool {
		pieces := map[int][]byte{}
		size := -1
		for _, e := range ofType(h, event.TypeImage) {
			var img event.Image
			if json.Unmarshal(e.event.Data, &img) == nil && img.SHA256 == sha {
				pieces[img.Offset], size = img.JPEG, img.Size
			}
		}
		whole = whole[:0]
		for len(whole) < size && pieces[len(whole)] != nil {
			whole = append(whole, pieces[len(whole)]...)
		}
		return len(whole) == size
	})
	return whole
}

func TestPicturesComeOnRequestThroughABrokenLink(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	proxy := brokertest.StartProxy(t, broker.Address())
	l := listen(t, broker.URL("tcp"), car.Topic(event.TopicImage))
	key, private := keyPair("img", 1, downlink.KindImage)
	cfg := config(t, proxy.URL("tcp"))
	cfg.TrustedKeys = []string{key.String()}
	sha, shot := picture(300<<10, nil)
	log := &auditLog{}
	proxy.CutAfter(t, 120<<10) // each connection carries less than half of the picture
	start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Pictures: album{sha: shot}, Auditor: log})
	now := time.Now().UTC()
	r := downlink.ImageRequest{Agency: "pd", Vehicle: "car-1", SHA256: sha, Officer: "officer-7", Purpose: "case 12", RequestedAt: now, ExpiresAt: now.Add(time.Hour)}
	l.retain(t, car.ImageRequestTopic(sha), sign(t, downlink.KindImage, r, "img", private))
	if got := l.pictureOf(t, sha); !bytes.Equal(got, shot.JPEG) {
		t.Errorf("%d bytes arrived of %d", len(got), len(shot.JPEG))
	}
	brokertest.Until(t, "request and release audited", func() bool { return log.has("request picture", sha) && log.has("release picture", sha) })
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), car.Topic(event.TopicImage))
	key, private := keyPair("img", 1, downlink.KindImage)
	_, stranger := keyPair("img", 2, downlink.KindImage)
	cfg := config(t, broker.URL("tcp"))
	cfg.TrustedKeys = []string{key.String()}
	cfg.ReleaseFile = filepath.Join(t.TempDir(), "release.yaml")
	writePolicy(t, cfg.ReleaseFile, "receivers: [{name: agency, release: [{what: [image], when: {hit_only: true}}]}]")
	ofRead, readShot := picture(1000, nil)
	ofHit, hitShot := picture(2000, &alpr.Hit{})
	log := &auditLog{}
	start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Pictures: album{ofRead: readShot, ofHit: hitShot}, Auditor: log})
	now := time.Now().UTC()
	good := downlink.ImageRequest{Agency: "pd", Vehicle: "car-1", SHA256: ofHit, Officer: "o", Purpose: "case 12", RequestedAt: now, ExpiresAt: now.Add(time.Hour)}
	for name, change := range map[string]func(*downlink.ImageRequest) ed25519.PrivateKey{
		"stranger's key":         func(*downlink.ImageRequest) ed25519.PrivateKey { return stranger },
		"another vehicle's":      func(r *downlink.ImageRequest) ed25519.PrivateKey { r.Vehicle = "car-2"; return private },
		"nobody asks":            func(r *downlink.ImageRequest) ed25519.PrivateKey { r.Officer = ""; return private },
		"no purpose":             func(r *downlink.ImageRequest) ed25519.PrivateKey { r.Purpose = ""; return private },
		"a purpose of one dot":   func(r *downlink.ImageRequest) ed25519.PrivateKey { r.Purpose = "."; return private },
		"kept by sharing policy": func(r *downlink.ImageRequest) ed25519.PrivateKey { r.SHA256 = ofRead; return private },
		"no such picture":        func(r *downlink.ImageRequest) ed25519.PrivateKey { r.SHA256 = strings.Repeat("0", 64); return private },
		"not a hash":             func(r *downlink.ImageRequest) ed25519.PrivateKey { r.SHA256 = "../x"; return private },
	} {
		r := good
		with := change(&r)
		log.mu.Lock()
		log.records = nil
		log.mu.Unlock()
		topic := car.ImageRequestTopic("x")
		l.retain(t, topic, sign(t, downlink.KindImage, r, "img", with))
		brokertest.Until(t, name+" refused", func() bool { return log.has("refuse", topic) })
	}
	l.retain(t, car.ImageRequestTopic("x"), sign(t, downlink.KindImage, good, "img", private))
	if got := l.pictureOf(t, ofHit); !bytes.Equal(got, hitShot.JPEG) {
		t.Error("the good request brought another picture")
	}
	events := l.wait(t, "pieces", func(h []received) bool { return len(ofType(h, event.TypeImage)) > 0 })
	if n := len(ofType(events, event.TypeImage)); n != 1 {
		t.Errorf("%d pieces came, want the good request's one", n)
	}
	// Who may not ask gets no answer; the five others do.
	if n := len(ofType(events, event.TypeRefusal)); n != 5 {
		t.Errorf("%d requests were answered with a refusal, want 5", n)
	}
}

func TestHitsBringTheirPicturesWherePolicySaysSo(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), event.Root+"/+/+/+")
	m, now := synthetic.New(1), time.Now()
	hit := m.Hit(now)
	sha, shot := picture(50<<10, hit.Hit)
	hit.Read.Crop.SHA256 = sha256.Sum256(shot.JPEG)
	cfg := config(t, broker.URL("tcp"))
	cfg.ReleaseFile = filepath.Join(t.TempDir(), "release.yaml")
	writePolicy(t, cfg.ReleaseFile, "{hit_pictures: crop, receivers: [{name: agency, release: [{what: [hit, image]}]}]}")
	box := memory.NewOutbox(alpr.ID{1})
	box.Add(hit)
	start(t, cfg, box, uplink.Options{Pictures: album{sha: shot}})
	if got := l.pictureOf(t, sha); !bytes.Equal(got, shot.JPEG) {
		t.Error("another picture came")
	}
}

// tightener has a rule of its own.
type tightener struct {
	mu     sync.Mutex
	keep   map[alpr.RetentionClass]time.Duration
	forbid []string
}

func (p *tightener) Tighten(_ context.Context, class alpr.RetentionClass, keep time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if keep >= p.keep[class] {
		return fmt.Errorf("%s is kept %s already", class, p.keep[class])
	}
	p.keep[class] = keep
	return nil
}

func (p *tightener) Forbid(_ context.Context, category string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forbid = append(p.forbid, category)
	return nil
}

func TestPolicyFromOutsideOnlyTightens(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"))
	key, private := keyPair("policy", 1, downlink.KindPolicy)
	cfg := config(t, broker.URL("tcp"))
	cfg.TrustedKeys = []string{key.String()}
	p := &tightener{keep: map[alpr.RetentionClass]time.Duration{"read": 72 * time.Hour, "hit": time.Hour}}
	log := &auditLog{}
	start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Policy: p, Auditor: log})
	c := downlink.PolicyChange{Agency: "pd", Vehicle: "car-1", Version: 2, RetentionS: map[string]int64{"read": 3600, "hit": 7200}, Forbid: []string{"fines"}}
	l.retain(t, car.PolicyTopic(), sign(t, downlink.KindPolicy, c, "policy", private))
	brokertest.Until(t, "policy applied", func() bool { return log.has("tighten policy", "policy") })
	if p.keep["read"] != time.Hour || p.keep["hit"] != time.Hour || !slices.Equal(p.forbid, []string{"fines"}) {
		t.Errorf("keeps %v, forbids %v", p.keep, p.forbid)
	}
	if !strings.Contains(log.records[len(log.records)-1].Detail["refused"], "hit is kept 1h0m0s already") {
		t.Errorf("the longer retention is not recorded as refused: %+v", log.records)
	}
}

// scene is a place and a picture.
type scene struct{}

func (scene) At(at time.Time) alpr.Fix {
	return alpr.Fix{At: at, Lat: 27.9, Lon: -82.4, Quality: alpr.GPSFix}
}
func (scene) Snapshot(context.Context) (alpr.Picture, error) {
	return alpr.Picture{JPEG: []byte("jpeg")}, nil
}

func TestTheEmergencyButtonStreamsUntilLetGo(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), event.Root+"/#")
	cfg := config(t, broker.URL("tcp"))
	cfg.EmergencyEvery = 20 * time.Millisecond
	cfg.ReleaseFile = filepath.Join(t.TempDir(), "release.yaml")
	writePolicy(t, cfg.ReleaseFile, "receivers: [{name: agency, release: [{what: [emergency]}]}, {name: rescue, release: [{what: [emergency], when: {emergency: true}}]}]")
	log := &auditLog{}
	u := start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Scene: scene{}, Auditor: log})
	brokertest.Until(t, "connected", func() bool { return u.State().IsConnected })
	u.HoldEmergency(context.Background(), "officer-7")
	l.wait(t, "positions and snapshots to both", func(h []received) bool {
		n := map[string]int{}
		for _, e := range ofType(h, event.TypeEmergency) {
			var em event.Emergency
			if json.Unmarshal(e.event.Data, &em) == nil && em.IsHeld && em.Position != nil && string(em.JPEG) == "jpeg" {
				n[e.topic]++
			}
		}
		return n[car.Topic("emergency")] >= 3 && n[car.ShareTopic("rescue", "emergency")] >= 3
	})
	u.ReleaseEmergency(context.Background(), "officer-7")
	l.wait(t, "the end", func(h []received) bool {
		all := ofType(h, event.TypeEmergency)
		var em event.Emergency
		return json.Unmarshal(all[len(all)-1].event.Data, &em) == nil && !em.IsHeld && len(em.JPEG) == 0
	})
	if !log.has("hold emergency button", car.String()) || !log.has("release emergency button", car.String()) {
		t.Errorf("not audited: %+v", log.records)
	}
}

func TestNothingElseComesInFromOutside(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"))
	cfg := config(t, broker.URL("tcp")) // trusts no key
	log := &auditLog{}
	got := memory.NewHotlists(nil)
	start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: got, Pictures: album{}, Policy: &tightener{}, Auditor: log})
	_, private := keyPair("k", 1)
	for _, topic := range []string{event.HotlistTopic("pd", "x"), event.KeysTopic("pd"), car.PolicyTopic(), car.ImageRequestTopic("x")} {
		for _, kind := range []downlink.Kind{downlink.KindHotlist, downlink.KindKeys, downlink.KindPolicy, downlink.KindImage, "exec"} {
			log.mu.Lock()
			log.records = nil
			log.mu.Unlock()
			l.retain(t, topic, sign(t, kind, map[string]string{"agency": "pd"}, "k", private))
			brokertest.Until(t, fmt.Sprintf("%s on %s refused", kind, topic), func() bool { return log.has("refuse", topic) })
		}
	}
}
