package doctor

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"alpr"
	"alpr/gps"
	"alpr/retention"
	"alpr/store"
	"alpr/sync/uplink"
	"alpr/vehicle"
	"alpr/vehicle/vehicletest"
)

// authority signs the certificates of a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	_, a.key, _ = ed25519.GenerateKey(rand.Reader)
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	a.write("ca.pem", "CERTIFICATE", a.sign(a.cert, a.key))
	return a
}

func (a *authority) sign(c *x509.Certificate, key ed25519.PrivateKey) []byte {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue writes a certificate and key that end after left.
func (a *authority) issue(name string, left time.Duration) (certFile, keyFile string) {
	a.t.Helper()
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(left)}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", a.sign(c, key)), a.write(name+".key", "PRIVATE KEY", der)
}

// serve takes TLS connections and says nothing, as a broker does before CONNECT.
func (a *authority) serve(left time.Duration, wants tls.ClientAuthType) string {
	a.t.Helper()
	certFile, keyFile := a.issue("broker", left)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(a.dir, "ca.pem"))
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		a.t.Fatal("no authority", err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: wants})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 1))
			}()
		}
	}()
	return "tls://" + ln.Addr().String()
}

func TestDoctorOnTheWayToTheBroker(t *testing.T) {
	year := 365 * 24 * time.Hour
	tests := []struct {
		name            string
		vehicle, broker time.Duration // left of their certificates
		foreign         bool          // the vehicle's is signed by somebody else
		want            []string      // per finding, in order
	}{
		{"well", year, year, false, []string{"ok vehicle cert good for 364 days", "ok broker TLS 1.3"}},
		{"soon", 9*24*time.Hour + time.Hour, year, false, []string{"warn vehicle cert expires in 9 days", "ok broker"}},
		{"vehicle's expired", -time.Hour, year, false, []string{"FAIL vehicle cert expired on", "FAIL broker certificate"}},
		{"broker's expired", year, -time.Hour, false, []string{"ok vehicle cert", "FAIL broker check uplink.ca_file"}},
		{"of another authority", year, year, true, []string{"ok vehicle cert", "FAIL broker does not take this vehicle's certificate"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAuthority(t)
			url := a.serve(tt.broker, tls.RequireAndVerifyClientCert)
			signer := a
			if tt.foreign {
				signer = newAuthority(t)
			}
			c := uplink.Config{Broker: url, CAFile: filepath.Join(a.dir, "ca.pem")}
			c.CertFile, c.KeyFile = signer.issue("vehicle", tt.vehicle)
			expect(t, checkBroker(context.Background(), c), tt.want)
		})
	}
}

func TestDoctorWithoutABroker(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	expect(t, checkBroker(context.Background(), uplink.Config{Broker: "tcp://" + addr}), []string{"ok broker without TLS"})
	ln.Close()
	expect(t, checkBroker(context.Background(), uplink.Config{Broker: "tcp://" + addr}), []string{"FAIL broker records wait in the car"})
	expect(t, checkBroker(context.Background(), uplink.Config{}), []string{"warn broker uplink.broker"})
	expect(t, checkBroker(context.Background(), uplink.Config{Broker: "tls://" + addr, CAFile: "none.pem", CertFile: "none.pem", KeyFile: "none.key"}),
		[]string{"FAIL vehicle cert none.pem", "FAIL broker uplink.ca_file"})
}

// TestDoctorFollowsAReceiverOnTheNetwork has a router that sends NMEA over TCP:
// GGA alone, with the time of day of this computer.
func TestDoctorFollowsAReceiverOnTheNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ; err == nil; <-tick.C {
			body := fmt.Sprintf("GNGGA,%s,2730.0000,N,08230.0000,W,1,09,0.9,12.5,M,,M,,", time.Now().UTC().Format("150405.00"))
			var sum byte
			for i := range len(body) {
				sum ^= body[i]
			}
			_, err = fmt.Fprintf(c, "$%s*%02X\r\n", body, sum)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // no date: it listens to the end for one that checks the clock
	defer cancel()
	g := vehicle.GPSConfig{Device: "tcp://" + l.Addr().String()}
	expect(t, checkPosition(ctx, g, slog.New(slog.DiscardHandler))[:1], []string{"ok gps 9 satellites"})
}

func TestDoctorOnPositions(t *testing.T) {
	g := vehicle.GPSConfig{Device: "/dev/ttyUSB0", Baud: 9600}
	for want, s := range map[string]gps.State{
		"ok gps 9 satellites":  {HasFix: true, LastFix: alpr.Fix{Satellites: 9, HDOP: 1.1}, Sentences: 12},
		"warn gps no fix yet":  {Sentences: 12},
		"FAIL gps switch RMC":  {Sentences: 15, Undated: 15, Trouble: "it has a fix but sends no date: switch RMC on"},
		"FAIL gps gps.baud":    {Garbled: 40},
		"FAIL gps unplugged":   {Trouble: "unplugged"},
		"FAIL gps check cable": {},
	} {
		expect(t, []finding{positionFinding(g, s)}, []string{want})
	}
	expect(t, []finding{checkClock(gps.State{IsClockSeen: true, ClockOffset: -time.Hour})}, []string{"FAIL clock 1h0m0s off"})
	expect(t, []finding{checkClock(gps.State{IsClockSeen: true, ClockOffset: 80 * time.Millisecond})}, []string{"ok clock satellite time"})
	fixed := vehicle.GPSConfig{Fixed: vehicle.FixedConfig{Lat: 27.5, Lon: -82.5}}
	expect(t, checkPosition(context.Background(), fixed, slog.New(slog.DiscardHandler))[:1], []string{"ok gps fixed at 27.500000, -82.500000"})
	missing := vehicle.GPSConfig{Device: filepath.Join(t.TempDir(), "ttyUSB9"), Baud: 9600}
	if f := checkPosition(context.Background(), missing, slog.New(slog.DiscardHandler))[0]; f.grade != fails || !strings.Contains(f.text, "ttyUSB9") {
		t.Errorf("a missing receiver: %v %s", f.grade, f.text)
	}
}

func TestDoctorOnCamerasDiskAndAccounts(t *testing.T) {
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	gone := vehicle.CameraConfig{Name: "front", Location: filepath.Join(dir, "none.mp4")}
	expect(t, []finding{checkCamera(context.Background(), gone, "", quiet)}, []string{"FAIL camera front none.mp4"})
	scene := vehicle.CameraConfig{Location: filepath.Join("..", "..", "demo", "still.jpg")}
	expect(t, []finding{checkCamera(context.Background(), scene, filepath.Join(dir, "seen"), quiet)}, []string{"ok camera still.jpg kept as"})

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := checkDisk(filepath.Join(dir, "data")); f.grade == fails && !strings.Contains(f.text, "free some") {
		t.Errorf("a good folder: %s", f.text)
	}
	expect(t, []finding{checkDisk(file)}, []string{"FAIL disk set data_dir"})

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cfg := vehicle.DefaultConfig()
	cfg.Console.UsersFile, cfg.Console.Listen = filepath.Join(dir, "users"), ln.Addr().String()
	expect(t, checkConsole(&cfg), []string{"FAIL accounts alpr user add", "warn console is alpr running already?"})
}

func TestDoctorStopsAtABadConfiguration(t *testing.T) {
	var out strings.Builder
	err := Run(context.Background(), filepath.Join(t.TempDir(), "alpr.yaml"), &out, Options{})
	if err == nil || !strings.HasPrefix(out.String(), "FAIL  configuration") || !strings.Contains(out.String(), "alpr config example") {
		t.Errorf("%v, printed %q", err, out.String())
	}
}

// expect holds findings against "grade part words": all of it must be there.
func expect(t *testing.T, found []finding, want []string) {
	t.Helper()
	if len(found) != len(want) {
		t.Fatalf("%d findings, want %d: %v", len(found), len(want), found)
	}
	for i, f := range found {
		grade, rest, _ := strings.Cut(want[i], " ")
		words := strings.TrimSpace(strings.TrimPrefix(rest, f.part))
		if f.grade.String() != grade || !strings.HasPrefix(rest, f.part) || !strings.Contains(f.text, words) {
			t.Errorf("got %s %s: %s\nwant %s", f.grade, f.part, f.text, want[i])
		}
		if strings.ContainsAny(f.text, "\n") {
			t.Errorf("%s: more than one line: %q", f.part, f.text)
		}
	}
}

// TestNoSecretIsShown: whatever is wrong with a camera, neither user nor password
// is printed.
func TestNoSecretIsShown(t *testing.T) {
	const secret = "Zq9plain"
	for name, location := range vehicletest.SecretLocations(secret) {
		ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
		found := checkCamera(ctx, vehicle.CameraConfig{Location: location}, "", slog.New(slog.DiscardHandler))
		stop()
		if found.grade != fails || strings.Contains(found.part+found.text, secret) || strings.Contains(found.part+found.text, "admin") {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestExposedFilesAndWhatIsNoFile: both are said; neither is opened.
func TestExposedFilesAndWhatIsNoFile(t *testing.T) {
	cfg := vehicle.DefaultConfig()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(cfg.DataDir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cfg.DataDir, 0o777); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Console.UsersFile, cfg.Console.TLSKey = fifo, fifo
	expect(t, checkFiles(&cfg), []string{"warn files the data folder", "FAIL files a FIFO", "FAIL files a FIFO"})
}

// TestAnEntryThatNoListCanHoldIsNamed: the doctor puts the lists in use as a start does.
func TestAnEntryThatNoListCanHoldIsNamed(t *testing.T) {
	profiles, err := retention.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	cfg := vehicle.DefaultConfig()
	cfg.Agency, cfg.DataDir, cfg.Policy = "test", t.TempDir(), profiles["default"]
	s, err := store.Open(t.Context(), cfg.StoreOptions(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	huge := alpr.Entry{ID: "huge", Plate: "ABC999", Reason: "x", CaseNumber: strings.Repeat("1", 1<<20), Expires: time.Now().Add(time.Hour)}
	if err := s.Manual().Add(t.Context(), store.Access{Officer: "1", Purpose: "test"}, huge); err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, f := range checkLists(t.Context(), s, &cfg) {
		found += f.grade.String() + " " + f.text + "\n"
	}
	vehicletest.MustContain(t, found, `warn an entry made in this car does not alert: entry "huge"`)
}
