package backend

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"alpr"
	"alpr/sync/event"
)

// Archive is a sink that can be looked into: PostgreSQL and SQLite.
type Archive interface {
	Sink
	// Letters gives dead letters in order of id, after the given one.
	Letters(ctx context.Context, after int64, limit int) ([]KeptLetter, error)
	// DropLetter lets go of a letter that was replayed.
	DropLetter(ctx context.Context, id int64) error
	// Purge deletes what is past its purge time, emergency events received
	// before a time, and pictures that belong to nothing kept any more, and
	// says how many events went.
	Purge(ctx context.Context, now, emergenciesBefore time.Time) (int64, error)
	// Received gives the ranges that have arrived or were explained, sorted by
	// boot and start.
	Received(ctx context.Context) ([]VehicleRange, error)
	// Boots gives the starts of vehicles' programs that statuses told of.
	Boots(ctx context.Context) ([]Boot, error)
	// Pieces gives what has arrived of the picture with the given hash.
	Pieces(ctx context.Context, sha256 string) ([]event.Image, error)
	// Find gives events in the order of their time.
	Find(ctx context.Context, s Search) ([]Found, error)
	// States gives what vehicles of an agency last said of themselves; "" for all.
	States(ctx context.Context, agency string) ([]VehicleState, error)
	// NoteAccess records that somebody looked at what is kept.
	NoteAccess(ctx context.Context, a Access) error
	// Accesses gives the record, oldest first.
	Accesses(ctx context.Context) ([]Access, error)
	// AuditHeads gives how far each vehicle's audit log was seen, by start of
	// its program, sorted by vehicle and time.
	AuditHeads(ctx context.Context) ([]AuditHead, error)
	// AuditAlarms gives the alarms about audit logs, oldest first.
	AuditAlarms(ctx context.Context) ([]AuditAlarm, error)
}

// orphaned is how long a picture may wait for its read to arrive.
const orphaned = 24 * time.Hour

// deletion is one step of a purge.
type deletion struct {
	sql      string
	before   time.Time // the statement's parameter
	isEvents bool
}

func deletions(now, emergenciesBefore time.Time) []deletion {
	return []deletion{
		{"DELETE FROM events WHERE purge_at <= $1", now, true},
		{"DELETE FROM events WHERE kind IN ('emergency', 'refusal') AND received_at < $1", emergenciesBefore, true},
		{"DELETE FROM reads WHERE purge_at <= $1", now, false},
		{"DELETE FROM hits WHERE purge_at <= $1", now, false},
		{`DELETE FROM pieces WHERE received_at < $1 AND NOT EXISTS (SELECT 1 FROM reads WHERE id = pieces.read_id)
			AND NOT EXISTS (SELECT 1 FROM hits WHERE read_id = pieces.read_id)`, now.Add(-orphaned), false},
	}
}

// KeptLetter is a dead letter with its place in the archive.
type KeptLetter struct {
	ID int64
	Letter
}

// VehicleRange is a range of one boot's count, and whose it is.
type VehicleRange struct {
	Vehicle event.Vehicle
	event.Range
}

// OpenArchive opens a sink that can be looked into.
func OpenArchive(ctx context.Context, target string) (Archive, error) {
	s, err := OpenSink(ctx, target)
	if err != nil {
		return nil, err
	}
	a, ok := s.(Archive)
	if !ok {
		return nil, fmt.Errorf("%q cannot be looked into: use postgres://… or sqlite:FILE", target)
	}
	if p, ok := a.(*Postgres); ok {
		if err := p.Ping(ctx); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Replay tries dead letters again, after a schema or a vehicle was mended: what
// passes now is kept as if it had just come, and its letter goes.
func Replay(ctx context.Context, a Archive) (kept, still int, err error) {
	v, err := NewValidator()
	if err != nil {
		return 0, 0, err
	}
	err = eachLetter(ctx, a, func(l KeptLetter) error {
		in := v.Take(l.Topic, l.Payload, l.ReceivedAt)
		if len(in.Letters) > 0 {
			still++
			return nil
		}
		if _, err := a.Write(ctx, Batch{Rows: in.Rows, Numbers: in.Numbers}); err != nil {
			return fmt.Errorf("replay letter %d: %w", l.ID, err)
		}
		kept++
		return a.DropLetter(ctx, l.ID)
	})
	return kept, still, err
}

// Purge deletes what is past its purge time: events, reads, hits, the pictures
// that belong to them, and dead letters that say of themselves when they must
// go. Emergency events, which do not, are kept for keepEmergencies.
func Purge(ctx context.Context, a Archive, now time.Time, keepEmergencies time.Duration) (events int64, err error) {
	if events, err = a.Purge(ctx, now, now.Add(-keepEmergencies)); err != nil {
		return events, err
	}
	return events, eachLetter(ctx, a, func(l KeptLetter) error {
		e, err := event.Decode(l.Payload)
		if err != nil {
			return nil // for a person to look at
		}
		if at := purgeAtOf(e); at == nil || at.After(now) {
			return nil
		}
		return a.DropLetter(ctx, l.ID)
	})
}

func eachLetter(ctx context.Context, a Archive, do func(KeptLetter) error) error {
	var after int64
	for {
		letters, err := a.Letters(ctx, after, 500)
		if err != nil || len(letters) == 0 {
			return err
		}
		for _, l := range letters {
			if err := do(l); err != nil {
				return err
			}
			after = l.ID
		}
	}
}

// Gap is numbers of a vehicle's count that have not arrived: still under way,
// or lost.
type Gap struct {
	VehicleRange
}

// Gaps finds what is missing of each boot, up to the highest number that has
// arrived or that the vehicle said to have sent: so a boot of which nothing came is
// seen, and one whose end is missing. What policy deleted or kept on the vehicle is
// told by the vehicle, and is no gap.
func Gaps(ctx context.Context, a Archive) ([]Gap, error) {
	got, err := a.Received(ctx)
	if err != nil {
		return nil, err
	}
	boots, err := a.Boots(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range boots { // as if the number after the last had come
		if b.LastSeq > 0 {
			got = append(got, VehicleRange{b.Vehicle, event.Range{BootID: b.BootID, From: b.LastSeq + 1, To: b.LastSeq}})
		}
	}
	slices.SortFunc(got, func(x, y VehicleRange) int {
		return cmp.Or(slices.Compare(x.BootID[:], y.BootID[:]), cmp.Compare(x.From, y.From))
	})
	var (
		gaps []Gap
		boot alpr.ID
		next uint64
	)
	for _, r := range got {
		if r.BootID != boot {
			boot, next = r.BootID, 1
		}
		if r.From > next {
			gaps = append(gaps, Gap{VehicleRange{r.Vehicle, event.Range{BootID: boot, From: next, To: r.From - 1}}})
		}
		next = max(next, r.To+1)
	}
	return gaps, nil
}
