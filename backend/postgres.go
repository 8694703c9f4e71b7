package backend

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres keeps events in PostgreSQL. Any number of consumers may write to one
// database.
type Postgres struct {
	url  string
	conn *pgx.Conn
}

//go:embed postgres.sql
var postgresSchema string

// OpenPostgres takes a database by url ("postgres://user@host/database"). It
// connects at the first use: a consumer may start before its database.
func OpenPostgres(url string) (*Postgres, error) {
	if _, err := pgx.ParseConfig(url); err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	return &Postgres{url: url}, nil
}

// Twin is another connection to the same database, made at its first use.
func (p *Postgres) Twin() Sink { return &Postgres{url: p.url} }

// Ping connects, and makes the tables where they are missing.
func (p *Postgres) Ping(ctx context.Context) error {
	_, err := p.connection(ctx)
	return err
}

// connection is the connection, made anew when the last one is gone.
func (p *Postgres) connection(ctx context.Context) (*pgx.Conn, error) {
	if p.conn != nil && !p.conn.IsClosed() {
		return p.conn, nil
	}
	conn, err := pgx.Connect(ctx, p.url)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if err := prepare(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	p.conn = conn
	return conn, nil
}

// prepare makes tables under a lock, because "IF NOT EXISTS" alone is no
// protection against two consumers that start together.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	const lock = 0x616c7072 // "alpr"
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, postgresSchema)
		return err
	})
	if err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	for _, s := range stages() {
		if _, err := conn.Exec(ctx, "CREATE TEMPORARY TABLE "+s.name+" "+s.create); err != nil {
			return fmt.Errorf("make %s: %w", s.name, err)
		}
	}
	return nil
}

// Close ends the connection.
func (p *Postgres) Close() error {
	if p.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.conn.Close(ctx)
}

// Write keeps the batch in one transaction: COPY into temporary tables, then
// one INSERT … ON CONFLICT for each table.
func (p *Postgres) Write(ctx context.Context, b Batch) (Kept, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return Kept{}, err
	}
	rows, total, err := stageRows(b)
	if err != nil {
		return Kept{}, err
	}
	var kept Kept
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, s := range stages() {
			if len(rows[s.name]) == 0 {
				continue
			}
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{s.name}, strings.Fields(s.columns), pgx.CopyFromRows(rows[s.name])); err != nil {
				return fmt.Errorf("copy into %s: %w", s.name, err)
			}
			tag, err := tx.Exec(ctx, s.merge)
			if err != nil {
				return fmt.Errorf("merge %s: %w", s.name, err)
			}
			if s.name == "stage_events" {
				kept.Events = int(tag.RowsAffected())
			}
		}
		kept.Alarms, err = watchAudit(ctx, b, postgresAudit{tx})
		return err
	})
	if err != nil {
		return Kept{}, classify(err)
	}
	kept.Duplicates = total - kept.Events
	return kept, nil
}

// classify tells bad data from troubles that may pass. Bad are SQLSTATE classes
// 22 (data exception), 23 (integrity: no partition takes the row) and 54 (a
// limit of the server's, such as a text too long for an index), and what does
// not fit its column, on which the client gives the copy up.
func classify(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		return err
	}
	isCopyGivenUp := pg.Code == "57014" && strings.Contains(pg.Message, "COPY from stdin failed")
	if class := pg.Code[:2]; class == "22" || class == "23" || class == "54" || isCopyGivenUp {
		return fmt.Errorf("%w: %w", ErrBadData, err)
	}
	return err
}

// stageRows spreads the batch over the stages' columns, in the tables' order.
func stageRows(b Batch) (rows map[string][][]any, events int, err error) {
	rows = map[string][][]any{}
	add := func(stage string, values ...any) { rows[stage] = append(rows[stage], values) }
	for i := range b.Rows {
		r := &b.Rows[i]
		v := r.Vehicle
		if err := r.decode(); err != nil {
			return nil, 0, err
		}
		read, hit, image := r.read, r.hit, r.image
		switch {
		case r.isState():
			add("stage_vehicles", v.Agency, v.Name, r.kind(), r.seenAt(), []byte(r.Event.Data))
		case image != nil:
			add("stage_pieces", image.SHA256, image.Offset, image.Size, image.JPEG, [16]byte(image.ReadID), r.ReceivedAt, v.Agency, v.Name)
		default:
			events++
			boot, seq := r.seq()
			add("stage_events", [16]byte(r.ID), r.Revision, r.kind(), v.Agency, v.Name, [16]byte(boot), int64(seq),
				r.Event.Time, r.ReceivedAt, r.purgeAt(), r.JSON)
		}
		if read != nil {
			c := columnsOf(read)
			add("stage_reads", [16]byte(r.ID), r.Revision, v.Agency, v.Name, c.plate, c.state, c.confidence, c.isPreview, c.at, c.lat, c.lon, c.purgeAt)
		}
		if hit != nil {
			add("stage_hits", [16]byte(r.ID), r.Revision, [16]byte(hit.Read.ID), v.Agency, v.Name, hit.Entry.List, hit.Entry.ID, hit.Match, hit.P,
				hit.StateCheck, hit.IsWithdrawn, hit.At, hit.Retention.PurgeAt)
		}
	}
	for v, ranges := range b.Ranges() {
		for _, r := range ranges {
			add("stage_received", [16]byte(r.BootID), int64(r.From), int64(r.To), v.Agency, v.Name)
		}
	}
	for _, l := range b.Letters {
		add("stage_letters", letterHash(l), cleanText(l.Topic), cleanText(l.Reason), l.ReceivedAt, l.Payload)
	}
	return rows, events, nil
}

// cleanText leaves out what PostgreSQL's text cannot hold.
func cleanText(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r != 0 {
			out = append(out, r)
		}
	}
	return string(out)
}

// letterHash keeps a letter that is sent again and again from being kept again
// and again.
func letterHash(l Letter) string {
	h := sha256.New()
	h.Write([]byte(l.Topic))
	h.Write([]byte{0})
	h.Write(l.Payload)
	return hex.EncodeToString(h.Sum(nil))
}
