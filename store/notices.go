package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"alpr"
)

// The parts that notices are about.
const (
	PartStore    = "store"
	PartRecords  = "records"
	PartHotlist  = "hotlist"
	PartPolicy   = "policy"
	PartClock    = "clock"
	PartKey      = "device key"
	PartFiles    = "files"
	PartNetworks = "networks"
)

// Notice is something that befell the store, of which its owner must know: damage
// that was found, and what the program made of it. It stands until somebody has
// taken note of it (SeeNotices).
type Notice struct {
	At   time.Time
	Part string
	Text string // one or more sentences; never a plate
	N    int    // how often the like was found

	isRecorded bool
}

// String is the notice as a person reads it.
func (n Notice) String() string {
	text := n.Part + ": " + n.Text
	if n.N > 1 {
		text += fmt.Sprintf(" (%d times)", n.N)
	}
	return text
}

// All are those that nobody has taken note of yet, oldest first.
func (n Notices) All() []Notice {
	n.s.noticeMu.Lock()
	defer n.s.noticeMu.Unlock()
	return slices.Clone(n.s.notices)
}

// Note keeps a notice of the caller's, and says it in the program's log. It
// never fails: what cannot be written yet is kept in memory.
func (n Notices) Note(ctx context.Context, part, text string) {
	n.s.remember(part, text)
	n.s.recordNotices(ctx)
}

// remember keeps a notice in memory, and says it in the log.
func (s *Store) remember(part, text string) {
	s.log.Error(text, "part", part)
	s.noticeMu.Lock()
	defer s.noticeMu.Unlock()
	for i := range s.notices {
		if n := &s.notices[i]; n.Part == part && n.Text == text {
			n.N++
			n.isRecorded = false
			return
		}
	}
	s.notices = append(s.notices, Notice{At: s.now().UTC(), Part: part, Text: text, N: 1})
}

// recordNotices writes down the notices that are not on record yet.
func (s *Store) recordNotices(ctx context.Context) {
	s.noticeMu.Lock()
	isDue := slices.ContainsFunc(s.notices, func(n Notice) bool { return !n.isRecorded })
	s.noticeMu.Unlock()
	if !isDue {
		return
	}
	if err := s.write(ctx, (*tx).putNotices); err != nil {
		s.log.Warn("a notice is not on record yet", "error", err)
	}
}

func (t *tx) putNotices() error {
	s := t.s
	s.noticeMu.Lock()
	defer s.noticeMu.Unlock()
	for i := range s.notices {
		n := &s.notices[i]
		if n.isRecorded {
			continue
		}
		res, err := t.exec("UPDATE notices SET n = ? WHERE part = ? AND text = ? AND seen_ms = 0", n.N, n.Part, n.Text)
		if err != nil {
			return err
		}
		if had, err := res.RowsAffected(); err != nil || had > 0 {
			n.isRecorded = err == nil
			continue
		}
		if _, err := t.exec("INSERT INTO notices (at_ms, part, text, n) VALUES (?, ?, ?, ?)", ms(n.At), n.Part, n.Text, n.N); err != nil {
			return err
		}
		n.isRecorded = true
	}
	return nil
}

// loadNotices brings back those of earlier starts.
func (s *Store) loadNotices(ctx context.Context) error {
	rows, err := s.r.QueryContext(ctx, "SELECT at_ms, part, text, n FROM notices WHERE seen_ms = 0 ORDER BY id")
	if err != nil {
		return fmt.Errorf("read the notices: %w", err)
	}
	defer rows.Close()
	var old []Notice
	for rows.Next() {
		var at, n looseInt
		var part, text looseText
		if err := rows.Scan(&at, &part, &text, &n); err != nil {
			return fmt.Errorf("read the notices: %w", err)
		}
		old = append(old, Notice{At: fromMS(int64(at)), Part: string(part), Text: string(text), N: int(n), isRecorded: true})
	}
	s.noticeMu.Lock()
	defer s.noticeMu.Unlock()
	for _, n := range s.notices {
		i := slices.IndexFunc(old, func(o Notice) bool { return o.Part == n.Part && o.Text == n.Text })
		if i < 0 {
			old = append(old, n)
		} else if !n.isRecorded {
			old[i].N, old[i].isRecorded = old[i].N+n.N, false
		}
	}
	s.notices = old
	return rows.Err()
}

// See takes note of all notices, so that they are not said any more. Who
// did it stands in the audit log. It returns them.
func (n Notices) See(ctx context.Context, who Access) ([]Notice, error) {
	if err := who.Validate(); err != nil {
		return nil, fmt.Errorf("take note: %w", err)
	}
	seen := n.All()
	err := n.s.write(ctx, func(t *tx) error {
		if _, err := t.exec("UPDATE notices SET seen_ms = ? WHERE seen_ms = 0", ms(t.wall)); err != nil {
			return err
		}
		return t.auditNow(who.Record(alpr.ActionNoticesSeen, "store", map[string]string{"notices": strconv.Itoa(len(seen))}))
	})
	if err != nil {
		return nil, fmt.Errorf("take note: %w", err)
	}
	n.s.noticeMu.Lock()
	defer n.s.noticeMu.Unlock()
	n.s.notices = slices.DeleteFunc(n.s.notices, func(n Notice) bool {
		return slices.ContainsFunc(seen, func(o Notice) bool { return o.Text == n.Text && o.Part == n.Part })
	})
	return seen, nil
}

// SetApart is how many damaged rows are kept apart, by the table they were in.
func (n Notices) SetApart(ctx context.Context) (map[string]int, error) {
	rows, err := n.s.r.QueryContext(ctx, "SELECT from_table, count(*) FROM quarantine GROUP BY from_table")
	if err != nil {
		return nil, fmt.Errorf("count the damaged rows: %w", err)
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var table string
		var n int
		if err := rows.Scan(&table, &n); err != nil {
			return nil, fmt.Errorf("count the damaged rows: %w", err)
		}
		counts[table] = n
	}
	return counts, rows.Err()
}

// looseInt and looseText are columns that may be damaged: what is of another
// type is badInt, or empty.
type (
	looseInt   int64
	looseText  string
	looseBytes []byte
)

// badInt stands for what is no number. No time, count or key has it.
const badInt = -1 << 62

// Scan takes any value.
func (i *looseInt) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		n = badInt
	}
	*i = looseInt(n)
	return nil
}

// Scan takes any value.
func (x *looseText) Scan(v any) error {
	var b looseBytes
	err := b.Scan(v)
	*x = looseText(b)
	return err
}

// Scan takes any value.
func (b *looseBytes) Scan(v any) error {
	switch v := v.(type) {
	case []byte:
		*b = append(looseBytes{}, v...)
	case string:
		*b = looseBytes(v)
	default:
		*b = nil
	}
	return nil
}

// idOf is an id as a column has it; ok is false where it is none.
func idOf(b []byte) (id alpr.ID, ok bool) {
	if len(b) != len(id) {
		return id, false
	}
	return alpr.ID(b), true
}
