package vehicle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alpr/retention"
	"alpr/vehicle/vehicletest"
)

// The shipped example shows every default: what it says beyond the defaults is
// only what the owner must fill in.
func TestExampleConfigIsTheDefaults(t *testing.T) {
	got, err := parseConfig(exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := retention.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.Agency, want.Vehicle = "example-agency", "car-1"
	want.Cameras = []CameraConfig{{Name: "front", Location: "/dev/video0"}}
	want.Policy = profiles["default"]
	empty := func(s *[]string) {
		if *s == nil {
			*s = []string{}
		}
	}
	for _, s := range []*[]string{
		&want.Console.Hosts, &want.Uplink.TrustedKeys,
		&want.Hotlist.AllowCategories, &want.Hotlist.ForbidCategories,
	} {
		empty(s)
	}
	if len(got.Hotlist.Lists) == 0 {
		got.Hotlist.Lists = want.Hotlist.Lists
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-) and example (+) differ:\n%s", diff)
	}
}

// Every key has to be in the example, or nobody will find it.
func TestExampleConfigIsComplete(t *testing.T) {
	for _, key := range yamlKeys(t, DefaultConfig()) {
		if !strings.Contains(string(exampleConfig), key+":") {
			t.Errorf("key %q is not in the example", key)
		}
	}
}

func TestLoadConfigRefuses(t *testing.T) {
	const good = "agency: a\nvehicle: v\ncameras: [{location: drive.mp4}]\npolicy: {profile: us-me}\n"
	for _, test := range []struct{ name, text, want string }{
		{"unknown key", good + "colour: blue\n", "colour"},
		{"receiver at no address", good + "gps: {device: \"http://192.168.1.1:80\"}\n", "gps.device"},
		{"receiver without port", good + "gps: {device: \"tcp://192.168.1.1\"}\n", "name host and port"},
		{"receiver and fixed position", good + "gps: {device: /dev/ttyUSB0, fixed: {lat: 40, lon: -100}}\n", "not both"},
		{"fixed position off earth", good + "gps: {fixed: {lat: 91, lon: -100}}\n", "gps.fixed"},
		{"unknown nested key", good + "gps: {baudrate: 1}\n", "baudrate"},
		{"no agency", strings.Replace(good, "agency: a", "", 1), "agency"},
		{"no vehicle", strings.Replace(good, "vehicle: v", "", 1), "vehicle"},
		{"no camera", "agency: a\nvehicle: v\npolicy: {profile: us-me}\n", "cameras"},
		{"camera without place", strings.Replace(good, "location: drive.mp4", "name: x", 1), "cameras[0].location"},
		{"pipeline without an end", strings.Replace(good, "drive.mp4", "'gst:videotestsrc ! fakesink'", 1), "cameras[0]: check camera gst:videotestsrc: a pipeline must end"},
		{"pipeline as a file", strings.Replace(good, "drive.mp4", "'videotestsrc ! appsink'", 1), "write gst:"},
		{"camera at no address", strings.Replace(good, "drive.mp4", "'rtsp://admin:12/x@cam/main'", 1), "cameras[0]: "},
		{"pace below nothing", strings.Replace(good, "drive.mp4", "drive.mp4, fps: -1", 1), "none may be negative"},
		{"two of one name", strings.Replace(good, "[{location: drive.mp4}]", "[{location: a}, {location: a}]", 1), "two cameras"},
		{"no policy", strings.Replace(good, "policy: {profile: us-me}", "", 1), "policy"},
		{"unknown profile", strings.Replace(good, "us-me", "mars", 1), "mars"},
		{"wrong type", good + "models: {threads: many}\n", "threads"},
		{"octal", good + "models: {threads: 010}\n", "line 5, threads: 010"},
		{"half a thread", good + "models: {threads: \"0.5\"}\n", "whole number"},
		{"octal rate", good + "gps: {device: /dev/ttyUSB0, baud: 04800}\n", "write 4800"},
		{"time without unit", good + "console: {lock_after: 15}\n", "12h"},
		{"impossible value", good + "models: {threads: 0}\n", "models.threads"},
		{"open console", good + "console: {listen: '0.0.0.0:80'}\n", "tls"},
		{"plain broker far away", good + "uplink: {broker: 'tcp://broker.example:1883'}\n", "tls"},
		{"keys as a text", good + "console: yes\n", "a text stands where keys of their own belong"},
		{"a list as a text", good + "uplink: {trusted_keys: abc}\n", "a text stands where a list belongs"},
		{"a text as a list", good + "gps: {device: [a, b]}\n", "gps: a text is wanted"},
		{"neither yes nor no", strings.Replace(good, "drive.mp4", "drive.mp4, real_time: maybe", 1), "true or false is wanted"},
		{"no such level", good + "log: {level: loud}\n", "none of debug, info"},
		{"less than nothing", good + "store: {max_bytes: -5}\n", "store.max_bytes"},
		{"narrow pictures", good + "pictures: {crop_width: -4}\n", "pictures.crop_width"},
		{"no scale", good + "pictures: {context_scale: .nan}\n", "pictures.context_scale"},
		{"no precision", good + "models: {precision: fp8}\n", "models.precision"},
		{"a picture ahead of its time", strings.Replace(good, "drive.mp4", "drive.mp4, latency: -80ms", 1), "cameras[0].latency"},
		{"nothing at all", "", "empty"},
		{"not YAML", good + "]", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "alpr.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadConfig(path)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(strings.ToLower(err.Error()), test.want) {
				t.Errorf("says %q, which should name the file and %q", err, test.want)
			}
		})
	}
}

// TestComplaintsHoldNoPassword: a complaint shows its own line and none beside it,
// and that only where it holds no address.
func TestComplaintsHoldNoPassword(t *testing.T) {
	const rest = "agency: a\nvehicle: v\npolicy: {profile: us-me}\n"
	for text, want := range map[string]string{
		"cameras: [{location: 'rtsp://admin:Zq9plain@cam/main'}]\nnonsense: 1\n":                            "> 5 | nonsense: 1",
		"cameras: [{location: 'rtsp://admin:Zq9plain@cam/main', colour: blue}]\n":                           "colour",
		"cameras:\n  - location: 'gst:rtspsrc user-pw=Zq9plain ! appsink'\n    real_time: maybe\n":          "true or false",
		"cameras: [{location: 'gst:rtspsrc user-pw=Zq9plain ! appsink', real_time: maybe}]\n":               "true or false",
		"cameras:\n  - location: 'rtsp://admin:Zq9plain@cam/main'\n    location: 'rtsp://u:Zq9plain@x/y'\n": "location",
		"cameras: [{location: 'rtsp://admin:Zq9plain@cam/main'}\n":                                          "",
	} {
		path := filepath.Join(t.TempDir(), "alpr.yaml")
		if err := os.WriteFile(path, []byte(rest+text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadConfig(path)
		if err == nil || !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "Zq9plain") {
			t.Errorf("the password is shown: %v", err)
		}
	}
}

// TestOverlaysOverride: an overlay changes the keys that it gives, and no other.
func TestOverlaysOverride(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fleet := write("alpr.yaml", "agency: a\nvehicle: unset\npolicy: {profile: us-me}\ncameras: [{name: front, location: /dev/video0, fps: 15}]\n"+
		"console: {units: km/h, hours: 12}\nhotlist: {lists: {state: {max_age: 1h}}}\n")
	car := write("cars/17.yaml", "vehicle: car-17\nconsole: {hours: 24}\ncameras: [{name: rear, location: rear.mp4}]\n")
	c, err := LoadConfig(fleet, car)
	if err != nil {
		t.Fatal(err)
	}
	if c.Agency != "a" || c.Vehicle != "car-17" || c.Console.Units != "km/h" || c.Console.Hours != 24 || len(c.Hotlist.Lists) != 1 {
		t.Errorf("vehicle %s of %s, console %+v, lists %v", c.Vehicle, c.Agency, c.Console, c.Hotlist.Lists)
	}
	want := []CameraConfig{{Name: "rear", Location: filepath.Join(dir, "rear.mp4")}}
	if diff := cmp.Diff(want, c.Cameras); diff != "" {
		t.Errorf("cameras (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"colour: blue\n": "colour", "console: {hours: 7}\n": "alpr.yaml with", "": "empty"} {
		bad := write("bad.yaml", name)
		if _, err := LoadConfig(fleet, bad); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v, want %q and the overlay's name", name, err, want)
		}
	}
	if _, err := LoadConfig(fleet, filepath.Join(dir, "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("an overlay that is not there: %v", err)
	}
}

func TestLoadConfigSaysHowToBegin(t *testing.T) {
	_, err := LoadConfig(filepath.Join(t.TempDir(), "none.yaml"))
	if err == nil || !strings.Contains(err.Error(), "alpr config example") {
		t.Errorf("says %v", err)
	}
}

func TestConfigPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "alpr.yaml")
	text := "agency: a\nvehicle: v\ndata_dir: keep\npolicy: {profile: us-me}\n" +
		"cameras: [{location: drive.mp4}, {location: 'rtsp://cam/1'}, {location: /dev/video0}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.DataDir, c.Cameras[0].Location, c.Cameras[1].Location, c.Cameras[2].Location, c.Uplink.StateDir}
	want := []string{filepath.Join(dir, "keep"), filepath.Join(dir, "drive.mp4"), "rtsp://cam/1", "/dev/video0", filepath.Join(dir, "keep/uplink")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(exampleConfig)
	f.Add([]byte("cameras: [{location: 1}]\npolicy: {profile: default, retention: {reads: 3m}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := parseConfig(text); err == nil {
			_ = c.Validate() // must not panic
		}
	})
}

// TestNoSecretIsShown: whatever is wrong with a camera or a broker, config
// check prints no user and no password.
func TestNoSecretIsShown(t *testing.T) {
	const secret = "Zq9plain"
	for name, location := range vehicletest.SecretLocations(secret) {
		for _, broker := range []string{"", "tls://user:" + secret + "@broker:8883"} {
			path := filepath.Join(t.TempDir(), "alpr.yaml")
			text := "agency: pd\nvehicle: car\ncameras:\n  - location: '" + location + "'\n  - location: '" + location + "'\npolicy: {profile: default}\nuplink: {broker: '" + broker + "'}\n"
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadConfig(path); err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: two cameras of one name: %v", name, err)
			}
			text = strings.Replace(text, "  - location: '"+location+"'\n", "", 1)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			isWrong := broker != "" || name == "no host"
			if _, err := LoadConfig(path); (err != nil) != isWrong || err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestNamesAreTakenAsWritten: two cars 010 and 8 are two.
func TestNamesAreTakenAsWritten(t *testing.T) {
	for _, written := range []string{"0012", "0417", "0x1F", "1_000", "1.50", "12e3", "'0012'"} {
		text := "\ufeffagency: " + written + "\nvehicle: " + written + "\ncameras: [{location: " + written + ", name: " + written + "}]\n"
		c, err := parseConfig([]byte(text))
		want := strings.Trim(written, "'")
		if err != nil || c.Agency != want || c.Vehicle != want || c.Cameras[0].Name != want || c.Cameras[0].Location != want {
			t.Errorf("%s: %q, %q, %+v, %v", written, c.Agency, c.Vehicle, c.Cameras, err)
		}
	}
	if _, err := parseConfig([]byte("agency: a\n---\nagency: b\n")); err == nil || !strings.Contains(err.Error(), "second document") {
		t.Errorf("a second document: %v", err)
	}
}
