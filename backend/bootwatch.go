package backend

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"alpr"
	"alpr/sync/event"
)

// AlarmTwoVehicles says that two vehicles speak under one name: the starts of their
// programs take turns, as those of one vehicle never do.
const AlarmTwoVehicles AlarmKind = "two vehicles"

// takeTurns is how long a start of the program must have been known before a word
// of an earlier one counts as a second vehicle's: messages overtake one another.
const takeTurns = 30 * time.Second

// Boot is one start of a vehicle's program, as its statuses tell of it.
type Boot struct {
	Vehicle event.Vehicle
	BootID  alpr.ID
	LastSeq uint64    // highest number that it said to have sent
	FirstAt time.Time // of its first status while it was online, by the vehicle's clock
	LastAt  time.Time // of its last
}

// watchBoots keeps the starts that a batch tells of, and finds vehicles that share
// a name.
func watchBoots(ctx context.Context, b Batch, k auditKeeper) (alarms []AuditAlarm, err error) {
	for _, boot := range bootsTold(b) {
		known, err := k.boots(ctx, boot.Vehicle)
		if err != nil {
			return nil, fmt.Errorf("compare starts of the program: %w", err)
		}
		for _, other := range known {
			if other.BootID != boot.BootID && takesTurns(known, boot, other) {
				alarms = append(alarms, twoVehicles(boot, other))
			}
		}
		if err := k.keepBoot(ctx, boot); err != nil {
			return nil, fmt.Errorf("keep a start of the program: %w", err)
		}
	}
	return alarms, nil
}

// takesTurns says that boot spoke before other began and speaks after it.
func takesTurns(known []Boot, boot, other Boot) bool {
	i := slices.IndexFunc(known, func(k Boot) bool { return k.BootID == boot.BootID })
	return i >= 0 && known[i].FirstAt.Before(other.FirstAt) && boot.LastAt.Sub(other.FirstAt) > takeTurns && !other.FirstAt.IsZero()
}

func twoVehicles(x, y Boot) AuditAlarm {
	pair := []string{x.BootID.String(), y.BootID.String()}
	slices.Sort(pair)
	return AuditAlarm{Vehicle: x.Vehicle, Kind: AlarmTwoVehicles, subject: strings.Join(pair, " "),
		Text: fmt.Sprintf("two vehicles speak under this name and take turns (starts %s and %s): give each a name and a certificate of its own", pair[0], pair[1])}
}

// bootsTold are the starts that a batch's statuses tell of, sorted. A last will
// was written when the connection began, and tells of no time.
func bootsTold(b Batch) (out []Boot) {
	for i := range b.Rows {
		r := &b.Rows[i]
		var s event.Status
		if r.Event.Type != event.TypeStatus || json.Unmarshal(r.Event.Data, &s) != nil || s.BootID.IsZero() || s.LastSeq > event.MaxSeq {
			continue
		}
		boot := Boot{Vehicle: r.Vehicle, BootID: s.BootID, LastSeq: s.LastSeq}
		if s.IsOnline {
			boot.FirstAt, boot.LastAt = r.Event.Time, r.Event.Time
		}
		out = append(out, boot)
	}
	slices.SortStableFunc(out, func(x, y Boot) int {
		return cmp.Or(strings.Compare(x.Vehicle.String(), y.Vehicle.String()), slices.Compare(x.BootID[:], y.BootID[:]))
	})
	return out
}

// with is what is kept of a start, and what is told of it now.
func (x Boot) with(now Boot) Boot {
	x.LastSeq = max(x.LastSeq, now.LastSeq)
	if x.FirstAt.IsZero() || !now.FirstAt.IsZero() && now.FirstAt.Before(x.FirstAt) {
		x.FirstAt = now.FirstAt
	}
	if now.LastAt.After(x.LastAt) {
		x.LastAt = now.LastAt
	}
	return x
}
