package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"

	"alpr"
	"alpr/console"
)

// highTone is the first pitch of the high priority's sound.
const highTone = 988

func (s *screen) forgetSounds() { s.t.Helper(); s.run(`window.heard = []`) }

func (s *screen) hears(tone int) {
	s.t.Helper()
	s.until(fmt.Sprintf(`window.heard.includes(%d)`, tone))
}

// TestALockedPageSoundsAndShows: a wrong password says so and changes nothing;
// plate, reason and caution stand on the locked page, which sounds.
func TestALockedPageSoundsAndShows(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	s.click(`document.querySelector('#strip-lock')`)
	s.until(`document.querySelector('#gate h1')?.textContent.includes('locked')`)
	s.enter("", "wrong")
	s.until(`document.querySelector('#gate .problem').textContent.includes('password is wrong')`)
	s.forgetSounds()
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(`document.querySelector('#gate .waiting-hit')`)
	s.see("#gate", "OKF25S", "Taken in an armed robbery", "Occupants may be armed", "Lead only")
	s.hears(highTone)
	s.forgetSounds()
	c.alert("ABC1234", alpr.PriorityNormal, nil) // a lesser one takes no grave one's place
	s.until(`document.querySelectorAll('#gate .waiting-hit').length === 2`)
	s.see("#gate .waiting-hit", "OKF25S")
	s.hears(659)
	s.enter("", password)
	s.until(stageReady)
	s.see("#stage", "Stolen vehicle", "Occupants may be armed")
}

// TestALoggedOutPageSoundsAndShows: whatever ends the session, the page asks for
// the officer, and goes on alerting.
func TestALoggedOutPageSoundsAndShows(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	s.run(`(async () => { const s = await (await fetch('/api/session')).json(); await fetch('/api/logout', {method: 'POST', headers: {'Content-Type': 'application/json', 'X-Alpr-Token': s.token}, body: '{}'}); })()`)
	s.until(`document.querySelector('#gate-name')`)
	s.see("#gate", "session has ended")
	s.forgetSounds()
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(`document.querySelector('#gate .waiting-hit')`)
	s.see("#gate", "OKF25S", "Taken in an armed robbery", "Occupants may be armed")
	s.hears(highTone)
	s.enter(officer, "wrong")
	s.until(`document.querySelector('#gate .problem').textContent.includes('wrong')`)
	s.see("#gate", "OKF25S")
	s.enter(officer, password)
	s.until(stageReady)
}

// TestEvery401OpensTheLogIn: the session is gone and nothing has told the page; the
// next thing it asks for does.
func TestEvery401OpensTheLogIn(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	for _, what := range []string{`document.querySelector('#nav-entries')`, `document.querySelector('#nav-shift')`, `document.querySelector('#nav-sound')`, `document.querySelector('#strip-lock')`} {
		s.run(`cookieStore.delete('alpr_session').catch(() => {})`)
		s.run(`fetch = ((f) => (path, o) => path === '/api/login' || path === '/api/session' || path === '/api/words' ? f(path, o) : Promise.resolve(new Response('{"error":"log in first"}', {status: 401})))(fetch)`)
		s.click(what)
		s.until(`document.querySelector('#gate-name') && !document.querySelector('#gate').hidden`)
		s.run(`window.isOld = true; location.reload()`)
		s.until(`!window.isOld && document.querySelector('#app')`)
		s.until(`!document.querySelector('#app').hidden || document.querySelector('#gate-name')`)
		if ask[bool](s, `document.querySelector('#app').hidden`) {
			s.enter(officer, password)
		}
		s.until(`!document.querySelector('#app').hidden`)
	}
}

// TestPolicyKeepsWhatALockedPageSays: an agency may want no more than that there
// is an alert, and it sounds all the same.
func TestPolicyKeepsWhatALockedPageSays(t *testing.T) {
	c := newCar(t, func(cfg *console.Config) { cfg.ShowLocked, cfg.ShowLoggedOut = false, false })
	s := c.sit(1024, 600)
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(`document.querySelector('#gate .waiting-hit')`)
	s.hears(highTone)
	if strings.Contains(ask[string](s, `document.body.innerText`), "OKF25S") {
		t.Error("the plate stands on a page without an officer, against the policy")
	}
}

// TestTheProgramStartsAnewInAnAlert: nobody is logged out, the page comes back by
// itself, sounds what it missed, and the open hit has its pictures.
func TestTheProgramStartsAnewInAnAlert(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	c.alert("OKF25S", alpr.PriorityNormal, nil)
	s.until(stageReady)
	s.forgetSounds()
	c.restart(func() {
		r := c.read("NEW1234", "US-FL", "red")
		h := alertFor(r)
		h.Entry.Plate, h.Entry.Category = "NEW1234", "Wanted person"
		c.rec.mu.Lock()
		c.rec.open = append(c.rec.open, openOf{r, h})
		c.rec.mu.Unlock()
	})
	s.until(`document.querySelector('#stage .cells')?.textContent.includes('NEW1234') && document.querySelector('#gate').hidden`)
	s.hears(highTone)
	s.until(`[...document.querySelectorAll('#stage img')].length === 2 && [...document.querySelectorAll('#stage img')].every((i) => i.complete && i.naturalWidth > 0)`)
	s.see("#stage .waiting", "OKF25S")
}

// TestAHitIsTakenBackInSight: removed from the list, it says so with the time, and
// takes no answer as if nothing had happened.
func TestAHitIsTakenBackInSight(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	r, h := c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(stageReady)
	s.click(button("Correct plate"))
	s.until(`document.querySelector('#record')`)
	r.Crop, r.Context = alpr.Picture{}, alpr.Picture{}
	h.IsWithdrawn, h.Withdrawal = true, alpr.Withdrawal{Why: alpr.WithdrawnRemoved, At: time.Now()}
	c.con.ShowHit(r, h)
	s.until(`document.querySelector('#stage.withdrawn')`)
	s.see("#stage", "do not act on it", "was removed from State hot list", time.Now().Format("15:04"))
	s.hears(587)
	if n := c.rec.count(); n != 0 {
		t.Errorf("%d answers were recorded", n)
	}
}

// TestNothingMovesUnderAFinger: a revision that comes between pressing and
// releasing costs no click, on a verdict and on the strip.
func TestNothingMovesUnderAFinger(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	r, h := c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(stageReady)
	for i := range 5 {
		s.press(input.MousePressed, button("Misread"))
		r.Revision++
		r.Text.Confidence -= 0.01
		c.con.ShowHit(r, h)
		c.con.ShowRead(c.read(fmt.Sprintf("NEW%04d", i), "US-FL", ""))
		s.until(fmt.Sprintf(`performance.now() > %f`, ask[float64](s, `performance.now()`)+150))
		s.press(input.MouseReleased, button("Misread"))
		s.until(`document.querySelector('#corrected')`)
		s.click(button("Back"))
		s.until(stageReady)
	}
	for range 12 { // the status changes with every one
		s.press(input.MousePressed, `document.querySelector('#nav-system')`)
		c.rec.mu.Lock()
		c.rec.noFix = !c.rec.noFix
		c.rec.mu.Unlock()
		r.Revision++
		c.con.ShowHit(r, h)
		s.press(input.MouseReleased, `document.querySelector('#nav-system')`)
		s.until(`!document.querySelector('#system').hidden`)
		s.click(`document.querySelector('#nav-home')`)
		s.until(`document.querySelector('#system').hidden`)
	}
}

// TestAHitTakesNoKeyboard: what is typed stays, where it is typed; the hit is a
// bar until then, and reads no key as an answer.
func TestAHitTakesNoKeyboard(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	s.click(`document.querySelector('#nav-entries')`)
	s.until(`document.querySelector('#entries input.plate')`)
	s.click(`document.querySelector('#entries input.plate')`)
	s.typeKeys("AB1")
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(`!document.querySelector('#hitbar').hidden`)
	s.see("#hitbar", "OKF25S", "Taken in an armed robbery", "Occupants may be armed", "Lead only")
	s.hears(highTone)
	s.typeKeys("23")
	if got := ask[string](s, `document.activeElement.value`); got != "AB123" {
		t.Errorf("the field holds %q, AB123 was typed", got)
	}
	s.typeKeys("\x1b") // Esc leaves the field
	s.until(stageReady)
	s.typeKeys("1")
	s.until(`document.querySelector('#record')`)
	s.typeKeys("\r")
	s.until(`document.querySelector('#stage').hidden`)
	s.click(`document.querySelector('#nav-entries')`)
	if got := ask[string](s, `document.querySelector('#entries input.plate').value`); got != "AB123" {
		t.Errorf("after the hit the draft is %q, want AB123", got)
	}
	if n := c.rec.count(); n != 1 {
		t.Errorf("%d answers, want 1", n)
	}
}

// TestARedrawKeepsFocus: whatever the reader says, what has the focus keeps it.
func TestARedrawKeepsFocus(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	r, h := c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(stageReady)
	for _, find := range []string{`document.querySelectorAll('#stage .verdicts button')[2]`, `document.querySelector('#strip-lock')`, `document.querySelector('#nav-system')`} {
		s.run(`window.focused = ` + find + `; window.focused.focus()`)
		for range 3 {
			r.Revision++
			c.con.ShowHit(r, h)
			c.con.ShowRead(r)
			s.until(`performance.now() > ` + fmt.Sprint(ask[float64](s, `performance.now()`)+60))
		}
		if !ask[bool](s, `document.activeElement === window.focused`) {
			t.Errorf("the focus left %s", find)
		}
	}
	s.click(button("Misread"))
	s.until(`document.activeElement.id === 'corrected' || document.activeElement.id === 'record'`)
	s.run(`document.querySelector('#note').focus()`)
	s.typeKeys("seen well")
	r.Revision++
	c.con.ShowHit(r, h)
	s.until(`performance.now() > ` + fmt.Sprint(ask[float64](s, `performance.now()`)+200))
	if got := ask[string](s, `document.activeElement.id + ' ' + document.activeElement.value`); got != "note seen well" {
		t.Errorf("focus and note are %q", got)
	}
}

// brightShare is the share of a picture that is white in the large, as text is
// not, and the mean brightness, 0 to 1.
func brightShare(t *testing.T, shot []byte) (share, mean float64) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	const field = 24
	n, bright := 0, 0
	b := img.Bounds()
	for y := b.Min.Y; y+field <= b.Max.Y; y += field {
		for x := b.Min.X; x+field <= b.Max.X; x += field {
			sum := 0.0
			for i := range field * field / 4 {
				sum += luminance(img, x+i%(field/2)*2, y+i/(field/2)*2)
			}
			l := sum / (field * field / 4)
			mean += l
			if n++; l > 0.7 {
				bright++
			}
		}
	}
	return float64(bright) / float64(n), mean / float64(n)
}

func luminance(img image.Image, x, y int) float64 {
	r, g, b, _ := img.At(x, y).RGBA()
	return (0.2126*float64(r) + 0.7152*float64(g) + 0.0722*float64(b)) / 0xffff
}

// TestNoWhiteAtNight: a fix that comes and goes, a reload, a lock, a form: no
// picture of the page is bright.
func TestNoWhiteAtNight(t *testing.T) {
	c := newCar(t, nil)
	c.rec.place(alpr.Fix{Lat: 27.7, Lon: midnightLon(time.Now()), Quality: alpr.GPSFix})
	s := c.logIn(1024, 600)
	s.until(`document.documentElement.dataset.theme === 'night'`)
	dark := func(when string) {
		t.Helper()
		shot, err := s.png()
		if err != nil {
			t.Fatal(err)
		}
		if share, mean := brightShare(t, shot); share > 0.01 || mean > 0.2 {
			t.Errorf("%s: %.1f %% of the screen are white, mean brightness %.2f", when, 100*share, mean)
		}
	}
	for i := range 4 {
		c.rec.mu.Lock()
		c.rec.noFix = i%2 == 0
		c.rec.mu.Unlock()
		s.until(fmt.Sprintf(`document.querySelector('#parts').textContent.includes('no fix') === %v`, i%2 == 0))
		dark(fmt.Sprintf("fix %d", i))
	}
	c.rec.mu.Lock()
	c.rec.noFix = true
	c.rec.mu.Unlock()
	s.run(`window.isOld = true; location.reload()`)
	s.until(`!window.isOld`)
	dark("reload without a fix")
	s.until(`!document.querySelector('#app').hidden`)
	dark("after the reload")
	s.click(`document.querySelector('#nav-entries')`)
	s.until(`document.querySelector('#entries details')`)
	s.run(`document.querySelector('#entries details').open = true`)
	dark("the form")
	if got := ask[string](s, `getComputedStyle(document.querySelector('#entries input[type=checkbox]')).colorScheme`); got != "dark" {
		t.Errorf("the check box is drawn for %q", got)
	}
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(stageReady)
	dark("a hit")
	s.click(`document.querySelector('#strip-lock')`)
	s.until(`document.querySelector('#gate-password')`)
	dark("locked")
}

// midnightLon is where it is midnight now.
func midnightLon(now time.Time) float64 {
	h := now.UTC().Sub(now.UTC().Truncate(24 * time.Hour)).Hours()
	lon := -h * 15
	if lon < -180 {
		lon += 360
	}
	return lon
}

// TestHostileTextStaysInItsPlace: a list's words turn nothing around, cover
// nothing, and push no verdict out of sight.
func TestHostileTextStaysInItsPlace(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	turned := "Ford \u202e neves ruoF \u2066"
	c.alert("OKF25S", alpr.PriorityHigh, func(h *alpr.Hit) {
		h.Entry.List = strings.Repeat("List of many words ", 22)
		h.Entry.Category = "Stolen" + turned
		h.Entry.Reason, h.Entry.Source, h.Entry.CaseNumber = turned+strings.Repeat("R", 3000), strings.Repeat("W", 400), "<img src=x onerror=alert(1)>"
		h.Entry.Caution = strings.Repeat("Approach with care. ", 200)
		h.Entry.Vehicle.Model = strings.Repeat("M\u0300\u0301\u0302", 100)
	})
	s.until(stageReady)
	if got := ask[string](s, `document.body.innerText`); strings.ContainsAny(got, "\u202e\u2066") {
		t.Error("a character that turns the reading direction is on the page")
	}
	if ask[int](s, `document.querySelectorAll('#stage img').length`) > 2 {
		t.Error("a list's text became markup")
	}
	for _, find := range []string{".banner .lead", ".verdicts button:first-child", ".verdicts button:last-child", ".compare"} {
		if covered := ask[string](s, fmt.Sprintf(`(() => { const e = document.querySelector('#stage %s'); const r = e.getBoundingClientRect();
			if (r.bottom > innerHeight || r.right > innerWidth || r.top < 0 || r.height < 10) return 'off the screen at ' + r.y;
			const at = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2); return e.contains(at) || at.contains(e) ? '' : 'covered by ' + at.outerHTML.slice(0, 80); })()`, find)); covered != "" {
			t.Errorf("%s is %s", find, covered)
		}
	}
	s.see("#stage", "Lead only: verify plate and state", "All of it")
	s.click(button("All of it"))
	s.until(`document.querySelector('#stage .caution').textContent.length > 1000`)
}

// TestAMisreadKeepsThePlateInSight while it is corrected, on every size, and the
// keys beside it.
func TestAMisreadKeepsThePlateInSight(t *testing.T) {
	for _, size := range [][2]int{{1024, 600}, {1280, 800}, {1920, 1080}, {390, 844}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := newCar(t, nil)
			s := c.logIn(size[0], size[1])
			c.alert("OKF25S", alpr.PriorityHigh, nil)
			s.until(stageReady)
			s.run(button("Misread") + `.click()`)
			s.until(`document.querySelector('#stage .crop img')?.naturalWidth > 0`)
			if h := ask[float64](s, `(() => { const r = document.querySelector('#stage .crop img').getBoundingClientRect(); const i = document.querySelector('#corrected').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight && i.bottom <= innerHeight ? r.height : 0; })()`); h < 80 {
				t.Errorf("%.0f pixels of the plate's picture are in sight beside the field", h)
			}
		})
	}
}

// TestManyHitsWaitInOneRow however many there are.
func TestManyHitsWaitInOneRow(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	for i := range 12 {
		c.alert(fmt.Sprintf("WAIT%02d", i), alpr.PriorityNormal, nil)
	}
	for i := range 1000 {
		c.con.ShowRead(c.read(fmt.Sprintf("R%05d", i), "", ""))
	}
	s.until(stageReady)
	s.until(`document.querySelector('#stage .waiting').textContent.includes('11 more')`)
	if h := ask[float64](s, `document.querySelector('#stage .waiting').getBoundingClientRect().height`); h > 60 {
		t.Errorf("the row of waiting hits is %.0f pixels high", h)
	}
	s.click(button("All 11"))
	s.until(`document.querySelectorAll('#cases button').length === 12 && document.querySelector('#stage').hidden`)
}

// TestSmallAndZoomed: at 200 % and 400 %, 320 pixels across and on a phone on its
// side everything can be reached, and nothing is cut off sideways.
func TestSmallAndZoomed(t *testing.T) {
	for name, size := range map[string][2]int{"1024 at 200 %": {512, 300}, "1280 at 400 %": {320, 256}, "320 across": {320, 640}, "phone on its side": {844, 390}} {
		t.Run(name, func(t *testing.T) {
			c := newCar(t, nil)
			s := c.logIn(size[0], size[1])
			c.alert("OKF25S", alpr.PriorityHigh, nil)
			c.alert("NEXT123", alpr.PriorityNormal, nil)
			s.until(stageReady)
			if over := ask[float64](s, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("the page is %.0f pixels too wide", over)
			}
			for _, find := range []string{".lead", ".compare", ".caution", ".crop", ".verdicts button:last-child"} {
				if wrong := ask[string](s, fmt.Sprintf(`(() => { const e = document.querySelector('#stage %s'); e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();
					const x = Math.min(innerWidth - 2, Math.max(1, r.x + r.width / 2)), y = Math.min(innerHeight - 2, Math.max(1, r.y + Math.min(r.height, 30) / 2)); const at = document.elementFromPoint(x, y);
					return r.left < -1 || r.right > innerWidth + 1 ? 'cut off sideways' : at && (e.contains(at) || at.contains(e)) ? '' : 'not reached: ' + (at?.outerHTML ?? '').slice(0, 60); })()`, find)); wrong != "" {
					t.Errorf("%s: %s", find, wrong)
				}
			}
			if name == "phone on its side" {
				if h := ask[float64](s, `document.querySelector('#stage .body').clientHeight`); h < 180 {
					t.Errorf("%.0f pixels are left for the hit", h)
				}
			}
		})
	}
}

// TestAPanelIsThereAfterUnlocking, with what was typed into it.
func TestAPanelIsThereAfterUnlocking(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	s.click(`document.querySelector('#nav-lookup')`)
	s.click(`document.querySelector('#lookup input.plate')`)
	s.typeKeys("XY9")
	s.click(`document.querySelector('#strip-lock')`)
	s.until(`document.querySelector('#gate-password')`)
	s.enter("", password)
	s.until(`!document.querySelector('#app').hidden && document.querySelector('#lookup input.plate')?.value === 'XY9'`)
	s.see("#lookup", "Look up past reads")
}

// TestTheStatusClaimsNothing: no clock is checked by nothing, what was not counted
// is not nought, and a list's age is its own.
func TestTheStatusClaimsNothing(t *testing.T) {
	c := newCar(t, nil)
	c.rec.mu.Lock()
	c.rec.change = func(s *console.Status) {
		s.Clock = console.ClockStatus{PartStatus: console.PartStatus{Level: console.LevelOK}}
		s.Store.Reads = -1
		s.Lists = []console.ListStatus{{Name: "Amber", Entries: 3, PublishedAt: s.At.Add(-4 * time.Minute)}}
	}
	c.rec.mu.Unlock()
	s := c.logIn(1280, 800)
	s.click(`document.querySelector('#nav-system')`)
	s.until(`document.querySelector('#system li')`)
	s.see("#system", "not checked", "not counted yet", "4 minutes old")
	c.rec.mu.Lock()
	c.rec.change = func(s *console.Status) {
		s.Store.Reads = 56
		s.Lists = append(s.Lists, console.ListStatus{Name: "Quick list", Entries: 3, PublishedAt: s.At.Add(-20 * time.Minute), IsStale: true})
	}
	c.rec.mu.Unlock()
	s.until(`document.querySelector('#system').textContent.includes('reads on record 56')`)
	s.see("#system", "Hotlist Quick list is 20 minutes old", "checked by GPS")
}

// TestUndoCoversNothing: what offers to take an answer back leaves the next hit's
// name and "Lead only" in sight.
func TestUndoCoversNothing(t *testing.T) {
	for _, size := range [][2]int{{1024, 600}, {1280, 800}, {390, 844}} {
		c := newCar(t, nil)
		s := c.logIn(size[0], size[1])
		c.alert("OKF25S", alpr.PriorityHigh, nil)
		c.alert("NEXT123", alpr.PriorityNormal, nil)
		s.until(stageReady)
		s.run(button("Correct plate") + `.click()`)
		s.until(`document.querySelector('#record')`)
		s.run(`document.querySelector('#record').click()`)
		s.until(`document.querySelector('#toast.on button') && document.querySelector('#stage').textContent.includes('NEXT123')`)
		if over := ask[float64](s, `document.querySelector('#toast').getBoundingClientRect().bottom - document.querySelector('#stage .banner').getBoundingClientRect().top`); over > 0 {
			t.Errorf("%v: the offer covers %.0f pixels of the next hit", size, over)
		}
	}
}
