package brokertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Config is what a test asks of its broker. The zero Config is an open broker
// without TLS, on loopback.
type Config struct {
	CA    *CA      // with one, TLS 1.3 and client certificates are required
	ACL   string   // content of the access list; "" for none
	Extra []string // further lines of mosquitto.conf
}

// Mosquitto is a running broker.
type Mosquitto struct {
	Host string // "127.0.0.1"
	Port int
	dir  string
	conf string

	mu  sync.Mutex
	cmd *exec.Cmd
}

// StartMosquitto starts a broker and stops it when the test ends. Its messages
// persist in the test's folder, so that Kill and Start keep them.
func StartMosquitto(t testing.TB, c Config) *Mosquitto {
	t.Helper()
	if _, err := exec.LookPath("mosquitto"); err != nil {
		t.Fatalf("these tests need Debian's package mosquitto: %v", err)
	}
	m := &Mosquitto{Host: "127.0.0.1", Port: FreePort(t), dir: t.TempDir()}
	lines := []string{
		fmt.Sprintf("listener %d 127.0.0.1", m.Port),
		"persistence true", "persistence_location " + m.dir + "/", "autosave_interval 1", "autosave_on_changes false",
		"log_dest file " + filepath.Join(m.dir, "log"), "log_type error", "log_type warning", "log_type notice", "connection_messages true",
		"max_queued_messages 100000", "max_inflight_messages 2000", "max_connections -1", "set_tcp_nodelay true",
	}
	if c.CA == nil {
		lines = append(lines, "allow_anonymous true")
	} else {
		cert, key := c.CA.Issue(t, "localhost", time.Now().Add(24*time.Hour))
		for _, f := range []*string{&cert, &key} {
			*f = m.own(t, *f)
		}
		lines = append(lines, "allow_anonymous false", "cafile "+m.own(t, c.CA.File), "certfile "+cert, "keyfile "+key,
			"require_certificate true", "use_identity_as_username true", "tls_version tlsv1.3")
	}
	if c.ACL != "" {
		lines = append(lines, "acl_file "+m.write(t, "acl", c.ACL))
	}
	m.conf = m.write(t, "mosquitto.conf", strings.Join(append(lines, c.Extra...), "\n")+"\n")
	m.giveAway(t)
	m.Start(t)
	t.Cleanup(m.Kill)
	return m
}

// Address is host:port.
func (m *Mosquitto) Address() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// URL is the address as a client's configuration takes it: "tcp" or "tls" and
// host:port.
func (m *Mosquitto) URL(scheme string) string { return scheme + "://" + m.Address() }

// Start starts the broker, which must not be running, and waits until it
// listens.
func (m *Mosquitto) Start(t testing.TB) {
	t.Helper()
	m.mu.Lock()
	m.cmd = exec.Command("mosquitto", "-c", m.conf)
	err := m.cmd.Start()
	m.mu.Unlock()
	if err != nil {
		t.Fatalf("start mosquitto: %v", err)
	}
	for range 200 {
		c, err := net.Dial("tcp", m.Address())
		if err == nil {
			c.Close()
			return
		}
		<-time.After(25 * time.Millisecond)
	}
	t.Fatalf("mosquitto does not listen on %s:\n%s", m.Address(), m.Log())
}

// Save writes what the broker holds to its disk now, and waits until it is there.
func (m *Mosquitto) Save(t testing.TB) {
	t.Helper()
	path := filepath.Join(m.dir, "mosquitto.db")
	stamp := func() (at time.Time) {
		if info, err := os.Stat(path); err == nil {
			at = info.ModTime()
		}
		return at
	}
	before := stamp()
	m.mu.Lock()
	err := m.cmd.Process.Signal(syscall.SIGUSR1)
	m.mu.Unlock()
	if err != nil {
		t.Fatalf("have mosquitto save: %v", err)
	}
	Until(t, "mosquitto's file", func() bool { return stamp().After(before) })
}

// Kill ends the broker at once (SIGKILL), as a power cut would.
func (m *Mosquitto) Kill() { m.end((*os.Process).Kill) }

// Stop ends the broker in order: it saves what it holds.
func (m *Mosquitto) Stop() { m.end(func(p *os.Process) error { return p.Signal(os.Interrupt) }) }

func (m *Mosquitto) end(how func(*os.Process) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return
	}
	if how(m.cmd.Process) == nil {
		_ = m.cmd.Wait() // says only that it was ended
	}
	m.cmd = nil
}

// Log is what the broker has logged.
func (m *Mosquitto) Log() string {
	b, err := os.ReadFile(filepath.Join(m.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (m *Mosquitto) write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (m *Mosquitto) own(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return m.write(t, filepath.Base(file), string(b))
}

// giveAway lets the user mosquitto, to which a broker started by root changes,
// reach and write its folder.
func (m *Mosquitto) giveAway(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	u, err := user.Lookup("mosquitto")
	if err != nil {
		t.Fatalf("find the user mosquitto: %v", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err1 != nil || err2 != nil {
		t.Fatalf("user mosquitto has ids %q and %q", u.Uid, u.Gid)
	}
	if err := filepath.WalkDir(m.dir, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(p, uid, gid)
	}); err != nil {
		t.Fatal(err)
	}
	OpenPath(t, m.dir)
}

// OpenPath lets other users pass through the folders above dir that belong to
// the test.
func OpenPath(t testing.TB, dir string) {
	t.Helper()
	for d := filepath.Dir(dir); strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// FreePort is a TCP port on loopback that nothing listened on a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
