package torture

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	officerName = "4711"
	password    = "correct horse"
	startWithin = 30 * time.Second // until the page answers; a busy machine compiles beside it
	endWithin   = 30 * time.Second
)

// vehicle is a car's folder and the program that runs in it.
type vehicle struct {
	rig     *rig
	name    string
	dir     string // configuration, log; the store is in data below it
	config  string
	running *program // nil: stopped

	retention string // rules of the policy that the configuration tightens
	wounds    int    // of its records: what was on record is not asked for any more
}

const vehicleConfig = `
agency: %s
vehicle: %s
cameras:
  - {name: front, location: "%s"}
  - {name: rear, location: "%s"}
gps: {device: %s}
models: {dir: %s, library: %s}
pipeline: {merge_within: 4s} # cars come by again sooner than on a road
hotlist: {cool_down: 5s}
policy: {profile: default%s}
console: {listen: "%s", lock_after: 0s, tls_cert: %s, tls_key: %s}
uplink: # as impatient as a minute's test needs it
  {broker: "%s", receipt_timeout: 3s, ack_timeout: 5s, reconnect_min: 100ms, reconnect_max: 1s, health_every: 1s, live_window: 5s,
   trusted_keys: ["%s"]}
log: {format: json}
`

// newVehicle sets a car up as a technician does: configuration, an account, the
// list, and a first start.
func newVehicle(ctx context.Context, r *rig, name string) (*vehicle, error) {
	v := &vehicle{rig: r, name: name, dir: filepath.Join(r.disk.dir, name)}
	v.config = filepath.Join(v.dir, "alpr.yaml")
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the car's folder: %w", err)
	}
	if err := v.configure(); err != nil {
		return nil, err
	}
	for _, name := range []string{officerName, colleague} {
		if err := v.must(ctx, "user", "add", name); err != nil {
			return nil, err
		}
	}
	if err := v.importList(ctx); err != nil {
		return nil, err
	}
	return v, v.start(ctx)
}

// configure writes the configuration.
func (v *vehicle) configure() error {
	r := v.rig
	text := fmt.Sprintf(vehicleConfig, agencyName, v.name, r.cameras[0].url, r.cameras[1].url, r.receiver.link,
		filepath.Join(r.root, "models"), r.library, v.retention, r.officer.listen, r.cert, r.key, r.agency.proxy.URL("tcp"), r.agency.trusted)
	if err := os.WriteFile(v.config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// importList gives the car the list of all cars that pass.
func (v *vehicle) importList(ctx context.Context) error {
	text := "plate,state,reason,category\n"
	for _, c := range v.rig.cars {
		text += c.Plate + "," + c.State + ",stolen,stolen vehicle\n"
	}
	path := filepath.Join(v.dir, "wanted.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	return v.must(ctx, "hotlist", "import", path, "--officer", officerName, "--purpose", "test")
}

// alpr runs one of the program's other commands.
func (v *vehicle) alpr(ctx context.Context, args ...string) (result, error) {
	return command(ctx, password+"\n", v.rig.alpr, append(args, "--config", v.config)...)
}

// must is alpr for a command that must succeed.
func (v *vehicle) must(ctx context.Context, args ...string) error {
	got, err := v.alpr(ctx, args...)
	if err == nil && got.code != 0 {
		err = fmt.Errorf("expected alpr %s to succeed, got exit code %d: %s", strings.Join(args, " "), got.code, got.errs)
	}
	return err
}

// store is the file of the records.
func (v *vehicle) store() string { return filepath.Join(v.dir, "data", "alpr.db") }

// start starts the program and waits until the officer is logged in. A start is
// never refused.
func (v *vehicle) start(ctx context.Context) (err error) {
	v.rig.figures.starts++
	defer func() {
		if err != nil {
			v.rig.figures.refused++
		}
	}()
	begun := time.Now()
	v.running, err = startProgram(filepath.Join(v.dir, "log"), v.rig.disk.env(), v.rig.alpr, "run", "--config", v.config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, startWithin)
	defer stop()
	for {
		err := v.rig.officer.login(ctx)
		if err == nil {
			v.rig.figures.slowestStart = max(v.rig.figures.slowestStart, time.Since(begun))
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
			continue
		case <-v.running.done:
			return fmt.Errorf("expected a start that is not refused, and the program ended\n%s", v.running.words())
		case <-ctx.Done():
			return fmt.Errorf("expected a page within %s of the start: %w\n%s", startWithin, err, v.running.words())
		}
	}
}

// note takes the program's memory before it ends.
func (v *vehicle) note() {
	if v.running == nil || !v.running.isRunning() {
		return
	}
	high, threads := v.running.memory()
	v.rig.figures.highKiB = max(v.rig.figures.highKiB, high)
	v.rig.figures.threads = max(v.rig.figures.threads, threads)
}

// kill ends the program at once.
func (v *vehicle) kill() {
	if v.running == nil {
		return
	}
	v.note()
	v.rig.ledger.release()
	v.running.kill()
	v.running = nil
}

// terminate ends the program in order.
func (v *vehicle) terminate(ctx context.Context) error {
	if v.running == nil {
		return nil
	}
	v.note()
	if v.rig.isDiskBad {
		v.rig.ledger.release()
	}
	ctx, stop := context.WithTimeout(ctx, endWithin)
	defer stop()
	err := v.running.terminate(ctx)
	v.running = nil
	return err
}

// verifyAudit wants the log whole; of a wounded car it wants to be told where
// it is not.
func (v *vehicle) verifyAudit(ctx context.Context) error {
	got, err := v.alpr(ctx, "audit", "verify")
	switch {
	case err != nil:
		return err
	case got.code == 0 && strings.HasPrefix(got.out, "whole:"):
		return nil
	case v.wounds > 0 && got.code != 0 && got.errs != "":
		return nil
	}
	return fmt.Errorf("expected alpr audit verify to say that the log is whole, got exit code %d\n%s%s", got.code, got.out, got.errs)
}
