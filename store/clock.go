package store

import (
	"fmt"
	"time"
)

// saveClock writes the retention time beside the data, so that it survives a
// restart with a wrong system clock.
func (t *tx) saveClock() error {
	c := &t.s.clock
	if !c.IsSaveDue(t.due) {
		return nil
	}
	if err := t.putMeta(metaClock, ms(t.due)); err != nil {
		return fmt.Errorf("save the retention clock: %w", err)
	}
	c.NoteSaved(t.due)
	return nil
}

// ms is t in Unix milliseconds, 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMS undoes ms.
func fromMS(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}
