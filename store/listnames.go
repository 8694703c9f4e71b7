package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"alpr/internal/atomicfile"
	"alpr/internal/regular"
)

// listNames is what the file beside the store says: what was in use when it last
// changed. Damage to the store that leaves no trace in it (its write-ahead log is
// gone, an older copy came back) is told by it. It holds no plate.
type listNames struct {
	Lists  []listName  `json:"lists"`
	Manual []manualRow `json:"manual"`
}

// listName is a version in use.
type listName struct {
	ID      int64  `json:"id"`
	List    string `json:"list"`
	Version string `json:"version"`
	Entries int    `json:"entries"`
}

// manualRow is an entry made in the car, which is kept until Until (ms, retention clock).
type manualRow struct {
	ID    string `json:"id"`
	Until int64  `json:"until"`
}

// listFile is listNames with a sum, by which a damaged file is told.
type listFile struct {
	Names json.RawMessage `json:"names"`
	Sum   string          `json:"sha256"`
}

func (s *Store) listNamesPath() string { return s.cfg.Path + ".lists" }

// noteLists writes down beside the store what is in use. The transaction keeps
// other programs from changing it meanwhile. What takes something out of use does
// it before the commit, what adds something after: a crash in between leaves too
// little in the file, never too much. It never fails: an old file says too much
// at worst.
func (t *tx) noteLists() {
	names, err := t.listNames()
	if err == nil {
		err = t.s.writeListNames(names)
	}
	if err != nil {
		t.s.log.Warn("the names of the hotlists in use are not written beside the store", "error", err)
	}
}

func (t *tx) listNames() (names listNames, err error) {
	rows, err := t.query("SELECT id, list, version, entries FROM hotlists WHERE state = 'active' ORDER BY id")
	if err != nil {
		return names, err
	}
	for rows.Next() {
		var n listName
		if err := rows.Scan(&n.ID, &n.List, &n.Version, &n.Entries); err != nil {
			return names, errors.Join(err, rows.Close())
		}
		names.Lists = append(names.Lists, n)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return names, err
	}
	rows, err = t.query("SELECT id, purge_ms FROM manual_entries WHERE is_active = 1 ORDER BY id")
	if err != nil {
		return names, err
	}
	defer rows.Close()
	for rows.Next() {
		var m manualRow
		if err := rows.Scan(&m.ID, &m.Until); err != nil {
			return names, err
		}
		names.Manual = append(names.Manual, m)
	}
	return names, rows.Err()
}

// writeListNames puts the file in the place of the one before, or leaves that as it is.
func (s *Store) writeListNames(names listNames) error {
	raw, err := json.Marshal(names)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	text, err := json.Marshal(listFile{Names: raw, Sum: hex.EncodeToString(sum[:])})
	if err != nil {
		return err
	}
	if have, err := regular.ReadFile(s.listNamesPath()); err == nil && bytes.Equal(have, text) {
		return nil
	}
	return atomicfile.Write(s.listNamesPath(), text, 0o600)
}

// readListNames is what the file says; ok is false where there is none that is whole.
func (s *Store) readListNames() (names listNames, ok bool) {
	text, err := regular.ReadFile(s.listNamesPath())
	if err != nil {
		return names, false
	}
	var file listFile
	if json.Unmarshal(text, &file) != nil {
		return names, false
	}
	if sum := sha256.Sum256(file.Names); hex.EncodeToString(sum[:]) != file.Sum {
		return names, false
	}
	return names, json.Unmarshal(file.Names, &names) == nil
}

// missLists says which lists and entries were in use and are not in the store any
// more. It comes before what the store does about damage that it finds itself.
func (s *Store) missLists(ctx context.Context) error {
	if s.isMissed {
		return nil // begin for the second time
	}
	s.isMissed = true
	err := s.write(ctx, func(t *tx) error { // no other program changes them meanwhile
		if err := s.missIn(t, ms(t.due)); err != nil {
			return err
		}
		return t.putNotices()
	})
	if err != nil && isNoRoom(err) {
		return errors.Join(err, s.missIn(s.reader(ctx), ms(s.due())))
	}
	return err
}

func (s *Store) missIn(q querier, due int64) error {
	was, ok := s.readListNames()
	if !ok {
		return nil
	}
	gone, err := goneLists(q, was.Lists)
	if err != nil {
		return fmt.Errorf("look for the lists that were in use: %w", err)
	}
	n, err := goneEntries(q, was.Manual, due)
	if err != nil {
		return fmt.Errorf("look for the entries that were in use: %w", err)
	}
	if n > 0 {
		gone = append(gone, fmt.Sprintf("entries of the hotlist made in this car are gone from the store (%d): their plates do NOT alert. Make them again", n))
	}
	for _, text := range gone {
		s.remember(PartHotlist, text)
	}
	return nil
}

// goneLists are the lists of which the version in use is gone. What the store
// holds, but damaged, is said where that is found.
func goneLists(q querier, was []listName) (gone []string, err error) {
	for _, n := range was {
		var inUse *string
		var isHere bool
		_, err := q.row(`SELECT EXISTS (SELECT 1 FROM hotlists WHERE id = ? AND state <> 'staging'),
			(SELECT version FROM hotlists WHERE list = ? AND state = 'active' ORDER BY id DESC LIMIT 1)`, []any{n.ID, n.List}, &isHere, &inUse)
		if err != nil {
			return nil, err
		}
		if isHere {
			continue
		}
		now := "its plates do NOT alert"
		if inUse != nil {
			now = fmt.Sprintf("version %q is in use in its place", *inUse)
		}
		gone = append(gone, fmt.Sprintf("hotlist %s, version %q (%d entries) was in use and is gone from the store: %s. Import it again",
			n.List, n.Version, n.Entries, now))
	}
	return gone, nil
}

// goneEntries counts the entries made in the car that are gone and not due. A row
// of a name that nobody knows is one of them, its name damaged.
func goneEntries(q querier, was []manualRow, due int64) (int, error) {
	missing, known := 0, 0
	for _, m := range was {
		var isHere bool
		if _, err := q.row("SELECT EXISTS (SELECT 1 FROM manual_entries WHERE id = ?)", []any{m.ID}, &isHere); err != nil {
			return 0, err
		}
		switch {
		case isHere:
			known++
		case m.Until > due:
			missing++
		}
	}
	var all int
	if _, err := q.row("SELECT count(*) FROM manual_entries WHERE is_active <> 0", nil, &all); err != nil {
		return 0, err
	}
	return missing - min(missing, max(0, all-known)), nil
}

// keepListNames writes down what is in use.
func (s *Store) keepListNames(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error { t.noteLists(); return nil })
}

// secureLists puts what has come into use, or gone out of it, where the loss of the
// write-ahead log cannot reach it, and its name beside the store. What fails is said
// in the log and done by a later change, or the next start.
func (s *Store) secureLists(ctx context.Context) {
	s.secure(ctx)
	if err := s.keepListNames(context.WithoutCancel(ctx)); err != nil {
		s.log.Warn("the names of the hotlists in use are not written beside the store", "error", err)
	}
}
