package main

import (
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"alpr/camera"
	"alpr/console"
	"alpr/gps"
	"alpr/hotlist"
	"alpr/internal/contain"
	"alpr/internal/regular"
	"alpr/internal/strictyaml"
	"alpr/pipeline"
	"alpr/retention"
	"alpr/store"
	"alpr/sync/uplink"
)

// exampleConfig is what `alpr config example` prints: every key with its
// default. A test decodes it.
//
//go:embed alpr.example.yaml
var exampleConfig []byte

var errConfig = errors.New("configuration")

// config is the one configuration file. Paths in it are relative to the
// folder that holds it.
type config struct {
	Agency  string `yaml:"agency"`
	Vehicle string `yaml:"vehicle"`
	DataDir string `yaml:"data_dir"`

	Cameras  []cameraConfig   `yaml:"cameras"`
	GPS      gpsConfig        `yaml:"gps"`
	Models   modelsConfig     `yaml:"models"`
	Pipeline pipeline.Config  `yaml:"pipeline"`
	Pictures picturesConfig   `yaml:"pictures"`
	Store    storeConfig      `yaml:"store"`
	Policy   retention.Policy `yaml:"policy"`
	Hotlist  hotlist.Policy   `yaml:"hotlist"`
	Console  console.Config   `yaml:"console"`
	Uplink   uplink.Config    `yaml:"uplink"`
	Log      logConfig        `yaml:"log"`
}

type cameraConfig struct {
	Name     string        `yaml:"name"`
	Location string        `yaml:"location"`
	Width    int           `yaml:"width"`
	Height   int           `yaml:"height"`
	FPS      float64       `yaml:"fps"`
	Latency  time.Duration `yaml:"latency"`
	RealTime bool          `yaml:"real_time"`
}

type gpsConfig struct {
	Device string      `yaml:"device"`
	Baud   int         `yaml:"baud"`
	Fixed  fixedConfig `yaml:"fixed"`
}

type fixedConfig struct {
	Lat  float64 `yaml:"lat"`
	Lon  float64 `yaml:"lon"`
	AltM float64 `yaml:"alt_m"`
}

// isFixed says whether the position is configured, not measured.
func (g gpsConfig) isFixed() bool { return g.Fixed != fixedConfig{} }

func (g gpsConfig) validate() error {
	switch {
	case g.isFixed() && g.Device != "":
		return errors.New("gps: give a device, or the fixed position of a camera that does not move, not both")
	case g.isFixed():
		if err := gps.Fixed(g.Fixed).Check(); err != nil {
			return fmt.Errorf("gps.fixed: %w: give degrees, north and east positive", err)
		}
		return nil
	case g.Baud < 0:
		return fmt.Errorf("gps.baud: %d is no rate; 0 has it found out", g.Baud)
	}
	if _, err := g.receiver(nil); err != nil {
		return fmt.Errorf("gps.device: %w", err)
	}
	return nil
}

// receiver prepares to follow the configured receiver.
func (g gpsConfig) receiver(log *slog.Logger) (*gps.Receiver, error) {
	open, protocol, err := gps.Connect(g.Device, g.Baud)
	if err != nil {
		return nil, err
	}
	return gps.NewReceiver(open, gps.Options{Protocol: protocol}, log), nil
}

type modelsConfig struct {
	Dir       string `yaml:"dir"`
	Library   string `yaml:"library"`
	Precision string `yaml:"precision"`
	Threads   int    `yaml:"threads"`
}

type picturesConfig struct {
	Quality      int     `yaml:"quality"`
	CropWidth    int     `yaml:"crop_width"`
	ContextScale float64 `yaml:"context_scale"`
	ContextWidth int     `yaml:"context_width"`
}

type storeConfig struct {
	MaxBytes int64  `yaml:"max_bytes"`
	KeyFile  string `yaml:"key_file"`

	LookupsWhenFull string `yaml:"lookups_when_full"`
}

// What becomes of look-ups while they cannot be put on record.
const (
	lookupsRefused = "refuse"
	lookupsAllowed = "allow"
)

type logConfig struct {
	Level  slog.Level `yaml:"level"`
	Format string     `yaml:"format"`
}

// defaultConfig is every default there is. Agency, vehicle, cameras and the
// retention policy are left to the owner.
func defaultConfig() config {
	return config{
		DataDir:  "data",
		Models:   modelsConfig{Threads: 1},
		Pipeline: pipeline.DefaultConfig(),
		Pictures: picturesConfig{Quality: 88, CropWidth: 240, ContextScale: 2, ContextWidth: 640},
		Store:    storeConfig{LookupsWhenFull: lookupsRefused},
		Hotlist:  hotlist.DefaultPolicy(),
		Console:  console.DefaultConfig(),
		Uplink:   uplink.DefaultConfig(),
		Log:      logConfig{Format: "text"},
	}
}

// loadConfig reads a configuration file. Every complaint names the file and,
// where there is one, the key and line.
func loadConfig(path string) (config, error) {
	text, err := regular.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return config{}, fmt.Errorf("%w: there is no %s: `alpr config example > %s` makes one to fill in", errConfig, path, path)
	}
	if err != nil {
		return config{}, fmt.Errorf("%w: %w", errConfig, err)
	}
	c, err := parseConfig(text)
	if err != nil {
		return config{}, fmt.Errorf("%w %s: %w", errConfig, path, err)
	}
	c.resolve(filepath.Dir(path))
	if err := c.validate(); err != nil {
		return config{}, fmt.Errorf("%w %s: %w", errConfig, path, err)
	}
	return c, nil
}

// parseConfig decodes over the defaults and refuses keys it does not know.
func parseConfig(text []byte) (config, error) {
	c := defaultConfig()
	if err := strictyaml.Decode(text, &c); err != nil {
		return config{}, errors.New(yaml.FormatError(err, false, true))
	}
	return c, nil
}

// resolve makes paths absolute and hands the names of agency and vehicle to
// the parts that write them.
func (c *config) resolve(base string) {
	under := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(base, *path)
		}
	}
	for _, p := range []*string{
		&c.DataDir, &c.Models.Dir, &c.Models.Library, &c.Store.KeyFile,
		&c.Console.UsersFile, &c.Console.TLSCert, &c.Console.TLSKey,
		&c.Uplink.CAFile, &c.Uplink.CertFile, &c.Uplink.KeyFile, &c.Uplink.StateDir, &c.Uplink.ReleaseFile,
	} {
		under(p)
	}
	for i := range c.Cameras {
		if l := c.Cameras[i].Location; !isURL(l) {
			under(&c.Cameras[i].Location)
		}
	}
	if c.Uplink.StateDir == "" {
		c.Uplink.StateDir = filepath.Join(c.DataDir, "uplink")
	}
	if c.Console.UsersFile == "" {
		c.Console.UsersFile = filepath.Join(c.DataDir, "users")
	}
	c.Uplink.Agency, c.Uplink.Vehicle = c.Agency, c.Vehicle
	c.Console.Agency = c.Agency
}

func isURL(location string) bool { return strings.Contains(location, "://") }

func (c *config) validate() error {
	switch {
	case c.Agency == "":
		return errors.New("agency: name the agency that owns the data")
	case c.Vehicle == "":
		return errors.New("vehicle: name this vehicle")
	case len(c.Cameras) == 0:
		return errors.New("cameras: give at least one, with its location")
	case c.Log.Format != "text" && c.Log.Format != "json":
		return fmt.Errorf("log.format: %q is neither text nor json", c.Log.Format)
	case c.Models.Threads < 1:
		return fmt.Errorf("models.threads: %d is less than 1", c.Models.Threads)
	case c.Pictures.Quality < 1 || c.Pictures.Quality > 100:
		return fmt.Errorf("pictures.quality: %d is not within 1..100", c.Pictures.Quality)
	}
	if c.Store.LookupsWhenFull != lookupsRefused && c.Store.LookupsWhenFull != lookupsAllowed {
		return fmt.Errorf("store.lookups_when_full: %q is neither %s nor %s", c.Store.LookupsWhenFull, lookupsRefused, lookupsAllowed)
	}
	if err := c.validateCameras(); err != nil {
		return err
	}
	if err := c.GPS.validate(); err != nil {
		return err
	}
	if err := c.Policy.Validate(); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	if err := c.Pipeline.Validate(); err != nil {
		return err
	}
	if err := c.Hotlist.Validate(); err != nil {
		return fmt.Errorf("hotlist: %w", err)
	}
	if err := c.Console.Validate(); err != nil {
		return err
	}
	if c.Uplink.Broker == "" {
		return nil
	}
	return c.Uplink.Validate()
}

func (c *config) validateCameras() error {
	seen := map[string]bool{}
	for i, cam := range c.Cameras {
		if cam.Location == "" {
			return fmt.Errorf("cameras[%d].location: give a device (/dev/video0), rtsp:// address or file", i)
		}
		name := cam.Name
		if name == "" {
			name = camera.NameOf(cam.Location)
		}
		if seen[name] {
			return fmt.Errorf("cameras[%d].name: two cameras are called %q", i, name)
		}
		seen[name] = true
	}
	return nil
}

func (c cameraConfig) source(start time.Time, guard *contain.Guard) camera.Config {
	return camera.Config{
		Name: c.Name, Location: c.Location, Width: c.Width, Height: c.Height, FPS: c.FPS,
		Latency: c.Latency, RealTime: c.RealTime, Start: start, Guard: guard,
	}
}

// storeConfig is how the store is opened under this configuration.
func (c *config) store() store.Config {
	return store.Config{
		Path: filepath.Join(c.DataDir, "alpr.db"), KeyPath: c.Store.KeyFile, Agency: c.Agency,
		Policy: c.Policy, MaxBytes: c.Store.MaxBytes, MayLookUnrecorded: c.Store.LookupsWhenFull == lookupsAllowed,
	}
}
