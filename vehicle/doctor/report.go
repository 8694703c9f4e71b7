package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Options say what the doctor does beside looking once and writing for people.
type Options struct {
	JSON     bool          // one JSON object a finding, a line each
	Watch    time.Duration // looks again so often, and tells what has changed; 0: once
	Overlays []string      // files whose keys override the configuration's
	Pictures string        // folder for a picture of each camera; "": none is kept
}

// printer writes findings as they are made.
type printer func(finding) error

// newPrinter writes for people or, one object a line, for programs.
func newPrinter(out io.Writer, asJSON bool) printer {
	if !asJSON {
		return func(f finding) error {
			_, err := fmt.Fprintf(out, "%-4s  %-14s %s\n", f.grade, f.part, f.text)
			return err
		}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return func(f finding) error {
		return enc.Encode(struct {
			Grade string `json:"grade"`
			Part  string `json:"part"`
			Text  string `json:"text"`
		}{f.grade.key(), f.part, f.text})
	}
}

// key is the grade's word in JSON, which never changes.
func (g grade) key() string { return [...]string{"ok", "warn", "fail"}[g] }

// changed passes on what differs in grade from the look before: numbers move all
// the time.
func changed(print printer) (one printer, next func()) {
	before, now := map[string]grade{}, map[string]grade{}
	isFirst := true
	one = func(f finding) error {
		key := f.part
		now[key] = max(now[key], f.grade)
		if was, known := before[key]; !isFirst && known && was == f.grade {
			return nil
		}
		return print(f)
	}
	next = func() { before, now, isFirst = now, map[string]grade{}, false }
	return one, next
}

// watch looks again and again until ctx ends.
func watch(ctx context.Context, every time.Duration, look func(printer) error, print printer) error {
	one, next := changed(print)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := look(one)
		next()
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
