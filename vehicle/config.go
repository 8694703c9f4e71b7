package vehicle

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"alpr/camera"
	"alpr/console"
	"alpr/gps"
	"alpr/hotlist"
	"alpr/internal/asowner"
	"alpr/internal/contain"
	"alpr/internal/regular"
	"alpr/pipeline"
	"alpr/retention"
	"alpr/sound"
	"alpr/store"
	"alpr/sync/uplink"
	"alpr/vehicle/metrics"
	"alpr/vehicle/networks"
)

//go:embed alpr.example.yaml
var exampleConfig []byte

// ExampleConfig is a configuration file with every key, its default and what it
// means. A test decodes it.
func ExampleConfig() []byte { return bytes.Clone(exampleConfig) }

var errConfig = errors.New("configuration")

// Config is the one configuration file. Paths in it are relative to the
// folder that holds it.
type Config struct {
	Agency  string `yaml:"agency"`
	Vehicle string `yaml:"vehicle"`
	DataDir string `yaml:"data_dir"`

	Cameras  []CameraConfig      `yaml:"cameras"`
	GPS      GPSConfig           `yaml:"gps"`
	Models   ModelsConfig        `yaml:"models"`
	Pipeline pipeline.Config     `yaml:"pipeline"`
	Pictures PicturesConfig      `yaml:"pictures"`
	Store    StoreConfig         `yaml:"store"`
	Policy   retention.Policy    `yaml:"policy"`
	Hotlist  hotlist.AlertPolicy `yaml:"hotlist"`
	Console  console.Config      `yaml:"console"`
	Sound    sound.Config        `yaml:"sound"`
	Uplink   uplink.Config       `yaml:"uplink"`
	Metrics  MetricsConfig       `yaml:"metrics"`
	Log      LogConfig           `yaml:"log"`
}

// CameraConfig is one camera or recording.
type CameraConfig struct {
	Name     string        `yaml:"name"`
	Location string        `yaml:"location"`
	Width    int           `yaml:"width"`
	Height   int           `yaml:"height"`
	FPS      float64       `yaml:"fps"`
	Latency  time.Duration `yaml:"latency"`
	RealTime bool          `yaml:"real_time"`
	Angle    float64       `yaml:"angle"` // degrees clockwise from straight ahead
	Side     pipeline.Side `yaml:"side"`
}

// GPSConfig is the satellite receiver, or the position of a vehicle that stands.
type GPSConfig struct {
	Device string      `yaml:"device"`
	Baud   int         `yaml:"baud"`
	Fixed  FixedConfig `yaml:"fixed"`
}

// FixedConfig is a position in degrees, north and east positive, and a height.
type FixedConfig struct {
	Lat  float64 `yaml:"lat"`
	Lon  float64 `yaml:"lon"`
	AltM float64 `yaml:"alt_m"`
}

// IsFixed says whether the position is configured, not measured.
func (g GPSConfig) IsFixed() bool { return g.Fixed != FixedConfig{} }

func (g GPSConfig) validate() error {
	switch {
	case g.IsFixed() && g.Device != "":
		return errors.New("gps: give a device, or the fixed position of a camera that does not move, not both")
	case g.IsFixed():
		if err := gps.Fixed(g.Fixed).Check(); err != nil {
			return fmt.Errorf("gps.fixed: %w: give degrees, north and east positive", err)
		}
		return nil
	case g.Baud < 0:
		return fmt.Errorf("gps.baud: %d is no rate; 0 has it found out", g.Baud)
	}
	if _, err := g.Receiver(nil); err != nil {
		return fmt.Errorf("gps.device: %w", err)
	}
	return nil
}

// Receiver prepares to follow the configured receiver.
func (g GPSConfig) Receiver(log *slog.Logger) (*gps.Receiver, error) {
	open, protocol, err := gps.Connect(g.Device, g.Baud)
	if err != nil {
		return nil, err
	}
	return gps.NewReceiver(open, gps.Options{Protocol: protocol}, log), nil
}

// ModelsConfig says where the networks are and how they run.
type ModelsConfig struct {
	Dir       string `yaml:"dir"`
	Library   string `yaml:"library"`
	Precision string `yaml:"precision"`
	Threads   int    `yaml:"threads"`
}

// Networks are the options under which the configured networks are opened.
func (m ModelsConfig) Networks() networks.Options {
	return networks.Options{Dir: m.Dir, Library: m.Library, Precision: m.Precision, Threads: m.Threads}
}

// PicturesConfig says how the pictures of a read are cut out and packed.
type PicturesConfig struct {
	Quality      int     `yaml:"quality"`
	CropWidth    int     `yaml:"crop_width"`
	ContextScale float64 `yaml:"context_scale"`
	ContextWidth int     `yaml:"context_width"`
}

// StoreConfig is how much the store may take, and what it does when the disk is full.
type StoreConfig struct {
	MaxBytes int64  `yaml:"max_bytes"`
	KeyFile  string `yaml:"key_file"`

	LookupsWhenFull string `yaml:"lookups_when_full"`
}

// What becomes of look-ups while they cannot be put on record.
const (
	lookupsRefused = "refuse"
	lookupsAllowed = "allow"
)

// LogConfig is how much the program logs, and how: text or json.
type LogConfig struct {
	Level  slog.Level `yaml:"level"`
	Format string     `yaml:"format"`
}

// DefaultConfig is every default there is. Agency, vehicle, cameras and the
// retention policy are left to the owner.
func DefaultConfig() Config {
	return Config{
		DataDir:  "data",
		Models:   ModelsConfig{Threads: 1},
		Pipeline: pipeline.DefaultConfig(),
		Pictures: PicturesConfig{Quality: 88, CropWidth: 240, ContextScale: 3, ContextWidth: 640},
		Store:    StoreConfig{LookupsWhenFull: lookupsRefused},
		Hotlist:  hotlist.DefaultAlertPolicy(),
		Console:  console.DefaultConfig(),
		Sound:    sound.DefaultConfig(),
		Uplink:   uplink.DefaultConfig(),
		Log:      LogConfig{Format: "text"},
	}
}

// LoadConfig reads a configuration file, and over it the overlays, each of which
// changes the keys that it gives and leaves the others. Every complaint names the
// file and, where there is one, the key and line. Paths are relative to the folder
// of the first file, wherever an overlay lies.
func LoadConfig(path string, overlays ...string) (Config, error) {
	text, err := regular.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Config{}, fmt.Errorf("%w: there is no %s: `alpr config example > %s` makes one to fill in", errConfig, path, path)
	}
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", errConfig, err)
	}
	c, err := parseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("%w %s: %w", errConfig, path, err)
	}
	for _, overlay := range overlays {
		text, err := regular.ReadFile(overlay)
		if err != nil {
			return Config{}, fmt.Errorf("%w: read overlay: %w", errConfig, err)
		}
		if err := decodeConfig(text, &c); err != nil {
			return Config{}, fmt.Errorf("%w, overlay %s: %w", errConfig, overlay, err)
		}
	}
	c.Resolve(filepath.Dir(path))
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("%w %s: %w", errConfig, strings.Join(append([]string{path}, overlays...), " with "), err)
	}
	return c, nil
}

// Enter reads a configuration file for a command that works in the vehicle's
// data folder. Where root calls it, the program becomes that folder's owner, so
// that the service finds nothing there that is root's.
func Enter(path string, overlays ...string) (Config, error) {
	c, err := LoadConfig(path, overlays...)
	if err != nil {
		return Config{}, err
	}
	if _, err := asowner.Become(c.DataDir); err != nil {
		return Config{}, err
	}
	return c, nil
}

// parseConfig decodes over the defaults and refuses keys it does not know.
func parseConfig(text []byte) (Config, error) {
	c := DefaultConfig()
	if err := decodeConfig(text, &c); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Resolve makes paths absolute and hands the names of agency and vehicle to
// the parts that write them.
func (c *Config) Resolve(base string) {
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
		if l := c.Cameras[i].Location; !isURL(l) && !camera.IsPipeline(l) {
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

// Validate says what cannot be run. Call it after Resolve.
func (c *Config) Validate() error {
	if err := c.validateNumbers(); err != nil {
		return err
	}
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
	if err := c.Sound.Validate(); err != nil {
		return fmt.Errorf("sound: %w", err)
	}
	if err := c.Console.Validate(); err != nil {
		return err
	}
	if err := metrics.CheckListen(c.Metrics.Listen); err != nil {
		return err
	}
	if c.Uplink.Broker == "" {
		return nil
	}
	return c.Uplink.Validate()
}

func (c *Config) validateCameras() error {
	seen := map[string]bool{}
	for i, cam := range c.Cameras {
		if cam.Location == "" {
			return fmt.Errorf("cameras[%d].location: give a device (/dev/video0), rtsp:// address or file", i)
		}
		if _, err := camera.New(cam.Camera(time.Time{}, nil), slog.New(slog.DiscardHandler)); err != nil {
			return fmt.Errorf("cameras[%d]: %w", i, err)
		}
		name := cam.Name
		if name == "" {
			name = camera.NameOf(cam.Location)
		}
		if seen[name] {
			return fmt.Errorf("cameras[%d].name: two cameras are called %q", i, name)
		}
		seen[name] = true
		if !(cam.Angle > -360 && cam.Angle < 360) {
			return fmt.Errorf("cameras[%d].angle: %g, give degrees clockwise from straight ahead: 90 to the right, 180 to the rear", i, cam.Angle)
		}
		if !slices.Contains([]pipeline.Side{pipeline.SideNone, pipeline.SideLeft, pipeline.SideRight}, cam.Side) {
			return fmt.Errorf("cameras[%d].side: %q is neither left nor right", i, cam.Side)
		}
	}
	return nil
}

// mounts says where each camera looks, by its name.
func (c *Config) mounts() map[string]pipeline.Mount {
	mounts := make(map[string]pipeline.Mount)
	for _, cam := range c.Cameras {
		name := cam.Name
		if name == "" {
			name = camera.NameOf(cam.Location)
		}
		mounts[name] = pipeline.Mount{AngleDeg: cam.Angle, Side: cam.Side}
	}
	return mounts
}

// Camera is how the camera is opened; start is the instant of a recording's first frame.
func (c CameraConfig) Camera(start time.Time, guard *contain.Guard) camera.Config {
	return camera.Config{
		Name: c.Name, Location: c.Location, Width: c.Width, Height: c.Height, FPS: c.FPS,
		Latency: c.Latency, RealTime: c.RealTime, Start: start, Guard: guard,
	}
}

// StoreOptions say how the store is opened under this configuration.
func (c *Config) StoreOptions() store.Config {
	return store.Config{
		Path: filepath.Join(c.DataDir, "alpr.db"), KeyPath: c.Store.KeyFile, Agency: c.Agency,
		Policy: c.Policy, MaxBytes: c.Store.MaxBytes, MayLookUnrecorded: c.Store.LookupsWhenFull == lookupsAllowed,
	}
}
