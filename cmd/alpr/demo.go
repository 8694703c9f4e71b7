package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"alpr/camera"
	"alpr/gps"
	"alpr/hotlist/importer"
	"alpr/internal/regular"
	"alpr/internal/usage"
	"alpr/retention"
	"alpr/store"
	"alpr/vehicle"
)

const demoHelp = `Show the whole system on one machine: a drive through the cameras' pipeline, the
officer's page, a broker, and a backend that receives the reads. Nothing leaves
this machine, and everything recorded is deleted at the end unless --data names
a folder to keep it in.

Without flags it plays the drive that comes with the program: rendered, with
made-up plates, a position log and a sample hotlist. With --video or --camera it
runs on your own input.`

const demoExample = `  alpr demo
  alpr demo --video drive.mp4 --nmea drive.nmea --hotlist wanted.csv
  alpr demo --camera /dev/video0 --gps /dev/ttyUSB0`

// demoFlags are the choices of alpr demo.
type demoFlags struct {
	video, nmea, hotlist string
	camera, gps          string
	data, listen         string
	isOnce               bool
	start                time.Duration
}

func newDemoCmd() *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:     "demo",
		Short:   "Show the whole system on one machine, on a rendered drive or your own input",
		Long:    demoHelp,
		Example: demoExample,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.video != "" && f.camera != "" {
				return usage.Errorf("give --video or --camera, not both")
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.video, "video", "", "a recording to play instead of the rendered drive")
	flags.StringVar(&f.nmea, "nmea", "", "NMEA log kept beside the recording")
	flags.StringVar(&f.hotlist, "hotlist", "", "hotlist file instead of the sample")
	flags.StringVar(&f.camera, "camera", "", "a live camera: /dev/video0 or rtsp://…")
	flags.StringVar(&f.gps, "gps", "", "serial device of a satellite receiver, such as /dev/ttyUSB0")
	flags.StringVar(&f.data, "data", "", "folder to keep what is recorded (default: a new one, deleted at the end)")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8088", "address of the officer's page; port 0: any free one")
	flags.BoolVar(&f.isOnce, "once", false, "end when the recording is over and the backend has everything")
	flags.DurationVar(&f.start, "start-in", 5*time.Second, "wait so long before the recording begins: time to open the page")
	return c
}

func (f *demoFlags) run(ctx context.Context, out, errs io.Writer) (err error) {
	f.fillIn()
	dir, cleanUp, err := f.dataDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanUp()) }()
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelError})) // the page shows the rest
	say := newSayer(out)

	say.step("Starting a broker and a backend on this machine")
	back, err := startBackend(say, errs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back.stop()) }()

	cfg, err := f.config(dir, back.broker)
	if err != nil {
		return err
	}
	parts, err := f.parts(log, say)
	if err != nil {
		return err
	}
	say.step("Loading the networks and opening the store")
	v, err := vehicle.New(ctx, cfg, parts, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if err := f.importHotlist(ctx, v.Lists(), say); err != nil {
		return err
	}
	go f.announce(ctx, v, say)
	err = v.Run(ctx)
	f.summary(v, say)
	return err
}

// fillIn takes the drive that comes with the program where nothing else is
// asked for.
func (f *demoFlags) fillIn() {
	if f.video == "" && f.camera == "" {
		dir := demoDir()
		f.video = filepath.Join(dir, "drive.mp4")
		if f.nmea == "" {
			f.nmea = filepath.Join(dir, "drive.nmea")
		}
	}
	if f.hotlist == "" {
		f.hotlist = filepath.Join(demoDir(), "hotlist.csv")
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

func (f *demoFlags) dataDir() (dir string, cleanUp func() error, err error) {
	if f.data != "" {
		return f.data, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "alpr-demo-"); err != nil {
		return "", nil, fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

func (f *demoFlags) config(dir, broker string) (vehicle.Config, error) {
	c := vehicle.DefaultConfig()
	c.Agency, c.Vehicle, c.DataDir = "demo", "car-1", dir
	c.Cameras = []vehicle.CameraConfig{{Name: "front", Location: f.video + f.camera}}
	c.GPS.Device = f.gps
	c.Console.Listen = f.listen
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
func (f *demoFlags) parts(log *slog.Logger, say *sayer) (vehicle.Options, error) {
	p := vehicle.Options{IsDemo: true, OnSourcesEnd: f.onSourcesEnd(say)}
	if f.video == "" {
		return p, nil
	}
	d := &playback{config: camera.Config{Name: "front", Location: f.video, RealTime: true}, wait: f.start, log: log}
	if f.nmea != "" {
		text, err := regular.OpenPiped(f.nmea)
		if err != nil {
			return p, fmt.Errorf("open NMEA log: %w", err)
		}
		defer text.Close()
		if d.track, err = gps.ReadRecording(text); err != nil {
			return p, fmt.Errorf("%s: %w", f.nmea, err)
		}
		p.Locator = d
	}
	p.Sources = []vehicle.Source{d}
	return p, nil
}

func (f *demoFlags) onSourcesEnd(say *sayer) func(context.Context, *vehicle.Vehicle) error {
	return func(ctx context.Context, v *vehicle.Vehicle) error {
		wait, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		if err := v.WaitSent(wait); err != nil && ctx.Err() == nil {
			return fmt.Errorf("wait for the backend to have everything: %w", err)
		}
		if f.isOnce {
			return nil
		}
		say.step("The drive is over. The page stays open until Ctrl-C.")
		<-ctx.Done()
		return nil
	}
}

func (f *demoFlags) importHotlist(ctx context.Context, lists *vehicle.Lists, say *sayer) error {
	list, report, err := importer.ImportFile(f.hotlist, nil, importer.Options{PublishedAt: time.Now().Add(-time.Hour)})
	for _, bad := range report.Errors {
		say.line("%s line %d: %s", f.hotlist, bad.Line, bad.Reason)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.hotlist, err)
	}
	say.step("Hotlist %s: %d entries", filepath.Base(f.hotlist), list.Len())
	return lists.Replace(ctx, store.Access{Officer: "demo", Purpose: "demonstration"}, list)
}

func (f *demoFlags) announce(ctx context.Context, v *vehicle.Vehicle, say *sayer) {
	url, err := v.URL(ctx)
	if err != nil {
		return // Run says why
	}
	say.step("The officer's page:  %s   (name demo, password demo)", url)
	if f.video != "" {
		say.step("Playing %s; Ctrl-C ends everything", filepath.Base(f.video))
	} else {
		say.step("Reading from %s; Ctrl-C ends everything", f.camera)
	}
}

func (f *demoFlags) summary(v *vehicle.Vehicle, say *sayer) {
	st := v.Stats()
	say.step("%d reads and %d alerts (%d entries hit, %d of them withdrawn), from %d of %d frames", st.Reads, st.Alerts, st.Hits, st.Withdrawn, st.FramesDone, st.FramesIn)
	if st.Hits > 0 {
		say.line("The slowest alert was handed to the page %d ms after the camera had taken its frame.", st.HitShow.Max.Milliseconds())
	}
	if st.FramesDropped > st.FramesIn/4 {
		say.line("This machine is too slow or too busy for every frame: %d were dropped, newest first served.", st.FramesDropped)
	}
	if f.data != "" {
		say.line("What was recorded is in %s", f.data)
	}
}
