package uplink_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHitsOvertakeLiveReadsAndLiveReadsTheBacklog(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	proxy := brokertest.StartProxy(t, broker.Address())
	proxy.Slow(t, 100, 5) // kilobytes a second, milliseconds
	l := listen(t, broker.URL("tcp"), event.Root+"/+/+/+")
	m, now := synthetic.New(1), time.Now()
	box := memory.NewOutbox(m.ID(now))
	const backlog, live = 3000, 300
	for i := range backlog {
		box.Add(m.Read(now.Add(-24*time.Hour + time.Duration(i)*time.Second)))
	}
	cfg := config(t, proxy.URL("tcp"))
	cfg.BacklogRate = 0 // the window alone must do
	start(t, cfg, box, uplink.Options{})
	l.wait(t, "some backlog", func(h []received) bool { return len(ofType(h, event.TypeRead)) > backlog/20 })
	for range live {
		box.Add(m.Read(time.Now()))
	}
	box.Add(m.Hit(time.Now()))
	events := l.wait(t, "everything", func(h []received) bool {
		return len(ofType(h, event.TypeRead)) == backlog+live && len(ofType(h, event.TypeHit)) == 1
	})
	liveBeforeHit, backlogBeforeLive, lastLive := 0, 0, 0
	seenHit := false
	for i, h := range events {
		isLive := h.event.Type == event.TypeRead && time.Since(h.event.Time) < time.Hour
		switch {
		case h.event.Type == event.TypeHit:
			seenHit = true
		case isLive:
			lastLive = i
			if !seenHit {
				liveBeforeHit++
			}
		}
	}
	for _, h := range events[:lastLive] {
		if h.event.Type == event.TypeRead && time.Since(h.event.Time) > time.Hour {
			backlogBeforeLive++
		}
	}
	if liveBeforeHit > live/2 {
		t.Errorf("%d of %d live reads, recorded just before, came before the hit", liveBeforeHit, live)
	}
	if backlogBeforeLive > backlog*2/3 {
		t.Errorf("%d of %d backlog reads came before the last live read", backlogBeforeLive, backlog)
	}
}

func TestBacklogTravelsInBatchesAndLiveReadsAlone(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), car.Topic(event.TopicRead))
	m, now := synthetic.New(1), time.Now()
	box := memory.NewOutbox(m.ID(now))
	for range 200 {
		box.Add(m.Read(now.Add(-time.Hour)))
	}
	box.Add(m.Read(now))
	u := start(t, config(t, broker.URL("tcp")), box, uplink.Options{})
	events := l.wait(t, "all reads", func(h []received) bool { return len(h) == 201 })
	var batched int
	for _, h := range events {
		isLive := time.Since(h.event.Time) < time.Minute
		if isLive != (h.batch == 1) {
			t.Errorf("a read recorded %s ago came in a message of %d events", time.Since(h.event.Time).Round(time.Second), h.batch)
		}
		if h.batch > 1 {
			batched++
		}
	}
	brokertest.Until(t, "outbox empty", func() bool { return box.Len() == 0 })
	perEvent := float64(u.State().Link.BacklogBytes) / float64(batched)
	if single := float64(len(events[0].event.Data)); perEvent > single/3 {
		t.Errorf("backlog takes %.0f bytes an event, single data alone %.0f: hardly compressed", perEvent, single)
	}
}

func TestWithoutBatchesEachEventTravelsAlone(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), car.Topic(event.TopicRead))
	m, now := synthetic.New(1), time.Now()
	box := memory.NewOutbox(m.ID(now))
	for range 100 {
		box.Add(m.Read(now), m.Read(now.Add(-time.Hour)))
	}
	cfg := config(t, broker.URL("tcp"))
	cfg.BatchEvents = 1
	start(t, cfg, box, uplink.Options{})
	for _, h := range l.wait(t, "all reads", func(h []received) bool { return len(h) == 200 }) {
		if !h.plain {
			t.Fatalf("a read came in a batch, of %d", h.batch)
		}
	}
}

func TestWhatPolicyDeletedIsNeverSent(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), car.Topic(event.TopicRead))
	m, now := synthetic.New(1), time.Now()
	box := memory.NewOutbox(m.ID(now))
	expired, fresh := m.Read(now.Add(-time.Hour)), m.Read(now.Add(-time.Hour))
	expired.PurgeAt = now.Add(-time.Second)
	box.Add(expired, fresh)
	start(t, config(t, broker.URL("tcp")), box, uplink.Options{})
	brokertest.Until(t, "the other one sent", func() bool { return box.Len() == 1 })
	l.wait(t, "one read", func(h []received) bool { return len(h) == 1 && h[0].event.Subject == fresh.ID.String() })
}

func TestWhatTheReleasePolicyKeepsIsToldOfWithoutContent(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), event.Root+"/#")
	m, now := synthetic.New(1), time.Now()
	boot := m.ID(now)
	box := memory.NewOutbox(boot)
	read, hit := m.Read(now), m.Hit(now)
	box.Add(read, hit)
	cfg := config(t, broker.URL("tcp"))
	cfg.ReleaseFile = filepath.Join(t.TempDir(), "release.yaml")
	writePolicy(t, cfg.ReleaseFile, `
receivers:
  - name: agency
    release: [{what: [hit]}]
  - name: sheriff
    release: [{what: [hit]}]
`)
	log := &auditLog{}
	start(t, cfg, box, uplink.Options{BootID: boot, Auditor: log})
	events := l.wait(t, "a withheld read and a shared hit", func(h []received) bool {
		return len(ofType(h, event.TypeWithheld)) == 1 && len(ofType(h, event.TypeHit)) == 2
	})
	brokertest.Until(t, "outbox empty", func() bool { return box.Len() == 0 })
	if w := ofType(events, event.TypeWithheld)[0]; strings.Contains(string(w.event.Data), read.Read.Text.Text) || w.event.Sequence != "00000000000000000001" {
		t.Errorf("withheld: %+v %s", w.event, w.event.Data)
	}
	topics := []string{ofType(events, event.TypeHit)[0].topic, ofType(events, event.TypeHit)[1].topic}
	if topics[0] != car.ShareTopic("sheriff", "hit") && topics[1] != car.ShareTopic("sheriff", "hit") {
		t.Errorf("the hit went to %v", topics)
	}
	if !log.has("release", hit.ID.String()) {
		t.Errorf("the release to the sheriff is not audited: %+v", log.records)
	}
}

func writePolicy(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnItemThatNobodyCanSendHoldsUpNothing(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	m, now := synthetic.New(1), time.Now()
	box := memory.NewOutbox(m.ID(now))
	empty, huge := m.Read(now), m.Hit(now)
	empty.Read = nil
	huge.Hit.Entry.Caution = strings.Repeat("x", 2<<20)
	old := m.Read(now.Add(-time.Hour))
	old.Read = nil
	box.Add(empty, huge, old, m.Read(now), m.Hit(now), m.Read(now.Add(-time.Hour)))
	start(t, config(t, broker.URL("tcp")), box, uplink.Options{})
	brokertest.Until(t, "three sent, three set aside", func() bool { return box.Len() == 3 && len(box.Quarantined()) == 3 })
}

func TestWithoutAReceiptItemsAreSentAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), event.Root+"/+/+/+")
	m, now := synthetic.New(1), time.Now()
	boot := m.ID(now)
	box := memory.NewOutbox(boot)
	hit := m.Hit(now)
	box.Add(hit)
	cfg := config(t, broker.URL("tcp"))
	cfg.UseReceipts, cfg.ReceiptTimeout = true, 200*time.Millisecond
	u := start(t, cfg, box, uplink.Options{BootID: boot})
	events := l.wait(t, "the hit twice", func(h []received) bool { return len(ofType(h, event.TypeHit)) >= 2 })
	if hits := ofType(events, event.TypeHit); hits[0].event.ID != hits[1].event.ID {
		t.Errorf("sent as %s, then as %s", hits[0].event.ID, hits[1].event.ID)
	}
	if box.Len() != 1 {
		t.Fatal("let go without a receipt")
	}
	// A receipt for numbers never sent must let nothing go that comes later.
	receipt := `{"ranges":[{"boot_id":"` + boot.String() + `","from":1,"to":1000000}]}`
	l.client.Publish(car.ReceiptTopic(), 1, false, receipt).Wait()
	brokertest.Until(t, "let go", func() bool { return box.Len() == 0 })
	l.client.Publish(car.ReceiptTopic(), 1, false, receipt).Wait()
	l.client.Publish(car.ReceiptTopic(), 1, false, "garbage").Wait()
	brokertest.Until(t, "both receipts looked at", func() bool { return strings.Contains(u.State().Problem, "receipts are refused") })
	box.Add(m.Read(time.Now()))
	brokertest.Until(t, "the next sent", func() bool { return u.State().Link.Published >= 3 })
	if box.Len() != 1 {
		t.Error("the next item was let go by an earlier receipt")
	}
}

func TestOnlyASignedReceiptCountsWhereReceiptsAreSigned(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"))
	key, private := keyPair("receipts", 1, downlink.KindReceipt)
	m, now := synthetic.New(1), time.Now()
	boot := m.ID(now)
	box := memory.NewOutbox(boot)
	box.Add(m.Read(now))
	cfg := config(t, broker.URL("tcp"))
	cfg.UseReceipts, cfg.TrustedKeys = true, []string{key.String()}
	u := start(t, cfg, box, uplink.Options{BootID: boot})
	brokertest.Until(t, "sent", func() bool { return u.State().Link.Published == 1 })
	r := event.Receipt{Ranges: []event.Range{{BootID: boot, From: 1, To: 1}}}
	forged, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	l.client.Publish(car.ReceiptTopic(), 1, false, forged).Wait()
	brokertest.Until(t, "the forged receipt named as the problem", func() bool { return strings.Contains(u.State().Problem, "not signed") })
	if box.Len() != 1 {
		t.Fatal("a forged receipt let an item go")
	}
	l.client.Publish(car.ReceiptTopic(), 1, false, sign(t, downlink.KindReceipt, r, "receipts", private)).Wait()
	brokertest.Until(t, "let go", func() bool { return box.Len() == 0 && u.State().Problem == "" })
}

// TestTheBacklogWaitsForABackendThatIsSlow: a broker would take a million
// reads; a backend that receipts none yet gets so many, and hits all the same.
func TestTheBacklogWaitsForABackendThatIsSlow(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), event.Root+"/+/+/+")
	m, now := synthetic.New(1), time.Now()
	boot := m.ID(now)
	box := memory.NewOutbox(boot)
	const all, atOnce = 3000, 400 // 40 batches of 10
	for range all {
		box.Add(m.Read(now.Add(-time.Hour)))
	}
	cfg := config(t, broker.URL("tcp"))
	cfg.UseReceipts, cfg.BatchEvents, cfg.BacklogRate = true, 10, 0
	start(t, cfg, box, uplink.Options{BootID: boot})
	l.wait(t, "the first", func(h []received) bool { return len(ofType(h, event.TypeRead)) >= atOnce })
	box.Add(m.Hit(time.Now()), m.Read(time.Now()))
	got := l.wait(t, "a hit and a live read", func(h []received) bool {
		reads := ofType(h, event.TypeRead)
		return len(ofType(h, event.TypeHit)) == 1 && time.Since(reads[len(reads)-1].event.Time) < time.Minute*30
	})
	if n := len(ofType(got, event.TypeRead)); n > atOnce+20 {
		t.Errorf("%d reads sent before the first receipt, want about %d", n, atOnce)
	}
	brokertest.Until(t, "the rest, as receipts come", func() bool {
		n := len(ofType(l.wait(t, "", func([]received) bool { return true }), event.TypeRead))
		l.client.Publish(car.ReceiptTopic(), 1, false, fmt.Sprintf(`{"ranges":[{"boot_id":%q,"from":1,"to":%d}]}`, boot, min(n, all))).Wait()
		return n == all+1
	})
}

// Here the broker's word counts; that nothing is lost or doubled downstream is
// for the backend's tests.
func TestTheOutboxSurvivesEveryKindOfLink(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	proxy := brokertest.StartProxy(t, broker.Address())
	m := synthetic.New(1)
	box := memory.NewOutbox(alpr.ID{1})
	cfg := config(t, proxy.URL("tcp"))
	cfg.AckTimeout, cfg.KeepAlive = 2*time.Second, 2*time.Second
	start(t, cfg, box, uplink.Options{})
	add := func(n int) {
		for range n {
			box.Add(m.Read(time.Now()), m.Hit(time.Now()), m.Read(time.Now().Add(-time.Hour)))
		}
	}
	faults := []struct {
		name  string
		fault func() (end func())
	}{
		{"cut", func() func() { proxy.Down(); return func() { proxy.Up(t) } }},
		{"half-open", func() func() { return proxy.HalfOpen(t) }},
		{"slow", func() func() { return proxy.Slow(t, 20, 100) }},
		{"cut in the middle of a message", func() func() { return proxy.CutAfter(t, 9000) }},
		{"broker killed", func() func() { broker.Kill(); return func() { broker.Start(t) } }},
	}
	for _, f := range faults {
		add(20)
		end := f.fault()
		add(20)
		if f.name != "half-open" && f.name != "slow" {
			end()
		} else { // long enough for the watchdog to see it
			time.AfterFunc(2500*time.Millisecond, end)
		}
		brokertest.Until(t, "outbox empty after "+f.name, func() bool { return box.Len() == 0 })
	}
	add(1)
	brokertest.Until(t, "outbox empty at the end", func() bool { return box.Len() == 0 })
}
