package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// salvaged is what was taken over from a damaged file.
type salvaged struct {
	rows   int
	lost   int      // that are not sound, or do not fit
	broken []string // tables of which parts cannot be read
}

// salvageTables in the order of what the vehicle needs first, should the disk be
// full before the end.
func salvageTables() []string {
	return []string{"data_keys", "meta", "hotlists", "hotlist_chunks", "manual_entries", "safe_list", "hits", "reads", "audit", "audit_foreign",
		"dispositions", "outbox", "tallies", "notices", "quarantine", "pictures"}
}

// maxTries bounds how often a salvage asks one table for what lies behind a
// damaged place.
const maxTries = 4000

// salvage takes over what can be read of a damaged file into the fresh one that
// is open. The damaged file is not changed. An error says why it ended early;
// what was taken over until then stays.
func (s *Store) salvage(ctx context.Context, aside string) (salvaged, error) {
	var out salvaged
	v := url.Values{"mode": {"ro"}}
	if info, err := os.Stat(aside + "-wal"); err != nil || info.Size() == 0 {
		v.Set("immutable", "1")
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(aside), RawQuery: v.Encode()}).String())
	if err != nil {
		return out, err
	}
	defer db.Close()
	if _, err := s.w.ExecContext(ctx, "PRAGMA foreign_keys = off"); err != nil { // a chunk may come before its list
		return out, err
	}
	for _, table := range salvageTables() {
		p := rescue{s: s, from: db, table: table, out: &out}
		if err := p.run(ctx); err != nil {
			return out, fmt.Errorf("take over %s: %w", table, err)
		}
	}
	s.salvageSequences(ctx, db)
	_, err = s.w.ExecContext(ctx, "PRAGMA foreign_keys = on")
	return out, err
}

// salvageSequences keeps numbers from being given out twice.
func (s *Store) salvageSequences(ctx context.Context, from *sql.DB) {
	for _, table := range []string{"data_keys", "hotlists", "outbox", "quarantine", "notices"} {
		var seq int64
		if from.QueryRowContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = ?", table).Scan(&seq) == nil {
			_, _ = s.w.ExecContext(ctx, "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", seq, table)
		}
	}
}

// rescue takes one table over.
type rescue struct {
	s       *Store
	from    *sql.DB
	table   string
	columns []string
	out     *salvaged
	tries   int
	isGap   bool
}

func (p *rescue) run(ctx context.Context) error {
	theirs, err := columnsOf(ctx, p.from, p.table)
	if err != nil || len(theirs) == 0 {
		p.broke()
		return nil
	}
	ours, err := columnsOf(ctx, p.s.w, p.table)
	if err != nil {
		return err
	}
	p.columns = slices.DeleteFunc(theirs, func(c string) bool { return !slices.Contains(ours, c) })
	if _, err := p.s.w.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err = p.copyAll(ctx)
	if p.isGap {
		p.broke()
	}
	if isNoRoom(err) {
		_, rerr := p.s.w.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, rerr)
	}
	_, cerr := p.s.w.ExecContext(ctx, "COMMIT")
	return errors.Join(err, cerr)
}

func (p *rescue) broke() { p.out.broken = append(p.out.broken, p.table) }

type columnLister interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func columnsOf(ctx context.Context, db columnLister, table string) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// copyAll reads the table from its beginning up to the first place that cannot
// be read, then from its end, and then what lies between, in ever smaller parts.
func (p *rescue) copyAll(ctx context.Context) error {
	const lowest, highest = -1 << 63, 1<<63 - 1
	switch p.table {
	case "meta", "safe_list", "tallies": // without rowid: from both ends
		_, err := p.copy(ctx, "ORDER BY 1")
		if err != nil && !isNoRoom(err) {
			p.isGap = true
			_, err = p.copy(ctx, "ORDER BY 1 DESC")
		}
		return onlyNoRoom(err)
	}
	return p.between(ctx, lowest, highest)
}

func (p *rescue) between(ctx context.Context, low, high int64) error {
	if low > high || p.tries > maxTries {
		return nil
	}
	p.tries++
	last, err := p.copy(ctx, "WHERE rowid BETWEEN ? AND ? ORDER BY rowid", low, high)
	if err == nil || isNoRoom(err) {
		return err
	}
	p.isGap = true
	first, err := p.copy(ctx, "WHERE rowid BETWEEN ? AND ? ORDER BY rowid DESC", max(low, next(last, low)), high)
	if err == nil || isNoRoom(err) {
		return err
	}
	from, to := next(last, low), high
	if first != nil {
		to = *first - 1
	}
	if last == nil && first == nil { // nothing at either end: look nearer to the middle, where rows are
		if low, high, ok := p.span(ctx); ok {
			from, to = max(from, low), min(to, high)
		}
	}
	if from >= to {
		return nil
	}
	middle := from + (to-from)/2
	if err := p.between(ctx, from, middle); err != nil {
		return err
	}
	return p.between(ctx, middle+1, to)
}

func next(last *int64, low int64) int64 {
	if last == nil {
		return low
	}
	return *last + 1
}

// span is where rows may be, as far as the file says.
func (p *rescue) span(ctx context.Context) (low, high int64, ok bool) {
	var seq int64
	if p.from.QueryRowContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = ?", p.table).Scan(&seq) == nil && seq > 0 {
		return 0, seq, true
	}
	return 0, 1 << 20, true
}

// copy takes over the rows of a query. last is the rowid of the last one.
func (p *rescue) copy(ctx context.Context, clause string, args ...any) (last *int64, err error) {
	rowid := "rowid"
	switch p.table {
	case "meta", "safe_list", "tallies":
		rowid = "0"
	}
	rows, err := p.from.QueryContext(ctx, "SELECT "+rowid+", "+strings.Join(p.columns, ", ")+" FROM "+p.table+" "+clause, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		values := make([]any, len(p.columns))
		dest := []any{&id}
		for i := range values {
			dest = append(dest, &values[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return last, err
		}
		if err := p.put(ctx, values); err != nil {
			return last, err
		}
		last = &id
	}
	return last, rows.Err()
}

func (p *rescue) put(ctx context.Context, values []any) error {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")
	res, err := p.s.w.ExecContext(ctx, "INSERT OR IGNORE INTO "+p.table+" ("+strings.Join(p.columns, ", ")+") VALUES ("+marks+")", values...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil || n > 0 {
		p.out.rows++
		return err
	}
	return p.refused(values)
}

// refused keeps a row apart that does not fit the table any more, such as one
// without a value where there must be one.
func (p *rescue) refused(values []any) error {
	row := map[string]any{}
	for i, c := range p.columns {
		row[c] = values[i]
	}
	if p.table == "meta" {
		name, _ := row["name"].(string)
		p.s.lostMeta = append(p.s.lostMeta, metaRow{name: name, value: row["value"]})
	} else {
		p.s.unfit = append(p.s.unfit, unfitRow{p.table, row})
	}
	p.out.lost++
	return nil
}

// unfitRow waits to be put into quarantine.
type unfitRow struct {
	table string
	row   map[string]any
}

func (s *Store) quarantineUnfit(ctx context.Context) error {
	if len(s.unfit) == 0 {
		return nil
	}
	err := s.write(ctx, func(t *tx) error {
		for _, u := range s.unfit {
			if err := t.putQuarantine(u.table, u.table, u.row, "it does not fit its table"); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.unfit = nil
	}
	return err
}

func onlyNoRoom(err error) error {
	if isNoRoom(err) {
		return err
	}
	return nil
}
