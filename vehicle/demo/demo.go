// Package demo shows the whole system on one machine: a drive through the cameras'
// pipeline, the officer's page, a broker, and a backend that receives the reads.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"alpr/camera"
	"alpr/gps"
	"alpr/hotlist/importer"
	"alpr/internal/regular"
	"alpr/internal/usage"
	"alpr/retention"
	"alpr/store"
	"alpr/vehicle"
)

// Options say what is shown. The zero value plays the drive that comes with the
// program.
type Options struct {
	Video, NMEA string        // a recording, and the log kept beside it
	Hotlist     string        // instead of the sample
	Camera, GPS string        // a live camera instead of a recording, and a receiver
	Data        string        // folder to keep what is recorded; "": deleted at the end
	Listen      string        // address of the officer's page
	IsOnce      bool          // end when the recording is over and the backend has everything
	Start       time.Duration // wait so long before the recording begins
}

// Run shows the system until ctx ends, and tells on out what happens.
func Run(ctx context.Context, o Options, out, errs io.Writer) (err error) {
	if o.Video != "" && o.Camera != "" {
		return usage.Errorf("give --video or --camera, not both")
	}
	o.fillIn()
	dir, cleanUp, err := o.dataDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanUp()) }()
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelError})) // the page shows the rest
	say := newNarrator(out)

	say.step("Starting a broker and a backend on this machine")
	back, err := startBackend(say, errs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back.stop()) }()

	cfg, err := o.config(dir, back.broker)
	if err != nil {
		return err
	}
	parts, err := o.parts(log, say)
	if err != nil {
		return err
	}
	say.step("Loading the networks and opening the store")
	v, err := vehicle.New(ctx, cfg, parts, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if err := importHotlist(ctx, o.Hotlist, v.Lists(), say); err != nil {
		return err
	}
	go o.announce(ctx, v, say)
	err = v.Run(ctx)
	o.summary(v, say)
	return err
}

// fillIn takes the drive that comes with the program where nothing else is
// asked for.
func (o *Options) fillIn() {
	if o.Video == "" && o.Camera == "" {
		dir := demoDir()
		o.Video = filepath.Join(dir, "drive.mp4")
		if o.NMEA == "" {
			o.NMEA = filepath.Join(dir, "drive.nmea")
		}
	}
	if o.Hotlist == "" {
		o.Hotlist = filepath.Join(demoDir(), "hotlist.csv")
	}
}

// demoDir is the folder of the drive: beside the folder of the program, where
// a checkout has it.
func demoDir() string {
	exe, err := os.Executable()
	if err != nil {
		return "demo"
	}
	return filepath.Join(filepath.Dir(exe), "..", "demo")
}

func (o *Options) dataDir() (dir string, cleanUp func() error, err error) {
	if o.Data != "" {
		return o.Data, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "alpr-demo-"); err != nil {
		return "", nil, fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

func (o *Options) config(dir, broker string) (vehicle.Config, error) {
	c := vehicle.DefaultConfig()
	c.Agency, c.Vehicle, c.DataDir = "demo", "car-1", dir
	c.Cameras = []vehicle.CameraConfig{{Name: "front", Location: o.Video + o.Camera}}
	c.GPS.Device = o.GPS
	c.Console.Listen = o.Listen
	c.Uplink.Broker = broker
	c.Uplink.HealthEvery = 5 * time.Second // by its status the consumer learns of the vehicle, and asks for what came before it
	profiles, err := retention.Profiles()
	if err != nil {
		return vehicle.Config{}, err
	}
	c.Policy = profiles["default"]
	c.Resolve(".")
	return c, c.Validate()
}

// parts plays a recording as if it were happening now. A live camera needs
// none of them.
func (o *Options) parts(log *slog.Logger, say *narrator) (vehicle.Options, error) {
	p := vehicle.Options{IsDemo: true, OnSourcesEnd: o.onSourcesEnd(say)}
	if o.Video == "" {
		return p, nil
	}
	d := &playback{config: camera.Config{Name: "front", Location: o.Video, RealTime: true}, wait: o.Start, log: log}
	if o.NMEA != "" {
		text, err := regular.OpenPiped(o.NMEA)
		if err != nil {
			return p, fmt.Errorf("open NMEA log: %w", err)
		}
		defer text.Close()
		if d.track, err = gps.ReadRecording(text); err != nil {
			return p, fmt.Errorf("%s: %w", o.NMEA, err)
		}
		p.Locator = d
	}
	p.Sources = []vehicle.Source{d}
	return p, nil
}

func (o *Options) onSourcesEnd(say *narrator) func(context.Context, *vehicle.Vehicle) error {
	return func(ctx context.Context, v *vehicle.Vehicle) error {
		wait, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		if err := v.WaitSent(wait); err != nil && ctx.Err() == nil {
			return fmt.Errorf("wait for the backend to have everything: %w", err)
		}
		if o.IsOnce {
			return nil
		}
		say.step("The drive is over. The page stays open until Ctrl-C.")
		<-ctx.Done()
		return nil
	}
}

func importHotlist(ctx context.Context, path string, lists *vehicle.Lists, say *narrator) error {
	list, report, err := importer.ImportFile(ctx, path, nil, importer.Options{PublishedAt: time.Now().Add(-time.Hour)})
	for _, bad := range report.Errors {
		say.line("%s line %d: %s", path, bad.Line, bad.Reason)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	say.step("Hotlist %s: %d entries", filepath.Base(path), list.Len())
	return lists.Replace(ctx, store.Access{Officer: "demo", Purpose: "demonstration"}, list)
}

func (o *Options) announce(ctx context.Context, v *vehicle.Vehicle, say *narrator) {
	url, err := v.URL(ctx)
	if err != nil {
		return // Run says why
	}
	say.step("The officer's page:  %s   (name demo, password demo)", url)
	if o.Video != "" {
		say.step("Playing %s; Ctrl-C ends everything", filepath.Base(o.Video))
	} else {
		say.step("Reading from %s; Ctrl-C ends everything", o.Camera)
	}
}

func (o *Options) summary(v *vehicle.Vehicle, say *narrator) {
	st := v.Stats()
	say.step("%d reads and %d alerts (%d entries hit, %d of them withdrawn), from %d of %d frames", st.Reads, st.Alerts, st.Hits, st.Withdrawn, st.FramesDone, st.FramesIn)
	if st.Hits > 0 {
		say.line("The slowest alert was handed to the page %d ms after the camera had taken its frame.", st.HitShow.Max.Milliseconds())
	}
	if st.FramesDropped > st.FramesIn/4 {
		say.line("This machine is too slow or too busy for every frame: %d were dropped, newest first served.", st.FramesDropped)
	}
	if o.Data != "" {
		say.line("What was recorded is in %s", o.Data)
	}
}
