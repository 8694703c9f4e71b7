package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/sync/synctest/brokertest"
)

const (
	answerWithin = 15 * time.Second // of the page; a locked store holds one up
	cameraWithin = 30 * time.Second // until a camera that works again is seen
	alertLost    = 15 * time.Second // an alert that has not come by then is missed
	settleEvery  = 12               // steps
	maxFailures  = 10               // then the run ends
)

// wanted are the plates that pass. All of them are listed.
func wanted() []string {
	return []string{"LGM453", "2XGX230", "XYE308", "QJQL48", "USU625", "ETC9498", "JFK3865", "FAS2095", "482VSS", "XWJ1300", "FFX1442", "69F5AE", "CT5W603"}
}

// Config says how a run goes.
type Config struct {
	Root   string         // the checkout
	Dir    string         // an empty folder for everything that is written
	Seed   uint64         // decides every choice
	Time   time.Duration  // no step begins after it
	Until  time.Time      // or after this, where it is later
	Within time.Duration  // from a frame to its alert on the page
	From   int            // the first step, 1 is the first of all: earlier ones are left out
	Only   *regexp.Regexp // nil, or what the names of the faults tried must match
}

// rig is the whole: programs, actors, and what was found.
type rig struct {
	t          testing.TB
	cfg        Config
	root       string
	alpr       string
	library    string
	cert, key  string
	cars       []car
	passes     map[string][][]byte // pictures of each car's pass
	cameras    []*camera
	receiver   *receiver
	officer    *officer
	ledger     *ledger
	agency     *agency
	disk       *disk
	car        *vehicle
	carsUsed   int
	carsPassed int

	failedBefore int // checks, before the car in use

	out       *camera // has a fault
	isDiskBad bool
	figures   *figures
}

// newRig builds the programs and starts everything.
func newRig(ctx context.Context, t testing.TB, cfg Config) *rig {
	t.Helper()
	g := &rig{t: t, cfg: cfg, root: cfg.Root, alpr: filepath.Join(cfg.Dir, "alpr"), library: filepath.Join(cfg.Root, "build/lib/libonnxruntime.so.1"),
		ledger: newLedger(), figures: newFigures()}
	built := make(chan error, 1)
	go func() { built <- build(ctx, cfg) }()
	err := errors.Join(g.draw(), <-built)
	if err != nil {
		t.Fatal(err)
	}
	ca := brokertest.NewCA(t)
	g.cert, g.key = ca.Issue(t, "localhost", time.Now().Add(24*time.Hour))
	if err := os.Chmod(g.key, 0o600); err != nil {
		t.Fatal(err)
	}
	g.officer = newOfficer(t, fmt.Sprintf("127.0.0.1:%d", brokertest.FreePort(t)), ca.File, g.ledger)
	g.disk = newDisk(t, cfg.Dir)
	g.receiver = startReceiver(t, cfg.Dir)
	g.cameras = []*camera{startCamera(t, "front"), startCamera(t, "rear")}
	g.agency = startAgency(t, cfg.Dir, filepath.Join(cfg.Dir, "alpr-backend"))
	t.Cleanup(func() {
		if g.car != nil {
			g.car.kill()
		}
	})
	if err := g.replaceCar(ctx); err != nil {
		t.Fatalf("set the car up: %v", err)
	}
	return g
}

// build makes the two programs as `make build` does.
func build(ctx context.Context, cfg Config) error {
	c := exec.CommandContext(ctx, "go", "build", "-o", cfg.Dir+"/", "./cmd/alpr", "./cmd/alpr-backend")
	c.Dir = cfg.Root
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// draw makes the pictures of every pass beforehand: a car comes in from the left
// and goes on for a second and a half.
func (g *rig) draw() (err error) {
	if g.cars, err = loadCars(g.root, wanted()); err != nil {
		return err
	}
	empty := street(sceneWidth, sceneHeight)
	g.passes = map[string][][]byte{}
	for _, c := range g.cars {
		var frames [][]byte
		for i := range 4 {
			p, err := picture(empty, &c, 280+24*i)
			if err != nil {
				return err
			}
			frames = append(frames, p, p, p)
		}
		g.passes[c.Plate] = frames
	}
	return nil
}

// replaceCar puts another car in the place of the one that was hurt.
func (g *rig) replaceCar(ctx context.Context) (err error) {
	if g.car != nil {
		g.car.kill()
		if err := g.scrap(); err != nil {
			return err
		}
	}
	g.ledger.forget()
	g.receiver.unplug() // and what still is on its line
	if err := g.receiver.plug(); err != nil {
		return err
	}
	g.carsUsed++
	g.car, err = newVehicle(ctx, g, fmt.Sprintf("car-%d", g.carsUsed))
	return err
}

// scrap takes a car's folder off the small disk, which a hundred cars would fill.
// That of a car that failed is kept elsewhere.
func (g *rig) scrap() error {
	if g.figures.failures > g.failedBefore {
		g.failedBefore = g.figures.failures
		if out, err := exec.Command("cp", "-a", g.car.dir, filepath.Join(g.cfg.Dir, g.car.name+".kept")).CombinedOutput(); err != nil {
			g.t.Logf("not all of %s is kept: %v\n%s", g.car.name, err, out)
		}
	}
	if err := os.RemoveAll(g.car.dir); err != nil {
		return fmt.Errorf("take %s away: %w", g.car.name, err)
	}
	return nil
}

// run goes step by step until its time is over or too much has failed.
func (g *rig) run(ctx context.Context) {
	tables, err := tablesOf(ctx, g.car.store())
	if err != nil {
		g.t.Fatal(err)
	}
	all := slices.DeleteFunc(faults(tables), func(f fault) bool { return g.cfg.Only != nil && !g.cfg.Only.MatchString(f.String()) })
	if len(all) == 0 {
		g.t.Fatalf("no fault's name matches %s", g.cfg.Only)
	}
	d := &deck{seed: g.cfg.Seed, all: all}
	begun := time.Now()
	end := begun.Add(g.cfg.Time)
	if g.cfg.Until.After(begun) {
		end = g.cfg.Until
	}
	for n := 1; time.Now().Before(end) && g.figures.failures < maxFailures; n++ {
		r := rand.New(rand.NewPCG(g.cfg.Seed, uint64(n)))
		drawn := d.next(r)
		if n < g.cfg.From {
			continue
		}
		g.t.Logf("%6.1f s  step %d: %s", time.Since(begun).Seconds(), n, names(drawn))
		if err := g.step(ctx, n, drawn, r); err != nil {
			g.fail(n, drawn, err)
			if err := g.replaceCar(ctx); err != nil {
				g.fail(n, drawn, fmt.Errorf("a new car after the failure: %w", err))
				return
			}
		}
	}
	if g.car.running == nil {
		return
	}
	if err := g.settle(ctx); err != nil {
		g.fail(0, nil, fmt.Errorf("after the last step: %w", err))
	}
	g.car.note()
}

// fail says step, fault and expectation.
func (g *rig) fail(n int, drawn []fault, err error) {
	g.figures.failures++
	g.t.Errorf("step %d (%s) of seed %d: %v", n, names(drawn), g.cfg.Seed, err)
}

func names(drawn []fault) string {
	var all []string
	for _, f := range drawn {
		all = append(all, f.String())
	}
	return strings.Join(all, " + ")
}

// step inflicts faults, looks at what must hold, ends them, and looks again.
func (g *rig) step(ctx context.Context, n int, drawn []fault, r *rand.Rand) (err error) {
	isWounding := drawn[0].wounds
	if g.car.wounds > 0 && !isWounding {
		if err := g.replaceCar(ctx); err != nil {
			return fmt.Errorf("a new car before the step: %w", err)
		}
	}
	if isWounding || n%settleEvery == 0 {
		if err := g.settle(ctx); err != nil {
			return fmt.Errorf("before the step: %w", err)
		}
	}
	if isWounding {
		g.car.wounds++
		g.ledger.forget()
	}
	if err := g.suffer(ctx, drawn, r); err != nil {
		return err
	}
	begun := time.Now()
	if err := g.car.verifyAudit(ctx); err != nil {
		return err
	}
	g.slow("audit verify", begun)
	return nil
}

// suffer is the part of a step in which the faults last.
func (g *rig) suffer(ctx context.Context, drawn []fault, r *rand.Rand) (err error) {
	for _, f := range drawn {
		g.figures.tried[f.String()]++
		begun := time.Now()
		end, failed := f.apply(ctx, g, r)
		g.slow("inflicting it", begun)
		if end != nil {
			defer func() {
				begun := time.Now()
				if ended := end(ctx); ended != nil {
					err = errors.Join(err, fmt.Errorf("after %s: %w", f, ended))
				}
				g.slow("ending it", begun)
			}()
		}
		if failed != nil {
			return fmt.Errorf("%s: %w", f, failed)
		}
	}
	defer g.slow("the checks", time.Now())
	return g.check(ctx, r)
}

// slow says where the time of a long step goes.
func (g *rig) slow(what string, begun time.Time) {
	if took := time.Since(begun); took > 5*time.Second {
		g.t.Logf("  %s took %.1f s", what, took.Seconds())
	}
}

// check lets a listed car pass and asks the page.
func (g *rig) check(ctx context.Context, r *rand.Rand) error {
	var err error
	isListed := !g.isListGone()
	if isListed {
		err = g.pass(ctx, r)
		isListed = err == nil || !g.isListGone()
	}
	if !isListed { // and the program says so: a technician imports it again
		g.figures.relisted++
		if err := g.car.importList(ctx); err != nil {
			return err
		}
		if err := pause(ctx, 3*time.Second); err != nil { // the program looks every other second
			return err
		}
		err = g.pass(ctx, r)
	}
	if err != nil {
		return err
	}
	if !g.car.running.isRunning() {
		return fmt.Errorf("expected the program to go on, and it ended\n%s", g.car.running.words())
	}
	return g.officer.checkPage(ctx, g.isDiskBad)
}

// pass lets the next car drive by a camera that works, and waits for its alert.
func (g *rig) pass(ctx context.Context, r *rand.Rand) error {
	c := g.cameras[r.IntN(len(g.cameras))]
	if c == g.out {
		c = g.cameras[(slices.Index(g.cameras, c)+1)%len(g.cameras)]
	}
	if err := g.ready(ctx, c); err != nil {
		return err
	}
	next := g.cars[g.carsPassed%len(g.cars)]
	g.carsPassed++
	ctx, stop := g.car.running.while(ctx, alertLost)
	defer stop()
	frames := g.passes[next.Plate]
	for range int(g.cfg.Within.Seconds() * framesPerSecond) { // it stays until it is late, or alerted
		frames = append(frames[:len(frames):len(frames)], frames[len(frames)-1])
	}
	began, err := c.pass(ctx, frames)
	if err != nil {
		return fmt.Errorf("let a car pass: %w", err)
	}
	g.figures.expected++
	got, ok := g.ledger.await(ctx, next.Plate, began)
	if !ok {
		if !g.isListGone() {
			g.figures.missed++
		}
		return fmt.Errorf("expected an alert of %s, listed and driven past camera %s, on the page, and none came in %s; %s\n%s",
			next.Plate, c.name, time.Since(began).Round(time.Second), g.ledger.words(), g.car.running.words())
	}
	c.leave()
	took := got.at.Sub(began)
	g.figures.took = append(g.figures.took, took)
	if took > g.cfg.Within {
		g.figures.late++
		return fmt.Errorf("expected the alert of %s within %s of its first frame, it took %s", next.Plate, g.cfg.Within, took)
	}
	if r.IntN(2) == 0 {
		return g.dispose(ctx, got)
	}
	return nil
}

// isListGone says whether damage on purpose has taken the list, and the program
// says in its log that something is damaged and on the page that a list is not well.
func (g *rig) isListGone() bool {
	return g.car.wounds > 0 && g.car.running.saysDamage() && g.ledger.saysOfLists()
}

// dispose says of an alert that it was right, as the officer does. Where the
// plate was read anew meanwhile, the page asks him to look again: he does not.
func (g *rig) dispose(ctx context.Context, a alert) error {
	code, body, err := g.officer.ask(ctx, g.officer.session(), "POST", "/api/hits/"+a.id.String()+"/disposition",
		map[string]string{"Read": a.read, "Verdict": string(alpr.VerdictConfirmed), "Note": "torture"})
	switch {
	case err != nil:
		return fmt.Errorf("expected an answer to a disposition: %w", err)
	case code == http.StatusOK:
		g.ledger.acknowledge(a.id)
		return nil
	case code == http.StatusAccepted:
		g.figures.waited++
		g.ledger.promise(a.id)
		return nil
	case code == http.StatusConflict, code == http.StatusServiceUnavailable && (g.isDiskBad || g.car.wounds > 0):
		return nil
	}
	return fmt.Errorf("expected a disposition to be taken, got %d %.300s", code, body)
}

// within waits until something holds.
func (g *rig) within(ctx context.Context, d time.Duration, what string, holds func(context.Context) bool) error {
	ctx, stop := context.WithTimeout(ctx, d)
	defer stop()
	for !holds(ctx) {
		if pause(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("expected %s within %s", what, d)
		}
	}
	return nil
}

// tablesOf are the tables of a store.
func tablesOf(ctx context.Context, path string) ([]string, error) {
	db, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list the store's tables: %w", err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list the store's tables: %w", err)
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}
