package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"alpr"
)

// metaRow is a row of meta as the file has it.
type metaRow struct {
	name  string
	value any
	mac   []byte
}

// metaDamage is what has become of what the store knows about itself.
type metaDamage struct {
	clock, tightened, inForce bool
	forbidden                 []string // categories that may have been meant
	rows                      []metaRow
}

// metaMAC is a keyed hash of a row of meta: what changes it without the device's
// key, a flipped bit or a person, is told by it.
func (s *Store) metaMAC(name string, value any) []byte {
	var text string
	switch v := value.(type) {
	case bool:
		text = "i0"
		if v {
			text = "i1"
		}
	case int:
		text = "i" + strconv.Itoa(v)
	case int64:
		text = "i" + strconv.FormatInt(v, 10)
	case []byte:
		text = "b" + string(v)
	case string:
		text = "b" + v
	default:
		text = fmt.Sprintf("?%v", v)
	}
	return keyedHash(s.metaKey, strconv.Itoa(len(name))+" "+name+text)
}

func (t *tx) putMeta(name string, value any) error {
	_, err := t.exec(`INSERT INTO meta (name, value, mac) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, mac = excluded.mac`, name, value, t.s.metaMAC(name, value))
	return err
}

func (s *Store) readMeta(ctx context.Context) ([]metaRow, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT name, value, mac FROM meta")
	if err != nil {
		return nil, fmt.Errorf("read what the store knows about itself: %w", err)
	}
	defer rows.Close()
	var out []metaRow
	for rows.Next() {
		var name looseText
		var mac looseBytes
		var value any
		if err := rows.Scan(&name, &value, &mac); err != nil {
			return nil, fmt.Errorf("read what the store knows about itself: %w", err)
		}
		if b, ok := value.([]byte); ok {
			value = bytes.Clone(b)
		}
		out = append(out, metaRow{string(name), value, mac})
	}
	return out, rows.Err()
}

func (s *Store) isSound(r metaRow) bool { return hmac.Equal(r.mac, s.metaMAC(r.name, r.value)) }

// proveKey sees whether the store was sealed under this device's key. The row
// that says so may itself be damaged: then what the key opens counts.
func (s *Store) proveKey(ctx context.Context, rows []metaRow) error {
	id, err := s.device.ID()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rows, func(r metaRow) bool { return r.name == metaKeyID })
	if i >= 0 {
		if have, ok := rows[i].value.([]byte); ok && string(have) == id {
			return nil
		}
	}
	if len(rows) == 0 {
		return nil // a fresh file
	}
	if slices.ContainsFunc(rows, s.isSound) || s.opensAny(ctx) {
		return nil // the row is damaged; resolveMeta says so
	}
	have := "none that it names"
	if i >= 0 {
		have = fmt.Sprintf("%s", rows[i].value)
	}
	return fmt.Errorf("device key %s, store sealed under %q: %w", id, have, ErrKeyWrong)
}

// opensAny says whether any data key opens.
func (s *Store) opensAny(ctx context.Context) bool {
	rows, err := s.r.QueryContext(ctx, "SELECT id, class, from_ms, to_ms, wrapped, destroyed_ms FROM data_keys WHERE wrapped IS NOT NULL LIMIT 100")
	if err != nil {
		return false
	}
	defer rows.Close()
	for rows.Next() {
		var r keyRow
		if rows.Scan(r.columns()...) != nil {
			return false
		}
		if _, err := s.keys.unwrap(r); err == nil {
			return true
		}
	}
	return rows.Err() != nil
}

// examineMeta sorts out the rows of meta that are not what was written.
// hasMACs is false for a store of a release that wrote none.
func (s *Store) examineMeta(rows []metaRow, hasMACs bool) (d metaDamage) {
	for _, r := range rows {
		if !hasMACs || s.isSound(r) || strings.HasPrefix(r.name, metaAuditHead) {
			continue // the audit log's end is signed, and checked where it is used
		}
		d.add(r)
	}
	for _, r := range s.lostMeta {
		d.add(r)
	}
	if s.isSalvaged { // rows may be missing of which nothing is left
		has := func(name string) bool {
			return slices.ContainsFunc(rows, func(r metaRow) bool { return r.name == name })
		}
		d.clock = d.clock || !has(metaClock)
		d.inForce = d.inForce || !has(metaPolicy)
		d.tightened = d.tightened || !has(metaTightened) && !has(metaPolicy)
	}
	return d
}

func (d *metaDamage) add(r metaRow) {
	d.rows = append(d.rows, r)
	text, _ := r.value.([]byte)
	switch name := meantName(r.name); name {
	case metaClock:
		d.clock = true
	case metaTightened:
		d.tightened = true
	case metaPolicy:
		d.inForce = true
	case metaForbidden:
		// What is left of name and value: one category too many does no harm.
		if len(text) > 0 {
			d.forbidden = append(d.forbidden, string(text))
		}
		if _, category, ok := strings.Cut(r.name, ": "); ok && category != "" {
			d.forbidden = append(d.forbidden, category)
		}
	case "":
		d.tightened = true // it may have been anything
	}
}

// meantName is the name that a damaged one was, or the beginning that names of
// its kind have; "" where nobody can tell.
func meantName(name string) string {
	for _, known := range []string{metaClock, metaKeyID, metaTightened, metaPolicy, metaForbidden, metaRules, metaConsent, metaBatch, metaPolicyLost} {
		isPrefix := strings.HasSuffix(known, ": ")
		begin := name
		if isPrefix && len(name) > len(known) {
			begin = name[:len(known)]
		}
		if len(begin) == len(known) && differ(begin, known) <= 1 {
			return known
		}
		if len(name) >= 4 && len(name) < len(known) && strings.HasPrefix(known, name) {
			return known
		}
	}
	return ""
}

func differ(a, b string) (n int) {
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// resolveMeta puts damaged rows into quarantine, and what can be told in their
// place. The policy is resolved by loadPolicy.
func (s *Store) resolveMeta(ctx context.Context, d metaDamage, hasMACs bool) error {
	id, err := s.device.ID()
	if err != nil {
		return err
	}
	var have looseText
	found, err := s.reader(ctx).row("SELECT value FROM meta WHERE name = ?", []any{metaKeyID}, &have)
	if err != nil || found && string(have) == id && hasMACs && len(d.rows) == 0 {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		if !hasMACs {
			if err := t.sealMeta(); err != nil {
				return err
			}
		}
		if err := t.putMeta(metaKeyID, []byte(id)); err != nil {
			return err
		}
		if len(d.rows) == 0 {
			return nil
		}
		for _, r := range d.rows {
			row := map[string]any{"name": r.name, "value": r.value, "mac": r.mac}
			if err := t.putQuarantine("meta", "meta", row, "not what was written"); err != nil {
				return err
			}
			if r.name == metaKeyID {
				continue // put right above
			}
			if _, err := t.exec("DELETE FROM meta WHERE name = ?", r.name); err != nil {
				return err
			}
		}
		for _, category := range d.forbidden {
			if err := t.putMeta(metaForbidden+strings.ToLower(category), []byte(category)); err != nil {
				return err
			}
		}
		return t.auditNow(alpr.AuditRecord{Officer: "system", Action: alpr.ActionQuarantine, Purpose: "rows of the store were damaged",
			Subject: "meta", Detail: map[string]string{"rows": strconv.Itoa(len(d.rows))}})
	})
}

// sealMeta gives the rows of an older release their keyed hash.
func (t *tx) sealMeta() error {
	rows, err := t.s.readMeta(t.ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.mac != nil {
			continue
		}
		if _, err := t.exec("UPDATE meta SET mac = ? WHERE name = ? AND mac IS NULL", t.s.metaMAC(r.name, r.value), r.name); err != nil {
			return err
		}
	}
	return nil
}

// trustworthyTime is the latest retention time that a damaged file still
// vouches for: data keys say, and the cipher confirms, from when on they were in
// use, and rows sealed under them were recorded before their end.
func (s *Store) trustworthyTime(ctx context.Context) time.Time {
	var latest, end time.Time
	for _, k := range s.keys.all() {
		if k.from.After(latest) {
			latest, end = k.from, k.to
		}
	}
	if latest.IsZero() {
		return latest
	}
	var since looseInt
	_, err := s.reader(ctx).row(`SELECT max(since_ms) FROM (SELECT since_ms FROM reads UNION ALL SELECT since_ms FROM hits
		UNION ALL SELECT since_ms FROM dispositions) WHERE since_ms < ?`, []any{ms(end)}, &since)
	if err == nil && since > 0 && fromMS(int64(since)).After(latest) {
		return fromMS(int64(since))
	}
	return latest
}
