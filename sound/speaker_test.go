package sound

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program be the player, too.
func TestMain(m *testing.M) {
	var in []byte
	if os.Getenv("ALPR_SOUND_AS") != "" {
		in, _ = io.ReadAll(os.Stdin)
	}
	switch os.Getenv("ALPR_SOUND_AS") {
	case "player": // one file for each thing played
		name := filepath.Join(os.Getenv("ALPR_SOUND_DIR"), fmt.Sprintf("%d.part", time.Now().UnixNano()))
		_ = os.WriteFile(name, in, 0o600)
		_ = os.Rename(name, strings.TrimSuffix(name, "part")+"wav")
	case "hangs":
		select {}
	case "speech":
		os.Stdout.Write(append([]byte("RIFFspoken "), in...))
	case "broken":
		fmt.Fprintln(os.Stderr, "no such device")
		os.Exit(3)
	default:
		os.Exit(m.Run())
	}
}

// as is a command line that runs this program as something else.
func as(what, dir string) []string {
	return []string{"env", "ALPR_SOUND_AS=" + what, "ALPR_SOUND_DIR=" + dir, os.Args[0]}
}

func start(t *testing.T, cfg Config) *Speaker {
	t.Helper()
	if cfg.Volume == 0 {
		cfg.Volume = 0.8
	}
	s, err := New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

// played waits for n files.
func played(t *testing.T, dir string, n int) (files [][]byte) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for {
		names, _ := filepath.Glob(filepath.Join(dir, "*.wav"))
		if len(names) >= n || time.Now().After(end) {
			for _, name := range names {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, b)
			}
			if len(files) < n {
				t.Fatalf("%d sounds, want %d", len(files), n)
			}
			return files
		}
		<-time.After(5 * time.Millisecond)
	}
}

// strongest is the pitch that stands out in samples, of those asked for.
func strongest(samples []int16, pitches ...float64) float64 {
	best, most := 0.0, 0.0
	for _, hz := range pitches {
		var re, im float64
		for i, s := range samples {
			a := 2 * math.Pi * hz * float64(i) / Rate
			re += float64(s) * math.Cos(a)
			im += float64(s) * math.Sin(a)
		}
		if p := math.Hypot(re, im); p > most {
			best, most = hz, p
		}
	}
	return best
}

func samplesOf(t *testing.T, file []byte) []int16 {
	t.Helper()
	i := bytes.Index(file, []byte("data"))
	if i < 0 || !bytes.HasPrefix(file, []byte("RIFF")) {
		t.Fatalf("no WAV file: %.20q", file)
	}
	samples := make([]int16, (len(file)-i-8)/2)
	if err := binary.Read(bytes.NewReader(file[i+8:]), binary.LittleEndian, samples); err != nil {
		t.Fatal(err)
	}
	return samples
}

// TestEachKindHasItsOwnPitch and high priority its least volume.
func TestEachKindHasItsOwnPitch(t *testing.T) {
	pitches := []float64{294, 392, 523, 587, 659, 880, 988, 1319}
	for kind, want := range map[Kind]float64{High: 988, Normal: 659, Low: 523, Withdrawn: 587, Trouble: 294} {
		samples := samplesOf(t, wav(wave(kind, 0.8)))
		if got := strongest(samples[:int(0.17*Rate)], pitches...); got != want {
			t.Errorf("%s begins with %.0f Hz, want %.0f", kind, got, want)
		}
		if loud := peak(samples); loud > math.MaxInt16*95/100 || loud < 5000 {
			t.Errorf("%s reaches %d", kind, loud)
		}
	}
	if quiet := peak(wave(High, 0.01)); quiet < math.MaxInt16*4/10 {
		t.Errorf("high priority turned down reaches %d only", quiet)
	}
}

func peak(samples []int16) int {
	p := 0
	for _, s := range samples {
		p = max(p, int(s), -int(s))
	}
	return p
}

// TestTonesAndWordsArePlayed one after the other.
func TestTonesAndWordsArePlayed(t *testing.T) {
	dir := t.TempDir()
	s := start(t, Config{Player: as("player", dir), Speech: as("speech", dir)})
	s.Sound(Signal{Kind: High, Words: "High priority. Verify plate and state."})
	files := played(t, dir, 2)
	if string(files[1]) != "RIFFspoken High priority. Verify plate and state." || len(samplesOf(t, files[0])) < Rate {
		t.Errorf("played %d bytes, then %.80q", len(files[0]), files[1])
	}
	if s.Trouble() != "" {
		t.Error(s.Trouble())
	}
}

// TestAGraverSignalCutsALesserShort, and goes before what waits.
func TestAGraverSignalCutsALesserShort(t *testing.T) {
	s, err := New(Config{Player: []string{"x"}, Volume: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	isCut := false
	s.playing, s.cut = Normal, func() { isCut = true }
	s.Sound(Signal{Kind: Low})
	s.Sound(Signal{Kind: Trouble})
	if isCut {
		t.Error("a lesser signal cut a graver one short")
	}
	s.Sound(Signal{Kind: High})
	var order []Kind
	for {
		w, ok := s.next()
		if !ok {
			break
		}
		order = append(order, w.Kind)
	}
	if !isCut || fmt.Sprint(order) != "[high low trouble]" {
		t.Errorf("cut %v, order %v", isCut, order)
	}
	s.Sound(Signal{Kind: Low})
	later := time.Now().Add(time.Minute)
	s.now = func() time.Time { return later }
	if w, ok := s.next(); ok {
		t.Errorf("news of a minute ago is played: %v", w.Kind)
	}
}

// TestABrokenPlayerIsSaid, and a hanging one ends with the program.
func TestABrokenPlayerIsSaid(t *testing.T) {
	s := start(t, Config{Player: as("broken", "")})
	s.Sound(Signal{Kind: Low})
	end := time.Now().Add(20 * time.Second)
	for s.Trouble() == "" && time.Now().Before(end) {
		<-time.After(5 * time.Millisecond)
	}
	if got := s.Trouble(); !strings.Contains(got, "no such device") || !strings.Contains(got, "sound.player") {
		t.Errorf("trouble %q", got)
	}
	hanging := start(t, Config{Player: as("hangs", "")})
	hanging.Sound(Signal{Kind: Low}) // the clean-up waits for Run
}

func TestTheLampIsLit(t *testing.T) {
	lamp := filepath.Join(t.TempDir(), "value")
	s, err := New(Config{Volume: 1, Lamp: lamp}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, isOn := range []bool{true, true, false} {
		s.Light(isOn)
		if b, _ := os.ReadFile(lamp); string(b) != map[bool]string{true: "1", false: "0"}[isOn] {
			t.Errorf("lit %v: %q", isOn, b)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Config{{Volume: 0}, {Volume: 2}, {Volume: 1, Speech: []string{"espeak-ng"}}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestALSATakesTheTones: aplay plays to ALSA's own file output, as to a device.
func TestALSATakesTheTones(t *testing.T) {
	if _, err := exec.LookPath("aplay"); err != nil {
		t.Fatal("aplay is missing: scripts/install-deps.sh test installs it (alsa-utils)")
	}
	dir := t.TempDir()
	out, conf := filepath.Join(dir, "heard.raw"), filepath.Join(dir, "asound.conf")
	text := fmt.Sprintf("pcm.car { type file slave.pcm { type null } file %q format raw }\n", out)
	if err := os.WriteFile(conf, []byte("</usr/share/alsa/alsa.conf>\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Player: []string{"env", "ALSA_CONFIG_PATH=" + conf, "aplay", "-q", "-D", "car", "-"}})
	s.Sound(Signal{Kind: Normal})
	end := time.Now().Add(30 * time.Second)
	want := 2 * len(wave(Normal, 0.8))
	var heard []byte
	for len(heard) < want && time.Now().Before(end) && s.Trouble() == "" {
		<-time.After(10 * time.Millisecond)
		heard, _ = os.ReadFile(out)
	}
	if s.Trouble() != "" || len(heard) < want {
		t.Fatalf("%d bytes came to ALSA, want %d: %s", len(heard), want, s.Trouble())
	}
	samples := make([]int16, len(heard)/2)
	if err := binary.Read(bytes.NewReader(heard), binary.LittleEndian, samples); err != nil {
		t.Fatal(err)
	}
	if got := strongest(samples[:int(0.17*Rate)], 294, 523, 659, 880, 988); got != 659 {
		t.Errorf("ALSA heard %.0f Hz, want 659", got)
	}
}
