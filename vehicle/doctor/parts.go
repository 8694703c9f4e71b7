package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"alpr"
	"alpr/audit"
	"alpr/camera"
	"alpr/console"
	"alpr/detect"
	"alpr/gps"
	"alpr/hotlist"
	"alpr/internal/host"
	"alpr/models"
	"alpr/ocr"
	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/networks"
	"alpr/vehicle/sight"
)

// How long the doctor waits for a part to show signs of life.
const (
	cameraWithin = 10 * time.Second
	gpsWithin    = 15 * time.Second       // the baud rate is found out meanwhile
	slowPicture  = 150 * time.Millisecond // over it, a moving car is seen too seldom
	diskLow      = 2 << 30                // bytes
	slowSync     = 250 * time.Millisecond // over it, the card is worn or a poor one
	hot          = 80.0                   // degrees Celsius
	clockOff     = 2 * time.Second
)

// checkNetworks opens the networks and times them on an empty picture.
func checkNetworks(m vehicle.ModelsConfig) finding {
	const part = "networks"
	n, err := networks.Open(m.Networks(), detect.Options{}, ocr.Options{})
	if err != nil {
		return failure(part, "%v", err)
	}
	defer n.Close()
	f := &alpr.Frame{Camera: "doctor", Seq: 1, Width: 1920, Height: 1080, Pix: make([]byte, 3*1920*1080)}
	var took time.Duration
	for range 3 { // the first also sets memory up
		start := time.Now()
		if _, err := n.Detector.Detect(f); err != nil {
			return failure(part, "the detector does not run: %v", err)
		}
		took = time.Since(start)
	}
	text := fmt.Sprintf("%s and %s; %d ms to search a 1920x1080 picture on %s; %s",
		n.Detector.Version(), n.Recogniser.Version(), took.Milliseconds(), models.ThisProcessor(), strings.Join(n.Paths(), ", "))
	if err := errors.Join(n.Models.Refused...); err != nil {
		return warning(part, "%s: not computed as they were made to, another way was taken: %v: report this processor", text, err)
	}
	if took > slowPicture {
		return warning(part, "%s: slow for a moving car: raise models.threads, or give this computer less else to do", text)
	}
	return okay(part, "%s", text)
}

var errFirstFrame = errors.New("the first frame has come")

// checkCamera waits for one frame, judges it, and keeps it where asked to.
func checkCamera(ctx context.Context, c vehicle.CameraConfig, keepIn string, log *slog.Logger) finding {
	name := c.Name
	if name == "" {
		name = camera.NameOf(c.Location)
	}
	part := "camera " + name
	if strings.HasPrefix(c.Location, "/dev/") {
		if _, err := os.Stat(c.Location); err != nil { // a camera is waited for, a device that is not there need not be
			return failure(part, "%v: check the cable, and which devices there are with v4l2-ctl --list-devices", err)
		}
	}
	src, err := camera.New(c.Camera(time.Now(), nil), log)
	if err != nil {
		return failure(part, "%v", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cameraWithin, context.DeadlineExceeded)
	defer cancel()
	ctx, got := context.WithCancelCause(ctx)
	start := time.Now()
	var first *alpr.Frame
	var took time.Duration
	err = src.Run(ctx, func(f *alpr.Frame) {
		if first == nil {
			first, took = f, time.Since(start)
			got(errFirstFrame)
		}
	})
	switch {
	case first != nil:
		return judge(part, name, first, took, keepIn)
	case src.State().LastError != "":
		return failure(part, "%s: no picture in %s: %s", camera.Shown(c.Location), cameraWithin, src.State().LastError)
	case err != nil && ctx.Err() == nil:
		return failure(part, "%v", err)
	}
	return failure(part, "%s: no picture in %s: check cable, power and address, and that no other program uses it", camera.Shown(c.Location), cameraWithin)
}

// judge says what a camera's first picture is like.
func judge(part, name string, f *alpr.Frame, took time.Duration, keepIn string) finding {
	text := fmt.Sprintf("%dx%d, the first picture after %d ms", f.Width, f.Height, took.Milliseconds())
	if keepIn != "" {
		path, err := savePicture(keepIn, name, f)
		if err != nil {
			return failure(part, "%v", err)
		}
		text += ", kept as " + path
	}
	if fault, why := sight.Inspect(f).Verdict(); fault != sight.Sound {
		return warning(part, "%s: %s", text, why)
	}
	return okay(part, "%s", text)
}

// checkTemperature reads the board's sensors, where it has any.
func checkTemperature() []finding {
	const part = "temperature"
	hottest := host.Temperature("/sys")
	switch {
	case hottest == 0:
		return nil
	case hottest >= hot:
		return []finding{warning(part, "%.0f °C: boards slow down from about 80 °C: more air, less sun", hottest)}
	}
	return []finding{okay(part, "%.0f °C", hottest)}
}

// checkPosition listens to the receiver, and compares the clock with it.
func checkPosition(ctx context.Context, g vehicle.GPSConfig, log *slog.Logger) []finding {
	switch {
	case g.IsFixed():
		return []finding{okay("gps", "fixed at %.6f, %.6f, as configured", g.Fixed.Lat, g.Fixed.Lon), checkClock(gps.State{})}
	case g.Device == "":
		return []finding{warning("gps", "none is configured: reads carry no position. Set gps.device"), checkClock(gps.State{})}
	}
	r, err := g.Receiver(log)
	if err != nil {
		return []finding{failure("gps", "%v", err), checkClock(gps.State{})}
	}
	ctx, cancel := context.WithTimeout(ctx, gpsWithin)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	s := r.State()
	for ctx.Err() == nil && !(s.HasFix && s.IsClockSeen) && (s.Trouble == "" || s.Connects > 0) {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s = r.State()
		}
	}
	cancel()
	<-ended
	return []finding{positionFinding(g, s), checkClock(s)}
}

func positionFinding(g vehicle.GPSConfig, s gps.State) finding {
	const part = "gps"
	switch {
	case s.HasFix:
		return okay(part, "%s: fix with %d satellites, HDOP %.1f", g.Device, s.LastFix.Satellites, s.LastFix.HDOP)
	case s.Sentences > 0 && s.Trouble != "":
		return failure(part, "%s: %s", g.Device, s.Trouble)
	case s.Sentences > 0:
		return warning(part, "%s: %d sentences and no fix yet: give the antenna a free view of the sky; a cold start takes minutes", g.Device, s.Sentences)
	case s.Garbled > 0:
		return failure(part, "%s: %d lines, none of them NMEA: is gps.baud %d right? Many receivers use 4800, 9600 or 115200; 0 has it found out", g.Device, s.Garbled, g.Baud)
	case s.Trouble != "":
		return failure(part, "%s", s.Trouble)
	}
	return failure(part, "%s: nothing in %s: check cable and gps.baud", g.Device, gpsWithin)
}

// checkClock holds the system clock against satellite time, or asks the kernel
// whether it is synchronised.
func checkClock(s gps.State) finding {
	const part = "clock"
	if s.IsClockSeen {
		if off := s.ClockOffset.Abs(); off > clockOff {
			return failure(part, "%s off satellite time: synchronise it (chrony with gpsd, or a time server)", off.Round(100*time.Millisecond))
		}
		return okay(part, "within %s of satellite time", s.ClockOffset.Abs().Round(100*time.Millisecond))
	}
	if !host.IsClockSynchronised() {
		return warning(part, "%s, checked against nothing: connect a GPS, or switch time synchronisation on (timedatectl set-ntp true)", time.Now().UTC().Format(time.RFC3339))
	}
	return okay(part, "synchronised by the system")
}

// checkDisk sees whether the data folder can be written, and how full it is.
func checkDisk(dir string) finding {
	const part = "disk"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failure(part, "%v: set data_dir to a folder that can be written", err)
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return failure(part, "%v: set data_dir to a folder that this user can write", err)
	}
	start := time.Now()
	_, err = f.Write([]byte("alpr"))
	err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	if err != nil {
		return failure(part, "%v: free some room, or replace the disk", err)
	}
	synced := time.Since(start)
	free := host.FreeBytes(dir)
	text := fmt.Sprintf("%s: %.1f GB free, %d ms to be safe on it", dir, float64(free)/1e9, synced.Milliseconds())
	switch {
	case free < vehicle.LowDisk:
		return failure(part, "%s: free some, or shorten the policy's retention", text)
	case free < diskLow:
		return warning(part, "%s: free some before it is full: a full disk records nothing", text)
	case synced > slowSync:
		return warning(part, "%s: slow: is the card worn, or not made for writing all day?", text)
	}
	return okay(part, "%s", text)
}

// checkStore opens the store, and looks at what waits in it and at the lists.
func checkStore(ctx context.Context, cfg *vehicle.Config, log *slog.Logger) (found []finding) {
	if _, err := os.Lstat(cfg.StoreOptions().Path); errors.Is(err, os.ErrNotExist) {
		if _, err := os.Lstat(cfg.StoreOptions().Path + ".lock"); err == nil {
			return []finding{failure("store", "%s is GONE though a store was here: put it back; alpr run begins a fresh one, without hotlists and log", cfg.StoreOptions().Path)}
		}
		return []finding{okay("store", "%s: none yet, the first run makes it", cfg.StoreOptions().Path),
			failure("hotlist", "none: `alpr hotlist import` brings one in; without it nothing can alert")}
	}
	s, err := store.Open(ctx, cfg.StoreOptions(), log)
	if err != nil {
		return []finding{failure("store", "%v", err)}
	}
	defer func() {
		if err := s.Close(); err != nil {
			found = append(found, failure("store", "%v", err))
		}
	}()
	found = append(append(checkOutbox(ctx, s), checkAudit(ctx, s)), checkLists(ctx, s, cfg)...)
	return append(found, checkNotices(ctx, s)...)
}

// checkAudit checks the whole log, record by record.
func checkAudit(ctx context.Context, s *store.Store) finding {
	sum, err := s.AuditLog().Check(ctx, nil, nil)
	switch {
	case errors.Is(err, audit.ErrTampered):
		return failure("audit log", "%v: keep a copy of the store for who investigates, and compare with `alpr-backend audit`; recording goes on", err)
	case err != nil:
		return failure("audit log", "%v", err)
	}
	return okay("audit log", "whole: %d records", sum.Records)
}

func checkOutbox(ctx context.Context, s *store.Store) []finding {
	d, err := s.Outbox().Depth(ctx)
	if err != nil {
		return []finding{failure("store", "%v", err)}
	}
	var waiting int64
	for _, n := range d.Waiting {
		waiting += n
	}
	text := fmt.Sprintf("opens; %d records wait to be sent", waiting)
	if d.Quarantined > 0 {
		return []finding{warning("store", "%s, and the backend refused %d: ask who runs it why", text, d.Quarantined)}
	}
	if waiting > 0 && time.Since(d.OldestUnsent) > 24*time.Hour {
		return []finding{warning("store", "%s, the oldest for %s: bring the car where it has a connection", text, time.Since(d.OldestUnsent).Round(time.Hour))}
	}
	return []finding{okay("store", "%s", text)}
}

func checkLists(ctx context.Context, s *store.Store, cfg *vehicle.Config) (found []finding) {
	lists, err := s.Lists().All(ctx)
	if err != nil {
		return []finding{failure("hotlist", "%v", err)}
	}
	for _, l := range lists {
		if !l.IsActive {
			continue
		}
		age := time.Since(l.PublishedAt).Round(time.Minute)
		text := fmt.Sprintf("%s, version %s: %d entries", l.List, l.Version, l.Entries)
		limit := cfg.Hotlist.MaxAgeOf(l.List)
		switch {
		case l.PublishedAt.IsZero():
			found = append(found, warning("hotlist", "%s, published nobody knows when: import it with its time", text))
		case limit > 0 && age > limit:
			found = append(found, warning("hotlist", "%s, %s old, over its limit of %s: import a newer one", text, age, limit))
		default:
			found = append(found, okay("hotlist", "%s, %s old", text, age))
		}
	}
	found = append(found, checkLoading(ctx, s, cfg)...)
	if len(found) == 0 {
		return []finding{failure("hotlist", "none is in use: `alpr hotlist import` brings one in; without it nothing can alert")}
	}
	return found
}

// checkLoading puts the lists in use as a start would, and says what it could
// not take.
func checkLoading(ctx context.Context, s *store.Store, cfg *vehicle.Config) (found []finding) {
	matcher, err := hotlist.NewMatcher(cfg.Hotlist)
	if err != nil {
		return []finding{failure("hotlist", "%v", err)}
	}
	l := vehicle.NewLists(s, matcher, cfg.Hotlist, slog.New(slog.DiscardHandler))
	grade := warning
	if l.Load(ctx) != nil {
		grade = failure
	}
	for _, p := range l.Problems() {
		found = append(found, grade("hotlist", "%s", p))
	}
	return found
}

// checkConsole looks at the accounts, the port and the page's certificate.
func checkConsole(cfg *vehicle.Config) (found []finding) {
	users, err := console.LoadUsers(cfg.Console.UsersFile)
	switch {
	case err != nil:
		found = append(found, failure("accounts", "%v", err))
	case len(users) == 0:
		found = append(found, failure("accounts", "%s is empty, nobody can log in: `alpr user add NAME`", cfg.Console.UsersFile))
	default:
		found = append(found, okay("accounts", "%d in %s", len(users), cfg.Console.UsersFile))
	}
	ln, err := net.Listen("tcp", cfg.Console.Listen)
	if err != nil {
		found = append(found, warning("console", "%v: is alpr running already? Otherwise set console.listen to another port", err))
	} else {
		ln.Close()
		found = append(found, okay("console", "%s is free", cfg.Console.Listen))
	}
	if cfg.Console.TLSCert != "" {
		found = append(found, checkCertFile("console cert", cfg.Console.TLSCert, cfg.Console.TLSKey, time.Now()))
	}
	return found
}

// checkNotices repeats what befell the store.
func checkNotices(ctx context.Context, s *store.Store) (found []finding) {
	for _, n := range s.Notices().All() {
		found = append(found, warning("notice", "%s, %s: `alpr notices --seen` once it is dealt with", n.At.Format(time.RFC3339), n))
	}
	apart, err := s.Notices().SetApart(ctx)
	if err != nil {
		return append(found, warning("store", "%v", err))
	}
	for table, n := range apart {
		found = append(found, warning("store", "%d damaged rows of table %s are kept apart, in table quarantine", n, table))
	}
	return found
}
