package backend

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"alpr"
	"alpr/sync/event"
)

// AlarmKind says what a vehicle's audit log showed.
type AlarmKind string

// The kinds.
const (
	// AlarmSetBack: after a new start the log is shorter than it was: the store was replaced by an older copy.
	AlarmSetBack AlarmKind = "set back"
	// AlarmChanged: another record stands at a number that was told of before.
	AlarmChanged AlarmKind = "changed"
	// AlarmOtherLog: the vehicle shows a log that does not begin with the same record: the store was replaced or begun anew.
	AlarmOtherLog AlarmKind = "other log"
	// AlarmBroken: the vehicle itself says that its log was tampered with.
	AlarmBroken AlarmKind = "broken"
)

// AuditAlarm is a vehicle whose audit log is not what it was. It is kept once
// and for good: a person finds out why.
type AuditAlarm struct {
	Vehicle event.Vehicle `json:"vehicle"`
	FoundAt time.Time     `json:"found_at"`
	Kind    AlarmKind     `json:"kind"`
	Log     string        `json:"log"`     // the log that the vehicle shows
	Seq     uint64        `json:"log_seq"` // number that is shown, or of the record that is changed or broken
	Hash    string        `json:"hash"`    // that is shown for it; "" where that is no matter
	Text    string        `json:"text"`    // what is wrong, in a sentence
	subject string        // what it is raised once for, beside vehicle, kind and log
}

// AuditHead is the furthest that a vehicle's audit log was seen, under one start
// of its program.
type AuditHead struct {
	Vehicle event.Vehicle `json:"vehicle"`
	Log     string        `json:"log"`
	BootID  alpr.ID       `json:"boot_id"`
	Seq     uint64        `json:"log_seq"`
	Hash    string        `json:"hash"`
	SeenAt  time.Time     `json:"seen_at"` // first
}

// auditPlace is what a vehicle says stands at a number of its log.
type auditPlace struct {
	vehicle event.Vehicle
	log     string
	seq     uint64
	hash    string
}

// auditKeeper keeps, in the transaction that is open, what vehicles have shown
// of their logs.
type auditKeeper interface {
	// keepPlaces keeps what is said first of each place, and returns the places
	// of which something else was said before.
	keepPlaces(ctx context.Context, places []auditPlace) ([]auditPlace, error)
	// heads are what is kept of the vehicle.
	heads(ctx context.Context, v event.Vehicle) ([]AuditHead, error)
	// keepHead keeps the head where it is the first of its log and boot, or
	// further on than the one kept.
	keepHead(ctx context.Context, h AuditHead) error
	// boots are the starts of a vehicle's program that are known.
	boots(ctx context.Context, v event.Vehicle) ([]Boot, error)
	// keepBoot joins what is told of a start to what is known of it.
	keepBoot(ctx context.Context, b Boot) error
	// keepAlarm says whether the alarm was not there already.
	keepAlarm(ctx context.Context, a AuditAlarm) (isNew bool, err error)
}

// watchAudit compares what a batch tells of audit logs with what was told
// before, and returns the alarms that are new. A vehicle's messages may come in
// any order, and its clock may be wrong: only what no order explains is an alarm.
func watchAudit(ctx context.Context, b Batch, k auditKeeper) ([]AuditAlarm, error) {
	places, boots, heads, alarms := auditTold(b)
	changed, err := k.keepPlaces(ctx, places)
	if err != nil {
		return nil, fmt.Errorf("compare audit records: %w", err)
	}
	for _, p := range changed {
		alarms = append(alarms, AuditAlarm{Vehicle: p.vehicle, Kind: AlarmChanged, Log: p.log, Seq: p.seq, Hash: p.hash, subject: boots[p].String(),
			Text: fmt.Sprintf("record %d is not the one that was told of before: the store was replaced by an older copy, or the log written anew", p.seq)})
	}
	for _, h := range heads {
		known, err := k.heads(ctx, h.Vehicle)
		if err != nil {
			return nil, fmt.Errorf("compare audit heads: %w", err)
		}
		if a, isAlarm := headAlarm(h, known); isAlarm {
			alarms = append(alarms, a)
		}
		if err := k.keepHead(ctx, h); err != nil {
			return nil, fmt.Errorf("keep audit head: %w", err)
		}
	}
	turns, err := watchBoots(ctx, b, k)
	if err != nil {
		return nil, err
	}
	alarms = append(alarms, turns...)
	var fresh []AuditAlarm
	slices.SortStableFunc(alarms, compareAlarms) // two consumers then wait for each other instead of deadlocking
	for _, a := range alarms {
		a.FoundAt = b.receivedAt()
		isNew, err := k.keepAlarm(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("keep audit alarm: %w", err)
		}
		if isNew {
			fresh = append(fresh, a)
		}
	}
	return fresh, nil
}

// headAlarm looks at the first head that a start of the vehicle's program
// shows. Every later one of the same start may be overtaken by another.
func headAlarm(h AuditHead, known []AuditHead) (AuditAlarm, bool) {
	var furthest *AuditHead
	for i := range known {
		switch k := &known[i]; {
		case k.Log == h.Log && k.BootID == h.BootID:
			return AuditAlarm{}, false
		case k.Log == h.Log && (furthest == nil || k.Seq > furthest.Seq):
			furthest = k
		}
	}
	a := AuditAlarm{Vehicle: h.Vehicle, Log: h.Log, Seq: h.Seq, Hash: h.Hash, subject: h.BootID.String()}
	switch {
	case furthest != nil && h.Seq < furthest.Seq:
		a.Kind = AlarmSetBack
		a.Text = fmt.Sprintf("the log ends with record %d and had %d: the store was replaced by an older copy", h.Seq, furthest.Seq)
		return a, true
	case furthest == nil && len(known) > 0:
		last := slices.MaxFunc(known, func(x, y AuditHead) int { return cmp.Compare(x.Seq, y.Seq) })
		a.Kind, a.subject = AlarmOtherLog, ""
		a.Text = fmt.Sprintf("another log with %d records is shown than the one that had %d: the store was begun anew or replaced", h.Seq, last.Seq)
		return a, true
	}
	return AuditAlarm{}, false
}

// auditTold is what a batch says of audit logs, sorted. boots are the starts of
// the vehicle's program that say so of each place.
func auditTold(b Batch) (places []auditPlace, boots map[auditPlace]alpr.ID, heads []AuditHead, alarms []AuditAlarm) {
	boots = map[auditPlace]alpr.ID{}
	say := func(p auditPlace, boot alpr.ID) {
		if _, isSaid := boots[p]; !isSaid {
			places, boots[p] = append(places, p), boot
		}
	}
	for i := range b.Rows {
		r := &b.Rows[i]
		switch r.Event.Type {
		case event.TypeAudit:
			var a event.Audit
			if json.Unmarshal(r.Event.Data, &a) != nil || a.Log == "" || a.Seq == 0 || a.Seq > math.MaxInt64 {
				continue
			}
			boot, _ := r.seq()
			say(auditPlace{r.Vehicle, a.Log, a.Seq, a.Hash}, boot)
			if a.Seq > 1 {
				say(auditPlace{r.Vehicle, a.Log, a.Seq - 1, a.Prev}, boot)
			}
		case event.TypeStatus:
			var s event.Status
			if json.Unmarshal(r.Event.Data, &s) != nil || s.Audit == nil || s.Audit.Seq > math.MaxInt64 {
				continue
			}
			h := s.Audit
			say(auditPlace{r.Vehicle, h.Log, h.Seq, h.Hash}, s.BootID)
			heads = append(heads, AuditHead{Vehicle: r.Vehicle, Log: h.Log, BootID: s.BootID, Seq: h.Seq, Hash: h.Hash, SeenAt: r.ReceivedAt})
			if h.BrokenAt > 0 {
				alarms = append(alarms, AuditAlarm{Vehicle: r.Vehicle, Kind: AlarmBroken, Log: h.Log, Seq: h.BrokenAt, subject: strconv.FormatUint(h.BrokenAt, 10),
					Text: fmt.Sprintf("the vehicle says that its log was tampered with from record %d on: `alpr audit verify` in the vehicle says what is wrong", h.BrokenAt)})
			}
		}
	}
	slices.SortStableFunc(places, func(x, y auditPlace) int {
		return cmp.Or(strings.Compare(x.vehicle.String(), y.vehicle.String()), strings.Compare(x.log, y.log), cmp.Compare(x.seq, y.seq))
	})
	slices.SortStableFunc(heads, func(x, y AuditHead) int { return strings.Compare(x.Vehicle.String(), y.Vehicle.String()) })
	return places, boots, heads, alarms
}

func compareAlarms(x, y AuditAlarm) int {
	return cmp.Or(strings.Compare(x.Vehicle.String(), y.Vehicle.String()), cmp.Compare(x.Kind, y.Kind), strings.Compare(x.Log, y.Log), strings.Compare(x.subject, y.subject), cmp.Compare(x.Seq, y.Seq))
}

// receivedAt is when the first of the batch's events came.
func (b Batch) receivedAt() time.Time {
	if len(b.Rows) == 0 {
		return time.Time{}
	}
	return b.Rows[0].ReceivedAt
}

// memoryAudit keeps it in memory, for the sink that has no tables.
type memoryAudit struct {
	places  map[auditPlace]string // without their hash
	byBoot  map[event.Vehicle][]AuditHead
	starts  map[event.Vehicle][]Boot
	alarmed map[AuditAlarm]bool
}

func (m *memoryAudit) boots(_ context.Context, v event.Vehicle) ([]Boot, error) {
	return m.starts[v], nil
}

func (m *memoryAudit) keepBoot(_ context.Context, b Boot) error {
	all := m.starts[b.Vehicle]
	if i := slices.IndexFunc(all, func(k Boot) bool { return k.BootID == b.BootID }); i >= 0 {
		all[i] = all[i].with(b)
		return nil
	}
	m.starts[b.Vehicle] = append(all, b)
	return nil
}

func newMemoryAudit() *memoryAudit {
	return &memoryAudit{places: map[auditPlace]string{}, byBoot: map[event.Vehicle][]AuditHead{}, starts: map[event.Vehicle][]Boot{}, alarmed: map[AuditAlarm]bool{}}
}

func (m *memoryAudit) keepPlaces(_ context.Context, places []auditPlace) (changed []auditPlace, err error) {
	for _, p := range places {
		at := p
		at.hash = ""
		switch have, ok := m.places[at]; {
		case !ok:
			m.places[at] = p.hash
		case have != p.hash:
			changed = append(changed, p)
		}
	}
	return changed, nil
}

func (m *memoryAudit) heads(_ context.Context, v event.Vehicle) ([]AuditHead, error) {
	return m.byBoot[v], nil
}

func (m *memoryAudit) keepHead(_ context.Context, h AuditHead) error {
	all := m.byBoot[h.Vehicle]
	i := slices.IndexFunc(all, func(k AuditHead) bool { return k.Log == h.Log && k.BootID == h.BootID })
	switch {
	case i < 0:
		m.byBoot[h.Vehicle] = append(all, h)
	case h.Seq > all[i].Seq:
		all[i].Seq, all[i].Hash = h.Seq, h.Hash
	}
	return nil
}

func (m *memoryAudit) keepAlarm(_ context.Context, a AuditAlarm) (bool, error) {
	key := AuditAlarm{Vehicle: a.Vehicle, Kind: a.Kind, Log: a.Log, subject: a.subject}
	isNew := !m.alarmed[key]
	m.alarmed[key] = true
	return isNew, nil
}
