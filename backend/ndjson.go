package backend

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"alpr"
	"alpr/internal/regular"
	"alpr/sync/event"
)

// NDJSON keeps events as lines of JSON, one event a line. It is for
// demonstrations and hand-overs: what has been kept is remembered in memory.
// Images are not kept, and of status and health nothing.
type NDJSON struct {
	file    *os.File // nil for standard output
	letters *os.File
	out     io.Writer
	seen    map[seenKey]struct{}
	audit   *memoryAudit
	size    int64
}

type seenKey struct {
	id       alpr.ID
	revision int
}

// OpenNDJSON opens or makes the file, and beside it FILE.dead for what could
// not be taken; "-" writes events to standard output, and drops nothing but
// the memory of them at the end.
func OpenNDJSON(path string) (*NDJSON, error) {
	n := &NDJSON{seen: map[seenKey]struct{}{}, audit: newMemoryAudit(), out: os.Stdout}
	if path == "-" {
		n.letters = os.Stderr
		return n, nil
	}
	var err error
	if n.file, err = regular.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open events file: %w", err)
	}
	if n.letters, err = regular.OpenFile(path+".dead", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open dead letters file: %w", err), n.file.Close())
	}
	n.out = n.file
	if err := n.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read events file %s: %w", path, err), n.Close())
	}
	return n, nil
}

// load learns which events the file holds. A last line without its end is what
// a power cut left of an unfinished write, which was never acknowledged: it goes.
func (n *NDJSON) load() error {
	r := bufio.NewReaderSize(n.file, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		e, err := event.Decode(line)
		if err != nil {
			return fmt.Errorf("at byte %d: %w", n.size, err)
		}
		id, rev, err := e.Identity()
		if err != nil {
			return fmt.Errorf("at byte %d: %w", n.size, err)
		}
		n.seen[seenKey{id, rev}] = struct{}{}
		n.size += int64(len(line))
		if v, err := e.Vehicle(); err == nil {
			places, _, _, _ := auditTold(Batch{Rows: []Row{{Vehicle: v, Event: e}}})
			_, _ = n.audit.keepPlaces(context.Background(), places) // what differs was said when it came
		}
	}
	if err := n.file.Truncate(n.size); err != nil {
		return err
	}
	_, err := n.file.Seek(n.size, io.SeekStart)
	return err
}

// Write appends the new events of the batch.
func (n *NDJSON) Write(ctx context.Context, b Batch) (kept Kept, err error) {
	var (
		buf  bytes.Buffer
		keys []seenKey
	)
	for i := range b.Rows {
		r := &b.Rows[i]
		if !r.isLog() {
			continue
		}
		k := seenKey{r.ID, r.Revision}
		if _, dup := n.seen[k]; dup {
			kept.Duplicates++
			continue
		}
		if err := json.Compact(&buf, r.JSON); err != nil {
			return Kept{}, n.forget(keys, fmt.Errorf("%w: %w", ErrBadData, err))
		}
		buf.WriteByte('\n')
		n.seen[k] = struct{}{}
		keys = append(keys, k)
	}
	kept.Events = len(keys)
	if err := n.writeLetters(b.Letters); err != nil {
		return Kept{}, n.forget(keys, err)
	}
	if err := n.append(buf.Bytes()); err != nil {
		return Kept{}, n.forget(keys, err)
	}
	kept.Alarms, err = watchAudit(ctx, b, n.audit)
	return kept, err
}

func (n *NDJSON) append(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := n.out.Write(b); err != nil {
		err = fmt.Errorf("write events: %w", err)
		if n.file != nil {
			_, seekErr := n.file.Seek(n.size, io.SeekStart)
			err = errors.Join(err, n.file.Truncate(n.size), seekErr)
		}
		return err
	}
	n.size += int64(len(b))
	if n.file == nil {
		return nil
	}
	if err := n.file.Sync(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

func (n *NDJSON) forget(keys []seenKey, err error) error {
	for _, k := range keys {
		delete(n.seen, k)
	}
	return err
}

// letterLine is a dead letter as files hold it.
type letterLine struct {
	Topic      string    `json:"topic"`
	Reason     string    `json:"reason"`
	ReceivedAt time.Time `json:"received_at"`
	Payload    []byte    `json:"payload"` // base64
}

func (n *NDJSON) writeLetters(letters []Letter) error {
	for _, l := range letters {
		b, err := json.Marshal(letterLine{Topic: l.Topic, Reason: l.Reason, ReceivedAt: l.ReceivedAt, Payload: l.Payload})
		if err != nil {
			return fmt.Errorf("encode dead letter: %w", err)
		}
		if _, err := n.letters.Write(append(b, '\n')); err != nil {
			return fmt.Errorf("write dead letter: %w", err)
		}
	}
	if len(letters) > 0 && n.file != nil {
		if err := n.letters.Sync(); err != nil {
			return fmt.Errorf("write dead letter: %w", err)
		}
	}
	return nil
}

// Close closes the files; standard output stays open.
func (n *NDJSON) Close() error {
	if n.file == nil {
		return nil
	}
	return errors.Join(n.file.Close(), n.letters.Close())
}
