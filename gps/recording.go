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
	fixes []alpr.Fix // in order of time
	start time.Time
	stats LogStats
}

// LogStats counts what a log holds.
type LogStats struct {
	Sentences uint64 // well formed
	Garbled   uint64 // lines that are no sentence
	Unsummed  uint64 // of these, sentences without a checksum
	Rejected  uint64 // sentences and fixes with a time or place that cannot be true
	Undated   uint64 // sentences with a position of which nothing says the day
	Panics    uint64 // sentences that were too much for the decoder
	Fixes     int
}

// earliestLog is when GPS logs with a date worth believing begin: logs may be
// older than what a live receiver may say.
func earliestLog() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// ReadRecording reads a whole log. Lines that are garbled are skipped and
// counted. A log without any position, or without any date, is ErrNoPosition.
func ReadRecording(r io.Reader) (*Recording, error) {
	return ReadRecordingNear(r, time.Time{})
}

// ReadRecordingNear is ReadRecording of a log that began within half a day of
// an instant: where its sentences give no date (GGA, GNS or GLL without RMC or
// ZDA), the day is taken from there.
func ReadRecordingNear(r io.Reader, near time.Time) (*Recording, error) {
	rec := &Recording{}
	dec := newDecoder(earliestLog())
	dec.calendar.last = near
	var said track
	err := readSentences(r, func(sentence string) { rec.take(dec, &said, sentence) })
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read NMEA log: %w", err)
	}
	var first alpr.Fix
	var dropped int
	rec.fixes, first, dropped = said.settle()
	rec.start = first.At
	rec.stats.Fixes = len(rec.fixes)
	rec.stats.Rejected += uint64(dropped)
	if rec.stats.Fixes == 0 {
		return nil, rec.stats.noPosition()
	}
	return rec, nil
}

func (s LogStats) noPosition() error {
	if s.Undated > 0 {
		return fmt.Errorf("%w: %d sentences with a position and no date: let the receiver send RMC or ZDA as well, or say when the log begins (--start)",
			ErrNoPosition, s.Undated)
	}
	if s.Sentences == 0 && s.Unsummed > 0 {
		return fmt.Errorf("%w: %d sentences without a checksum, which any noise can falsify: let the receiver, or what keeps the log, write checksums",
			ErrNoPosition, s.Unsummed)
	}
	return fmt.Errorf("%w: %d sentences, %d garbled lines, %d not credible: is it an NMEA 0183 log with RMC, GGA, GNS or GLL sentences?",
		ErrNoPosition, s.Sentences, s.Garbled, s.Rejected)
}

func (rec *Recording) take(dec *decoder, said *track, sentence string) {
	u, err := dec.decode(sentence)
	switch {
	case errors.Is(err, ErrNotCredible):
		rec.stats.Rejected++
	case errors.Is(err, ErrPanic):
		rec.stats.Panics++
	case err != nil:
		rec.stats.Garbled++
		if errors.Is(err, ErrNoChecksum) {
			rec.stats.Unsummed++
		}
	default:
		rec.stats.Sentences++
	}
	if u.isUndated {
		rec.stats.Undated++
	}
	if u.fix.IsValid() {
		said.add(u.fix)
	}
}

// Start is the instant of the first fix of the log: where nothing else is known, the
// instant the video begins.
func (rec *Recording) Start() time.Time { return rec.start }

// End is the latest instant of a fix.
func (rec *Recording) End() time.Time { return rec.fixes[len(rec.fixes)-1].At }

// Stats counts what the log held.
func (rec *Recording) Stats() LogStats { return rec.stats }

// At is the position at an instant of the log's own time; see Receiver.At.
func (rec *Recording) At(t time.Time) alpr.Fix { return positionAt(rec.fixes, t) }

// TimeSource says that a recording's times are its own; how well video and log
// agree is not known.
func (rec *Recording) TimeSource(time.Time) (alpr.TimeSource, time.Duration) {
	return alpr.TimeFile, 0
}
