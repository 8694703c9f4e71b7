package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// errNavigated reports a script that a new page cut off.
var errNavigated = errors.New("the page went to another")

// browser speaks the Chrome DevTools protocol over a pair of pipes: JSON
// messages that end in a zero byte.
type browser struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	profile string

	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
	session string
	errors  []string // that the page itself reported
}

type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

type message struct {
	ID     int
	Method string
	Params json.RawMessage
	reply
}

func openBrowser(ctx context.Context, program string) (*browser, error) {
	profile, err := os.MkdirTemp("", "console-look-")
	if err != nil {
		return nil, fmt.Errorf("make a profile for the browser: %w", err)
	}
	toBrowser, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	out, fromBrowser, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio",
		"--no-first-run", "--disable-background-networking", "--autoplay-policy=no-user-gesture-required",
		"--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // file descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w: install it with scripts/install-deps.sh screenshots", program, err)
	}
	toBrowser.Close()
	fromBrowser.Close()
	b := &browser{cmd: cmd, in: in, profile: profile, waiting: map[int]chan reply{}}
	go b.listen(out)
	return b, nil
}

func (b *browser) close() {
	b.in.Close()
	_ = b.cmd.Process.Kill() // it may have ended by itself
	_ = b.cmd.Wait()
	os.RemoveAll(b.profile)
}

func (b *browser) listen(out io.Reader) {
	r := bufio.NewReader(out)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			for id, c := range b.waiting {
				delete(b.waiting, id)
				close(c)
			}
			b.mu.Unlock()
			return
		}
		var m message
		if json.Unmarshal(bytes.TrimRight(raw, "\x00"), &m) != nil {
			continue
		}
		b.mu.Lock()
		if c, ok := b.waiting[m.ID]; ok && m.ID > 0 {
			delete(b.waiting, m.ID)
			c <- m.reply
		}
		if m.Method == "Runtime.exceptionThrown" {
			b.errors = append(b.errors, string(m.Params))
		}
		b.mu.Unlock()
	}
}

// call sends one command and waits for its answer; result may be nil.
func (b *browser) call(ctx context.Context, method string, params, result any) error {
	b.mu.Lock()
	b.last++
	id, c := b.last, make(chan reply, 1)
	b.waiting[id] = c
	msg := map[string]any{"id": id, "method": method, "params": params}
	if b.session != "" {
		msg["sessionId"] = b.session
	}
	raw, err := json.Marshal(msg)
	if err == nil {
		_, err = b.in.Write(append(raw, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("tell the browser %s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	case r, ok := <-c:
		switch {
		case !ok:
			return fmt.Errorf("%s: the browser has gone", method)
		case r.Error != nil && strings.Contains(r.Error.Message, "navigated"):
			return errNavigated
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case result != nil:
			return json.Unmarshal(r.Result, result)
		}
		return nil
	}
}

// openPage makes a page of its own, with storage of its own.
func (b *browser) openPage(ctx context.Context) (err error) {
	b.session = ""
	var made struct{ BrowserContextID, TargetID, SessionID string }
	if err := b.call(ctx, "Target.createBrowserContext", map[string]any{}, &made); err != nil {
		return err
	}
	if err := b.call(ctx, "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": made.BrowserContextID}, &made); err != nil {
		return err
	}
	if err := b.call(ctx, "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made); err != nil {
		return err
	}
	b.session = made.SessionID
	for _, domain := range []string{"Page", "Runtime"} {
		if err := b.call(ctx, domain+".enable", map[string]any{}, nil); err != nil {
			return err
		}
	}
	return nil
}

// eval runs a script in the page and decodes its value; it waits for promises.
func (b *browser) eval(ctx context.Context, script string, result any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := b.call(ctx, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	if err != nil {
		return err
	}
	if r.ExceptionDetails != nil {
		return fmt.Errorf("script %.60q: %s %s", script, r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, result)
}

func (b *browser) picture(ctx context.Context, path string) error {
	var shot struct{ Data string }
	if err := b.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot); err != nil {
		return err
	}
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		return fmt.Errorf("decode the picture: %w", err)
	}
	return os.WriteFile(path, png, 0o644)
}
