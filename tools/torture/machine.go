package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The faults of the machine: program, disk, link.

// killed ends the program so many times, all but the last in the middle of its
// start, and starts it.
func killed(times int) inflict {
	return func(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
		if err := pause(ctx, time.Duration(r.IntN(300))*time.Millisecond); err != nil {
			return nil, err
		}
		g.car.kill()
		for range times - 1 {
			p, err := startProgram(filepath.Join(g.car.dir, "log"), g.disk.env(), g.alpr, "run", "--config", g.car.config)
			if err != nil {
				return nil, err
			}
			err = pause(ctx, time.Duration(r.IntN(1500))*time.Millisecond)
			if !p.isRunning() {
				return nil, fmt.Errorf("expected a start that is not refused, and the program ended\n%s", p.words())
			}
			p.kill()
			if err != nil {
				return nil, err
			}
		}
		return nil, g.car.start(ctx)
	}
}

func terminated(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	if err := g.car.terminate(ctx); err != nil {
		return nil, err
	}
	return nil, g.car.start(ctx)
}

// stopped takes the processor away, as a computer that sleeps does.
func stopped(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	if err := g.car.running.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("stop the program: %w", err)
	}
	err := pause(ctx, time.Second)
	return nil, errors.Join(err, g.car.running.cmd.Process.Signal(syscall.SIGCONT))
}

func diskFull(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	empty, err := g.disk.fill()
	if err != nil {
		return nil, err
	}
	g.isDiskBad = true
	return func(context.Context) error { g.isDiskBad = false; return empty() }, pause(ctx, 200*time.Millisecond)
}

func diskFullAtStart(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	g.car.kill()
	end, err := diskFull(ctx, g, r)
	if err != nil {
		return end, err
	}
	return end, g.car.start(ctx)
}

// diskSlow makes each sync of the store take as long as on a worn card.
func diskSlow(_ context.Context, g *rig, r *rand.Rand) (undo, error) {
	return func(context.Context) error { return g.disk.behave(0, false) }, g.disk.behave(anyOf(r, []int{50, 100, 200, 400}), false)
}

// storeLocked is another program that holds the store for two seconds.
func storeLocked(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	db, err := openForWriting(g.car.store())
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the store: %w", err), db.Close())
	}
	done := make(chan error, 1)
	time.AfterFunc(2*time.Second, func() { done <- errors.Join(tx.Rollback(), db.Close()) })
	return func(context.Context) error { return <-done }, nil
}

func brokerEnds(isKilled bool) inflict {
	return func(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
		if isKilled {
			g.agency.broker.Kill()
		} else {
			g.agency.broker.Stop()
		}
		return func(context.Context) error { g.agency.broker.Start(g.t); return nil }, pause(ctx, 200*time.Millisecond)
	}
}

func consumerKilled(_ context.Context, g *rig, _ *rand.Rand) (undo, error) {
	g.agency.consumer.kill()
	return func(context.Context) error { return g.agency.consume() }, nil
}

func consumerEnded(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	return func(context.Context) error { return g.agency.consume() }, g.agency.endConsumer(ctx)
}

func garbageMessages(_ context.Context, g *rig, r *rand.Rand) (undo, error) {
	return nil, g.agency.shout(g.car.name, [][]byte{
		{}, noise(r, 300), []byte("{}"), []byte("null"), []byte(strings.Repeat("[", 5000)), []byte(`{"specversion":"1.0","id":"x","data":{"seq":18446744073709551615,"at":"0000-01-01T00:00:00Z"}}`),
		append([]byte("\x28\xb5\x2f\xfd"), noise(r, 100)...), make([]byte, 200<<10),
	})
}

func linkCut(_ context.Context, g *rig, _ *rand.Rand) (undo, error) {
	g.agency.proxy.Down()
	return func(context.Context) error { g.agency.proxy.Up(g.t); return nil }, nil
}

func linkHalfOpen(_ context.Context, g *rig, _ *rand.Rand) (undo, error) {
	end := g.agency.proxy.HalfOpen(g.t)
	return func(context.Context) error { end(); return nil }, nil
}

func linkSlow(_ context.Context, g *rig, r *rand.Rand) (undo, error) {
	end := g.agency.proxy.Slow(g.t, 4+r.IntN(30), 50+r.IntN(500))
	return func(context.Context) error { end(); return nil }, nil
}

// The faults of the records. The program is killed before each.

// flippedRow changes one bit of one column of one row.
func flippedRow(table string) inflict {
	return func(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
		if err := g.populate(ctx, table, r); err != nil {
			return nil, err
		}
		g.car.kill()
		db, err := openForWriting(g.car.store())
		if err != nil {
			return nil, err
		}
		what, err := flip(ctx, db, table, r)
		if err := errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
		g.t.Logf("  %s", what)
		return nil, g.car.start(ctx)
	}
}

// populate does what brings a row into a table that has none.
func (g *rig) populate(ctx context.Context, table string, r *rand.Rand) (err error) {
	isFilled := func(ctx context.Context) bool {
		n, err := count(ctx, g.car.store(), "SELECT count(*) FROM "+table)
		return err == nil && n > 0
	}
	if isFilled(ctx) {
		return nil
	}
	switch table {
	case "outbox":
		g.agency.proxy.Down()
		defer g.agency.proxy.Up(g.t)
		err = g.pass(ctx, r)
	case "safe_list":
		err = g.car.must(ctx, "policy", "safelist", "add", "ZZZ999", "--officer", officerName, "--purpose", "torture")
	case "manual_entries":
		_, err = g.mustNotFail(ctx, g.officer.session(), "POST", "/api/entries", map[string]any{"Plate": "ZZZ999",
			"Reason": "torture", "Category": "Stolen vehicle", "Case": "1", "Hours": 1, "Priority": 2})
	case "reads", "hits", "pictures":
		err = g.pass(ctx, r)
	case "dispositions":
		if err = g.pass(ctx, r); err == nil {
			err = g.dispose(ctx, g.ledger.newest())
		}
	default: // a table that is filled by other work, or stays empty
		return nil
	}
	if err != nil {
		return err
	}
	return g.within(ctx, answerWithin, "a row in "+table, isFilled)
}

// flip tries rows and columns until a change is taken, and names it.
func flip(ctx context.Context, db *sql.DB, table string, r *rand.Rand) (string, error) {
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		return "", fmt.Errorf("count %s: %w", table, err)
	}
	if n == 0 {
		return "the table is empty", nil
	}
	var last error
	for range 20 {
		row := r.IntN(n)
		rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT * FROM %s LIMIT 1 OFFSET %d", table, row))
		if err != nil {
			return "", fmt.Errorf("read %s: %w", table, err)
		}
		names, values, err := scanRow(rows)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", table, err)
		}
		column := r.IntN(len(names))
		changed, ok := flipped(values[column], r)
		if !ok {
			continue
		}
		query := fmt.Sprintf("UPDATE %s SET %s = ? WHERE true", table, names[column])
		args := []any{changed}
		for i, name := range names {
			query += " AND " + name + " IS ?"
			args = append(args, values[i])
		}
		if _, last = db.ExecContext(ctx, query, args...); last == nil {
			return fmt.Sprintf("row %d of %d, column %s", row, n, names[column]), nil
		}
	}
	return "no change is taken: " + fmt.Sprint(last), nil
}

func scanRow(rows *sql.Rows) (names []string, values []any, err error) {
	defer rows.Close()
	if names, err = rows.Columns(); err != nil {
		return nil, nil, err
	}
	values = make([]any, len(names))
	to := make([]any, len(names))
	for i := range values {
		to[i] = &values[i]
	}
	if rows.Next() {
		err = rows.Scan(to...)
	}
	return names, values, errors.Join(err, rows.Err())
}

// flipped is a value with one bit changed, of the same type.
func flipped(v any, r *rand.Rand) (any, bool) {
	bit := func(b []byte) ([]byte, bool) {
		if len(b) == 0 {
			return nil, false
		}
		c := append([]byte(nil), b...)
		c[r.IntN(len(c))] ^= 1 << r.IntN(8)
		return c, true
	}
	switch v := v.(type) {
	case int64:
		return v ^ 1<<r.IntN(63), true
	case []byte:
		return bit(v)
	case string:
		c, ok := bit([]byte(v))
		return string(c), ok
	}
	return nil, false
}

// flippedFile changes one bit anywhere in the file.
func flippedFile(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	g.car.kill()
	data, err := os.ReadFile(g.car.store())
	if err != nil || len(data) == 0 {
		return nil, fmt.Errorf("read the store: %d bytes, %w", len(data), err)
	}
	at := r.IntN(len(data))
	data[at] ^= 1 << r.IntN(8)
	if err := os.WriteFile(g.car.store(), data, 0o600); err != nil {
		return nil, fmt.Errorf("write the store: %w", err)
	}
	g.t.Logf("  byte %d of %d", at, len(data))
	return nil, g.car.start(ctx)
}

// storeCut leaves so many bytes of the store.
func storeCut(bytes int64) inflict {
	return func(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
		g.car.kill()
		if err := os.Truncate(g.car.store(), bytes); err != nil {
			return nil, fmt.Errorf("cut the store: %w", err)
		}
		for _, rest := range []string{"-wal", "-shm"} {
			if err := os.Remove(g.car.store() + rest); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("cut the store: %w", err)
			}
		}
		return nil, g.car.start(ctx)
	}
}

// fifoJournal puts a pipe where SQLite looks for a journal.
func fifoJournal(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	g.car.kill()
	path := g.car.store() + anyOf(r, []string{"-journal", "-wal"})
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("put a pipe for a journal: %w", err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("put a pipe for a journal: %w", err)
	}
	return func(context.Context) error {
		if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			return os.Remove(path)
		}
		return nil
	}, g.car.start(ctx)
}

func openForWriting(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "_busy_timeout=10000&_txlock=immediate"}).String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}
