package brokertest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Postgres is a running database cluster of the test's own.
type Postgres struct {
	URL string // of database "postgres"
	dir string
	bin string
	as  *syscall.Credential
}

// StartPostgres makes a cluster in a folder of the test, starts it on a free
// port of loopback and stops it when the test ends.
func StartPostgres(t testing.TB) *Postgres {
	t.Helper()
	p := &Postgres{bin: postgresBin(t), dir: filepath.Join(t.TempDir(), "pg")}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		p.becomePostgres(t)
	}
	p.run(t, "initdb", "-D", p.dir, "-U", "alpr", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	port := FreePort(t)
	p.URL = fmt.Sprintf("postgres://alpr@127.0.0.1:%d/postgres?sslmode=disable", port)
	conf := fmt.Sprintf("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 50\n", port)
	f, err := os.OpenFile(filepath.Join(p.dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(conf); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p.Start(t)
	t.Cleanup(func() { _ = p.command("pg_ctl", "-D", p.dir, "-m", "immediate", "stop").Run() }) // it may be stopped already
	return p
}

// Start starts the cluster, which must not be running.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	p.run(t, "pg_ctl", "-D", p.dir, "-w", "-l", filepath.Join(p.dir, "server.log"), "start")
}

// Crash ends the cluster at once, without a checkpoint.
func (p *Postgres) Crash(t testing.TB) {
	t.Helper()
	p.run(t, "pg_ctl", "-D", p.dir, "-m", "immediate", "stop")
}

func (p *Postgres) becomePostgres(t testing.TB) {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("find the user postgres: %v", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err1 != nil || err2 != nil {
		t.Fatalf("user postgres has ids %q and %q", u.Uid, u.Gid)
	}
	if err := os.Chown(p.dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	OpenPath(t, p.dir)
	p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = "/"
	if p.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	}
	return cmd
}

func (p *Postgres) run(t testing.TB, name string, args ...string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log") // a file, not a pipe: the server inherits it
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := p.command(name, args...)
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Run(); err != nil {
		out, _ := os.ReadFile(log)
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// postgresBin is the folder of the newest installed server, which Debian keeps
// off the path.
func postgresBin(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			t.Fatalf("these tests need Debian's package postgresql: %v", err)
		}
		return filepath.Dir(path)
	}
	return filepath.Dir(found[len(found)-1])
}
