package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// hear notes what a page asks of the browser's audio: the pitch of every tone.
const hear = `window.heard = []; { const start = OscillatorNode.prototype.start;
	OscillatorNode.prototype.start = function (at) { window.heard.push(Math.round(this.frequency.value)); return start.call(this, at); }; }`

// browser is one running browser.
type browser struct {
	ctx  context.Context
	stop func()
}

// openBrowser starts a browser without a window.
func openBrowser(ctx context.Context, program string) (*browser, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	ctx, stopAll := chromedp.NewExecAllocator(ctx, options...)
	ctx, stop := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // events newer than the library
	b := &browser{ctx: ctx, stop: func() { stop(); stopAll() }}
	if err := chromedp.Run(ctx); err != nil {
		b.stop()
		return nil, fmt.Errorf("start %s: %w: install it with scripts/install-deps.sh screenshots", program, err)
	}
	return b, nil
}

// tab is a page with storage and cookies of its own.
type tab struct {
	ctx   context.Context
	close func()

	mu     sync.Mutex
	errors []string // that the page itself reported
}

func (b *browser) open(width, height int, isPhone bool) (*tab, error) {
	id, err := b.newTarget()
	if err != nil {
		return nil, fmt.Errorf("open a page: %w", err)
	}
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	p := &tab{ctx: ctx, close: stop}
	chromedp.ListenTarget(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.errors = append(p.errors, e.ExceptionDetails.Error())
		}
	})
	err = chromedp.Run(ctx, p.sized(width, height, isPhone), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(hear).Do(ctx)
		return err
	}))
	if err != nil {
		stop()
		return nil, fmt.Errorf("open a page: %w", err)
	}
	return p, nil
}

// newTarget makes a window with cookies of its own. A browser without windows
// opens tabs in one alone.
func (b *browser) newTarget() (id target.ID, err error) {
	err = chromedp.Run(b.ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		own, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx)
		if err != nil {
			return err
		}
		id, err = target.CreateTarget("about:blank").WithBrowserContextID(own).WithNewWindow(true).Do(ctx)
		return err
	}))
	return id, err
}

func (p *tab) sized(width, height int, isPhone bool) chromedp.Action {
	return chromedp.Tasks{emulation.SetDeviceMetricsOverride(int64(width), int64(height), 1, isPhone),
		emulation.SetTouchEmulationEnabled(isPhone)}
}

// eval runs a script in the page, as if somebody had touched it, and decodes its
// value; it waits for promises. result may be nil.
func (p *tab) eval(script string, result any) error {
	err := chromedp.Run(p.ctx, chromedp.Evaluate(script, result, func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
		return e.WithAwaitPromise(true).WithUserGesture(true)
	}))
	if err != nil {
		return fmt.Errorf("script %.70q: %w", script, err)
	}
	return nil
}

// waitFor waits until something is true in the page, over reloads too.
func (p *tab) waitFor(cond string, within time.Duration) error {
	end := time.NewTimer(within)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var ok bool
		err := p.eval(`(() => { try { return Boolean(`+cond+`); } catch { return false; } })()`, &ok)
		if ok {
			return nil
		}
		if errors.Is(p.ctx.Err(), context.Canceled) {
			return err
		}
		select {
		case <-end.C:
			return fmt.Errorf("wait for %.150q: not within %s", cond, within)
		case <-tick.C:
		}
	}
}

// mouse does one thing with the mouse at the middle of what a selector finds.
func (p *tab) mouse(kind input.MouseType, find string) error {
	var at struct{ X, Y float64 }
	if err := p.eval(fmt.Sprintf(`(() => { const r = (%s).getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2}; })()`, find), &at); err != nil {
		return err
	}
	return p.mouseAt(kind, at.X, at.Y)
}

func (p *tab) mouseAt(kind input.MouseType, x, y float64) error {
	return chromedp.Run(p.ctx, input.DispatchMouseEvent(kind, x, y).WithButton(input.Left).WithClickCount(1))
}

// keys types as a keyboard does, into whatever has the focus.
func (p *tab) keys(text string) error { return chromedp.Run(p.ctx, chromedp.KeyEvent(text)) }

// png is the page as it stands.
func (p *tab) png() (shot []byte, err error) {
	err = chromedp.Run(p.ctx, chromedp.CaptureScreenshot(&shot))
	return shot, err
}

func (p *tab) picture(path string) error {
	shot, err := p.png()
	if err != nil {
		return fmt.Errorf("take a picture: %w", err)
	}
	return os.WriteFile(path, shot, 0o644)
}
