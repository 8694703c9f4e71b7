package backend

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"alpr"
	"alpr/sync/event"
)

// Search says which events to find. What is left empty is not asked for.
type Search struct {
	Agency, Vehicle string
	Plate           string // of a read or a hit, normalised
	Kind            string // hit, read, disposition, audit, …
	From, To        time.Time
	Limit           int
	After           Cursor // events behind this one
}

// Cursor is a place in the order of events: by time, then id and revision.
type Cursor struct {
	At       time.Time
	ID       alpr.ID
	Revision int
}

// String is the cursor as clients hand it back.
func (c Cursor) String() string {
	if c.ID.IsZero() {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%s/%d", c.At.UnixMicro(), c.ID, c.Revision))
}

var errBadCursor = errors.New("not a cursor that an earlier answer gave")

// ParseCursor reads what String wrote; "" is the beginning.
func ParseCursor(text string) (c Cursor, err error) {
	if text == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), "/")
	if err != nil || len(parts) != 3 {
		return c, errBadCursor
	}
	var micros int64
	if _, err := fmt.Sscan(parts[0], &micros); err != nil {
		return c, errBadCursor
	}
	if _, err := fmt.Sscan(parts[2], &c.Revision); err != nil {
		return c, errBadCursor
	}
	if c.ID, err = alpr.ParseID(parts[1]); err != nil {
		return c, errBadCursor
	}
	c.At = time.UnixMicro(micros).UTC()
	return c, nil
}

// Found is one event of a search.
type Found struct {
	Cursor
	Event json.RawMessage // CloudEvents
}

// VehicleState is what a vehicle last said of itself.
type VehicleState struct {
	Vehicle event.Vehicle
	Kind    string // status or health
	SeenAt  time.Time
	Data    json.RawMessage
}
