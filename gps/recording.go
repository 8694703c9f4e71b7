package gps

import (
	"errors"
	"fmt"
	"io"
	"time"

	"alpr"
)

// ErrNoPosition reports a log without a single valid position.
var ErrNoPosition = errors.New("no valid position in the NMEA log")

// Recording is an NMEA log that was kept beside a video: positions on the
// log's own UTC. It is safe for concurrent use and does not change.
type Recording struct {
	past  history
	start time.Time
	stats LogStats
}

// LogStats counts the lines of a log.
type LogStats struct {
	Sentences uint64
	Garbled   uint64
	Rejected  uint64
	Fixes     int
}

// earliestLog is when GPS logs with a date worth believing begin: logs may be
// older than what a live receiver may say.
func earliestLog() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// ReadRecording reads a whole log. Lines that are garbled are skipped and
// counted. A log without any position is ErrNoPosition.
func ReadRecording(r io.Reader) (*Recording, error) {
	rec := &Recording{}
	dec := newDecoder(earliestLog())
	err := readLines(r, func(line string, isWhole bool) { rec.take(dec, line, isWhole) })
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read NMEA log: %w", err)
	}
	rec.stats.Fixes = len(rec.past.fixes)
	if rec.stats.Fixes == 0 {
		return nil, fmt.Errorf("%w: %d sentences, %d garbled lines, %d not credible: is it an NMEA 0183 log with RMC sentences?",
			ErrNoPosition, rec.stats.Sentences, rec.stats.Garbled, rec.stats.Rejected)
	}
	rec.start = rec.past.fixes[0].At
	return rec, nil
}

func (rec *Recording) take(dec *decoder, line string, isWhole bool) {
	u, err := update{}, ErrGarbled
	if isWhole {
		u, err = dec.line(line)
	}
	if err == nil && u.fix.IsValid() && !rec.past.add(u.fix) {
		err = ErrNotCredible
	}
	switch {
	case errors.Is(err, ErrNotCredible):
		rec.stats.Rejected++
	case err != nil:
		rec.stats.Garbled++
	default:
		rec.stats.Sentences++
	}
}

// Start is the instant of the first fix: where nothing else is known, the
// instant the video begins.
func (rec *Recording) Start() time.Time { return rec.start }

// End is the instant of the last fix.
func (rec *Recording) End() time.Time { return rec.past.last().At }

// Stats counts what the log held.
func (rec *Recording) Stats() LogStats { return rec.stats }

// At is the position at an instant of the log's own time; see Receiver.At.
func (rec *Recording) At(t time.Time) alpr.Fix { return rec.past.at(t) }

// TimeSource says that a recording's times are its own; how well video and log
// agree is not known.
func (rec *Recording) TimeSource(time.Time) (alpr.TimeSource, time.Duration) {
	return alpr.TimeFile, 0
}
