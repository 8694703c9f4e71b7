package sound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// ErrConfig reports a setting that cannot be used.
var ErrConfig = errors.New("sound configuration")

// Config is how the car sounds. The zero Config is silent.
type Config struct {
	Player []string `yaml:"player"` // takes a WAV file on standard input; [] for none
	Speech []string `yaml:"speech"` // takes words on standard input and writes a WAV file; [] for none
	Volume float64  `yaml:"volume"` // of the tones, over 0 to 1; high priority never falls under half
	Lamp   string   `yaml:"lamp"`   // a file that takes 1 and 0, such as a GPIO line's or a lamp's; "" for none
}

// DefaultConfig is silent: a car's computer may have no speaker.
func DefaultConfig() Config { return Config{Player: []string{}, Speech: []string{}, Volume: 0.8} }

// Validate says what is wrong and how to mend it, naming the key.
func (c Config) Validate() error {
	switch {
	case c.Volume <= 0 || c.Volume > 1:
		return fmt.Errorf("%w: volume: %v: use over 0 to 1", ErrConfig, c.Volume)
	case len(c.Speech) > 0 && len(c.Player) == 0:
		return fmt.Errorf("%w: speech: set player too, which plays what it says", ErrConfig)
	}
	return nil
}

const (
	tooOld     = 20 * time.Second // a signal that waited so long is left out
	playWithin = 15 * time.Second // a player that hangs is ended
	maxSpeech  = 4 << 20
	mostWords  = 240 // characters
)

// Signal is one thing to be heard.
type Signal struct {
	Kind  Kind
	Words string // "" for the tones alone
}

// Speaker plays signals one after the other. Sound and Light may be called from
// any goroutine and never block.
type Speaker struct {
	cfg Config
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	waiting []waiting
	playing Kind
	cut     context.CancelFunc // ends what plays now
	trouble string
	isLit   bool
	wake    chan struct{}
}

type waiting struct {
	Signal
	at time.Time
}

// New checks the configuration. Run makes it sound.
func New(cfg Config, log *slog.Logger) (*Speaker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Speaker{cfg: cfg, log: log, now: time.Now, wake: make(chan struct{}, 1)}, nil
}

// IsSetUp says whether there is a player.
func (s *Speaker) IsSetUp() bool { return len(s.cfg.Player) > 0 }

// Trouble is why the last signal was not heard, "" where it was.
func (s *Speaker) Trouble() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// Sound queues a signal. A graver one cuts short what plays, and goes before what
// waits.
func (s *Speaker) Sound(sig Signal) {
	if !s.IsSetUp() || sig.Kind.rank() == 0 {
		return
	}
	s.mu.Lock()
	at := len(s.waiting)
	for i, w := range s.waiting {
		if w.Kind.rank() < sig.Kind.rank() {
			at = i
			break
		}
	}
	s.waiting = append(s.waiting[:at:at], append([]waiting{{sig, s.now()}}, s.waiting[at:]...)...)
	if s.cut != nil && s.playing.rank() < sig.Kind.rank() {
		s.cut()
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Light switches the lamp or relay.
func (s *Speaker) Light(isOn bool) {
	if s.cfg.Lamp == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isLit == isOn {
		return
	}
	text := "0"
	if isOn {
		text = "1"
	}
	if err := os.WriteFile(s.cfg.Lamp, []byte(text), 0o644); err != nil {
		s.log.Error("switch the lamp", "error", err)
		return
	}
	s.isLit = isOn
}

// Run plays what comes until ctx ends.
func (s *Speaker) Run(ctx context.Context) error {
	for {
		w, ok := s.next()
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-s.wake:
				continue
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		s.perform(ctx, w)
	}
}

// next takes the signal that is to be heard now.
func (s *Speaker) next() (waiting, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) > 0 {
		w := s.waiting[0]
		s.waiting = s.waiting[1:]
		if s.now().Sub(w.at) < tooOld {
			return w, true
		}
	}
	return waiting{}, false
}

func (s *Speaker) perform(ctx context.Context, w waiting) {
	ctx, cancel := context.WithTimeout(ctx, playWithin)
	defer cancel()
	s.mu.Lock()
	s.playing, s.cut = w.Kind, cancel
	s.mu.Unlock()
	err := s.play(ctx, wav(wave(w.Kind, s.cfg.Volume)))
	if err == nil && w.Words != "" && len(s.cfg.Speech) > 0 {
		err = s.speak(ctx, w.Words)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = nil
	isCut := errors.Is(ctx.Err(), context.Canceled)
	switch {
	case err == nil, isCut:
		s.trouble = ""
	case s.trouble != err.Error():
		s.trouble = err.Error()
		s.log.Error("the car's speaker does not sound", "error", err)
	}
}

func (s *Speaker) play(ctx context.Context, file []byte) error {
	_, err := s.run(ctx, s.cfg.Player, file)
	return err
}

// speak says words. Where the speech program fails, the tones were heard.
func (s *Speaker) speak(ctx context.Context, words string) error {
	if r := []rune(words); len(r) > mostWords {
		words = string(r[:mostWords])
	}
	spoken, err := s.run(ctx, s.cfg.Speech, []byte(words))
	if err != nil {
		return err
	}
	if len(spoken) == 0 || len(spoken) > maxSpeech {
		return fmt.Errorf("%s wrote %d bytes instead of a WAV file", s.cfg.Speech[0], len(spoken))
	}
	return s.play(ctx, spoken)
}

func (s *Speaker) run(ctx context.Context, program []string, in []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program[0], program[1:]...)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &complaint
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		text, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return nil, fmt.Errorf("%s: %w: %.200s: check sound.player and sound.speech", strings.Join(program, " "), err, text)
	}
	return out.Bytes(), nil
}
