package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"alpr"
	"alpr/console"
	"alpr/store"
	"alpr/vehicle"
)

// AddUser adds an account, or gives one a new password, once that is in the audit log.
func AddUser(ctx context.Context, r *vehicle.Records, who store.Access, u console.User) error {
	if err := r.Store.AuditLog().Audit(ctx, who.Record(alpr.ActionAccountAdded, u.Name, nil)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.Config.Console.UsersFile), 0o700); err != nil {
		return fmt.Errorf("make the folder for accounts: %w", err)
	}
	return console.SaveUser(r.Config.Console.UsersFile, u)
}

// RemoveUser removes an account once that is in the audit log.
func RemoveUser(ctx context.Context, r *vehicle.Records, who store.Access, name string) error {
	if err := r.Store.AuditLog().Audit(ctx, who.Record(alpr.ActionAccountRemoved, name, nil)); err != nil {
		return err
	}
	return console.RemoveUser(r.Config.Console.UsersFile, name)
}

// PrintUsers lists the accounts.
func PrintUsers(cfg vehicle.Config, out io.Writer) error {
	users, err := console.LoadUsers(cfg.Console.UsersFile)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(users)) {
		u := users[name]
		if _, err := fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", u.Name, u.Agency, u.Role, u.Full); err != nil {
			return err
		}
	}
	return nil
}

var errNoPassword = errors.New("no password on standard input")

// ReadPassword takes one line. A terminal is asked, and does not show what is typed.
func ReadPassword(in io.Reader, prompt io.Writer) (string, error) {
	line, err := readLine(in, prompt)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errNoPassword
	}
	return line, nil
}

func readLine(in io.Reader, prompt io.Writer) (string, error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return bufio.NewReader(in).ReadString('\n')
	}
	fmt.Fprint(prompt, "Password (at least 8 characters, not shown): ")
	line, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(prompt)
	return string(line), err
}
