package vehicle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"

	"alpr"
	"alpr/camera"
	"alpr/console"
	"alpr/detect"
	"alpr/gps"
	"alpr/hotlist"
	"alpr/internal/contain"
	"alpr/internal/logkey"
	"alpr/internal/regular"
	"alpr/ocr"
	"alpr/pipeline"
	"alpr/retention"
	"alpr/sound"
	"alpr/store"
	"alpr/sync/uplink"
	"alpr/vehicle/metrics"
	"alpr/vehicle/networks"
)

// Vehicle is everything that runs in one car, wired together. New opens it, Run
// runs it once, Close releases it.
type Vehicle struct {
	cfg     Config
	version string
	log     *slog.Logger
	guard   *contain.Guard // counts what the program broke at

	keeper   *keeper
	networks *networks.Renewable
	store    *store.Store
	matcher  *hotlist.Matcher
	lists    *Lists
	cameras  []*tap
	receiver *gps.Receiver // nil: no receiver is configured
	locator  pipeline.Locator
	pipeline *pipeline.Pipeline
	uplink   *uplink.Uplink // nil: no broker is configured
	console  *console.Console
	hits     *openHits
	speaker  *sound.Speaker

	readsOnRecord atomic.Int64

	volatile string   // a folder in memory in which the store is, because its own cannot be used; else ""
	troubles []string // what did not work at the start, a sentence each

	reload   *Reload                // nil: the configuration is read at the start alone
	unloaded atomic.Pointer[string] // what of the configuration's file is not in force; nil: nothing

	isDemo       bool // somebody sits before it: a part that ends is said by the end of the program
	isWhole      bool // every camera is a recording: no frame may be dropped
	onSourcesEnd func(context.Context, *Vehicle) error
}

// Options are what a configuration cannot name. The zero value runs what is
// configured.
type Options struct {
	Version string           // of the program, for records
	Sources []Source         // instead of the configured cameras
	Locator pipeline.Locator // instead of the configured receiver
	IsDemo  bool             // the console knows the account demo
	Reload  *Reload          // takes over a changed configuration; nil: never

	// OnSourcesEnd is called when every camera's recording has ended and all reads
	// are recorded; the vehicle stops when it returns.
	OnSourcesEnd func(context.Context, *Vehicle) error
}

// New builds everything and starts nothing. What fails names its part.
func New(ctx context.Context, cfg Config, o Options, log *slog.Logger) (v *Vehicle, err error) {
	v = &Vehicle{cfg: cfg, version: o.Version, log: log, guard: contain.New(log), onSourcesEnd: o.OnSourcesEnd, isDemo: o.IsDemo, reload: o.Reload}
	v.keeper = newKeeper(v.guard, log)
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
			v = nil
		}
	}()
	v.networks, err = networks.OpenRenewable(func() (*networks.Networks, error) {
		return networks.Open(cfg.Models.Networks(), detect.Options{}, ocr.Options{SureFrom: networks.SureFrom})
	})
	if err != nil {
		return v, err
	}
	v.networks.Log(log)
	if err = v.openStore(ctx, o.IsDemo); err != nil {
		return v, err
	}
	if v.matcher, err = hotlist.NewMatcher(cfg.Hotlist); err != nil {
		return v, fmt.Errorf("hotlist: %w", err)
	}
	v.lists = NewLists(v.store, v.matcher, cfg.Hotlist, log)
	if err = v.addCameras(o.Sources); err != nil {
		return v, err
	}
	if cause := v.networks.Trouble(); cause != nil && (v.isDemo || v.isWhole) {
		return v, cause // a recording can be played when they are there; a road cannot
	}
	if err = v.addLocator(o.Locator); err != nil {
		return v, err
	}
	v.addUplink()
	if err = v.addConsole(o.IsDemo); err != nil {
		return v, err
	}
	return v, v.addPipeline()
}

func (v *Vehicle) addCameras(given []Source) error {
	for _, s := range given {
		v.cameras = append(v.cameras, newTap(s))
	}
	if len(given) > 0 {
		return nil
	}
	v.isWhole = true
	for _, c := range v.cfg.Cameras {
		s, err := camera.New(c.Camera(time.Now(), v.guard), v.log)
		if err != nil {
			return err
		}
		v.isWhole = v.isWhole && !c.RealTime && !s.IsLive()
		tap := newTap(s)
		if s.IsLive() {
			tap.keep = v.keeper.keep
		}
		v.cameras = append(v.cameras, tap)
	}
	return nil
}

func (v *Vehicle) addLocator(given pipeline.Locator) (err error) {
	switch {
	case given != nil:
		v.locator = given
	case v.cfg.GPS.IsFixed():
		v.locator = gps.Fixed(v.cfg.GPS.Fixed)
	case v.cfg.GPS.Device != "":
		if v.receiver, err = v.cfg.GPS.Receiver(v.log); err != nil {
			return err
		}
		v.locator = v.receiver
	default:
		v.log.Warn("no satellite receiver is configured: reads carry no position (gps.device)")
		v.locator = noPosition{}
	}
	return nil
}

func (v *Vehicle) addUplink() {
	if v.cfg.Uplink.Broker == "" {
		v.log.Warn("no backend is configured: reads and hits wait in the outbox (uplink.broker)")
		return
	}
	var err error
	scene := newScene(v.locator, v.cameras, v.cfg.Pictures)
	v.uplink, err = uplink.New(v.cfg.Uplink, v.store.Outbox(), v.log, uplink.Options{
		BootID: v.store.BootID(), Version: v.version, Auditor: v.store.AuditLog(), Hotlists: v.lists, Lists: v.lists.InUse,
		Pictures: pictures{v.store.Reads()}, Policy: v.store.Rules(), Scene: scene, Health: v.health, AuditHead: v.store.AuditLog().Head, Guard: v.guard,
	})
	if err != nil { // alerts need no backend
		v.uplink = nil
		v.trouble("there is NO connection to the backend until this is mended and alpr started anew: " + err.Error())
	}
}

func (v *Vehicle) addConsole(isDemo bool) (err error) {
	cfg := v.cfg.Console
	cfg.StateFile = filepath.Join(v.cfg.DataDir, "console.json")
	if cfg.Demo = isDemo; isDemo {
		cfg.UsersFile = "" // a known password opens no real accounts' records
	}
	v.hits = newOpenHits(v.store, v.lists, nil, v.log)
	v.hits.isBehind = func() bool { return v.pipeline.Stats().Unrecorded > 0 }
	deps := console.Deps{
		Disposer: v.hits, Recheck: v.hits.Recheck, Auditor: v.store.AuditLog(), History: v.store.Reads(), Entries: v.lists,
		Status: v.status, Verdicts: v.store.Reads().Verdicts, Guard: v.guard, Listed: v.lists.Listed, ReadsLike: v.store.Reads().Like,
		ReadsKept: func() time.Duration { return time.Duration(v.store.Rules().InForce().Retention.Reads) },
	}
	if v.speaker, err = sound.New(v.cfg.Sound, v.log); err != nil {
		return err
	}
	deps.Speaker = carSpeaker{v.speaker}
	if v.uplink != nil {
		deps.Emergency = emergency{v.uplink}
	}
	if v.console, err = console.New(cfg, deps, v.log); err != nil {
		return err
	}
	v.hits.page = v.console
	return nil
}

func (v *Vehicle) addPipeline() (err error) {
	cfg := v.cfg.Pipeline
	cfg.IsLossless, cfg.Mounts = v.isWhole, v.cfg.mounts()
	photos := v.cfg.Pictures
	if kept := v.cfg.Policy.Pictures; kept.Reads != retention.DetailContext && kept.Hits != retention.DetailContext {
		photos.ContextScale = 0
	}
	parts := pipeline.Parts{
		Detector: v.networks, Reader: v.networks, Recorder: v.store.Recorder(), Locator: v.locator,
		Serials: v.networks.Serials(), Renew: v.renewNetworks, Versions: v.networks.Versions,
		Matcher: v.matcher, Presenter: v.hits, Withdrawal: v.lists.Withdrawal, Log: v.log, Guard: v.guard,
		Photographer: camera.Photographer{
			Quality: photos.Quality, CropWidth: photos.CropWidth,
			ContextScale: photos.ContextScale, ContextWidth: photos.ContextWidth,
		},
	}
	for _, c := range v.cameras {
		parts.Sources = append(parts.Sources, c)
	}
	v.pipeline, err = pipeline.New(cfg, parts)
	return err
}

// Run runs the car until ctx ends, or until every camera's recording has. What
// was recorded and not yet sent waits in the outbox for the next start.
func (v *Vehicle) Run(ctx context.Context) (err error) {
	_ = v.lists.Load(ctx) // a list that cannot be read keeps nothing else from running; the page says it
	if err := v.hits.Load(ctx); err != nil {
		v.log.Error("open alerts of the last start are not watched over", logkey.Error, err)
	}
	for _, err := range []error{v.note(ctx, alpr.ActionStart), v.noteRules(ctx)} {
		if err != nil { // what cannot be written down keeps nothing from alerting
			v.log.Error("the start is not on record", logkey.Error, err)
		}
	}
	defer func() { err = errors.Join(err, v.note(context.WithoutCancel(ctx), alpr.ActionStop)) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for part, run := range v.lasting() {
		group.Go(func() error {
			if v.isDemo {
				return v.guard.Keep(ctx, part, run)
			}
			v.keeper.keep(ctx, part, run)
			return nil
		})
	}
	group.Go(func() error {
		defer stop()
		if err := v.pipeline.Run(ctx); err != nil || ctx.Err() != nil || v.onSourcesEnd == nil {
			return err
		}
		return v.onSourcesEnd(ctx, v)
	})
	err = group.Wait()
	v.hits.finish(context.WithoutCancel(ctx)) // the pipeline has recorded the last alerts only now
	return err
}

// lasting are the parts that run as long as the vehicle does.
func (v *Vehicle) lasting() map[string]func(context.Context) error {
	parts := map[string]func(context.Context) error{
		"store": v.store.Run, "lists": v.lists.Run, "open hits": v.hits.Run, "console": v.console.Run, "speaker": v.speaker.Run, "count of reads": v.countReads,
		"supervision": v.supervised,
	}
	if v.cfg.Metrics.Listen != "" {
		parts["metrics"] = metrics.New(v.cfg.Metrics.Listen, v.measures).Run
	}
	if !v.isWhole && !v.isDemo {
		parts["pictures"] = v.watchPictures
	}
	if v.reload != nil {
		parts["configuration"] = v.reloads
	}
	if v.networks.Trouble() != nil {
		parts["networks"] = v.openNetworksLater
	}
	if v.receiver != nil {
		parts["satellite receiver"] = v.receiver.Run
	}
	if v.uplink != nil {
		parts["uplink"] = v.uplink.Run
	}
	return parts
}

// openNetworksLater opens networks that could not be opened at the start. What was
// not seen meanwhile stands until somebody has taken note of it.
func (v *Vehicle) openNetworksLater(ctx context.Context) error {
	v.networks.Keep(ctx, v.log, v.noteBlindness)
	<-ctx.Done()
	return nil
}

// noteBlindness has it stand that nothing was seen for some time.
func (v *Vehicle) noteBlindness() {
	v.store.Notices().Note(context.Background(), store.PartNetworks, "plates were NOT found or read for some time, until the networks were opened anew; the program's log says why")
}

// renewNetworks opens the networks anew, which fail again and again, and has
// that stand until somebody has taken note of it.
func (v *Vehicle) renewNetworks(error) error {
	if err := v.networks.Renew(); err != nil {
		return err
	}
	v.noteBlindness()
	return nil
}

// note writes the start or the end of the program into the audit log.
func (v *Vehicle) note(ctx context.Context, action alpr.AuditAction) error {
	return v.store.AuditLog().Audit(ctx, alpr.AuditRecord{
		Officer: "system", Agency: v.cfg.Agency, Purpose: "operation", Action: action,
		Subject: v.cfg.Vehicle, Detail: map[string]string{"version": v.version, "store": filepath.Base(v.cfg.StoreOptions().Path)},
	})
}

// noteRules writes into the audit log what has changed in the rules by which
// lists alert and by which records leave the vehicle.
func (v *Vehicle) noteRules(ctx context.Context) (err error) {
	if err := v.noteAlertRules(ctx); err != nil {
		return err
	}
	var release []byte
	if path := v.cfg.Uplink.ReleaseFile; path != "" {
		if release, err = regular.ReadFile(path); err != nil {
			return fmt.Errorf("read the rules of release: %w", err)
		}
	}
	return v.store.Rules().Note(ctx, "release", string(release))
}

func (v *Vehicle) noteAlertRules(ctx context.Context) error {
	alerts, err := yaml.Marshal(v.lists.Rules())
	if err != nil {
		return fmt.Errorf("write out the hotlist rules: %w", err)
	}
	return v.store.Rules().Note(ctx, "hotlist", string(alerts))
}

// Close releases what newVehicle opened. Call it after Run has returned.
func (v *Vehicle) Close() error {
	var errs []error
	if v.store != nil {
		errs = append(errs, v.store.Close())
	}
	if v.volatile != "" {
		errs = append(errs, os.RemoveAll(v.volatile))
	}
	if v.networks != nil {
		errs = append(errs, v.networks.Close())
	}
	return errors.Join(errs...)
}
