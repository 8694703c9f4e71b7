package torture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// keptLines is how much of a program's log a failure shows.
const keptLines = 12

// program is one of the built programs as it runs, its log on a file.
type program struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu        sync.Mutex
	last      []string             // lines of the log
	warnings  int                  // lines of WARN and ERROR
	delivers  map[string]time.Time // camera → when its newest connection gave its first frame
	damageSay []string             // what the log says of damage
	err       error                // how it ended
}

// startProgram starts a program whose log goes to a file, too.
func startProgram(logPath string, env []string, path string, args ...string) (*program, error) {
	p := &program{cmd: exec.Command(path, args...), done: make(chan struct{}), delivers: map[string]time.Time{}}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	file, err := os.OpenFile(logPath, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", path, err), file.Close())
	}
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			fmt.Fprintln(file, lines.Text())
			p.take(lines.Text())
		}
		err := errors.Join(p.cmd.Wait(), file.Close())
		p.mu.Lock()
		defer p.mu.Unlock()
		p.err = err
	}()
	return p, nil
}

func (p *program) take(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = append(p.last, line)
	p.last = p.last[max(0, len(p.last)-40):]
	var said struct{ Msg, Level, Camera string }
	if json.Unmarshal([]byte(line), &said) != nil {
		return
	}
	if said.Msg == "camera delivers" {
		p.delivers[said.Camera] = time.Now()
	}
	if said.Level != "WARN" && said.Level != "ERROR" {
		return
	}
	p.warnings++
	for _, word := range []string{"damage", "quarantin", "tamper", "broken", "sealed", "lost", "set aside", "hotlist", "list "} {
		if strings.Contains(line, word) {
			p.damageSay = append(p.damageSay, line)
			return
		}
	}
}

// saysDamage tells whether the log has said that a record or list is damaged.
func (p *program) saysDamage() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.damageSay) > 0
}

// gives says when a camera's newest connection gave its first frame.
func (p *program) gives(camera string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delivers[camera]
}

// isRunning is false once the program has ended, by whatever.
func (p *program) isRunning() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// while is a context that ends with the program, or after d.
func (p *program) while(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithTimeout(ctx, d)
	go func() {
		select {
		case <-p.done:
			stop()
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}

// words are the end of the log, and how the program ended.
func (p *program) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := strings.Join(p.last[max(0, len(p.last)-keptLines):], "\n")
	if p.err != nil {
		text += "\n" + p.err.Error()
	}
	return text
}

// kill ends the program at once, as a power cut does.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// terminate asks the program to end, as systemd does, and gives an error when
// it does not in time or not with exit code 0.
func (p *program) terminate(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("ask the program to end: %w\n%s", err, p.words())
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("expected an end soon after SIGTERM\n%s", p.words())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("expected exit code 0 after SIGTERM, got %d\n%s", code, p.words())
	}
	return nil
}

// memory is the most that the program has had in memory, in KiB, and its threads.
func (p *program) memory() (highKiB, threads int) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch key {
		case "VmHWM":
			highKiB = n
		case "Threads":
			threads = n
		}
	}
	return highKiB, threads
}

// result is how a command ended.
type result struct {
	code      int
	out, errs string
}

// command runs one of the programs to its end. Only what cannot be run at all,
// a signal or a panic is an error.
func command(ctx context.Context, stdin string, path string, args ...string) (result, error) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, path, args...)
	c.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	r := result{code: c.ProcessState.ExitCode(), out: out.String(), errs: errs.String()}
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit), r.code < 0:
		return r, fmt.Errorf("expected %s %s to end by itself: %w\n%s", filepath.Base(path), strings.Join(args, " "), err, r.errs)
	case strings.Contains(r.errs, "panic:"), strings.Contains(r.errs, "goroutine 1 "):
		return r, fmt.Errorf("expected no panic of %s %s\n%s", filepath.Base(path), strings.Join(args, " "), r.errs)
	}
	return r, nil
}
