package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewerSchema reports a file that a later release wrote.
var ErrNewerSchema = errors.New("the store was written by a newer release of alpr: run that release, or move the file away")

// migrate brings the schema up to this program's, one transaction a step.
// PRAGMA user_version counts the steps done, so a step is never half applied.
func migrate(ctx context.Context, conn *sql.Conn) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	slices.Sort(names)
	var done int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&done); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if done > len(names) {
		return fmt.Errorf("schema %d, this program knows %d: %w", done, len(names), ErrNewerSchema)
	}
	for i := done; i < len(names); i++ {
		if err := migrateStep(ctx, conn, names[i], i+1); err != nil {
			return fmt.Errorf("apply migration %s: %w", names[i], err)
		}
	}
	return nil
}

func migrateStep(ctx context.Context, conn *sql.Conn, name string, version int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read script: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	var now int
	err = conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&now)
	if err == nil && now < version { // else another process was faster
		_, err = conn.ExecContext(ctx, string(script)+fmt.Sprintf("\n;PRAGMA user_version = %d;", version))
	}
	if err != nil {
		_, rerr := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, rerr)
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}
