package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/console"
)

// TestKeyboardAlone: a shift without a mouse: log in, answer a misread and a hit,
// take an answer back, look a part of a plate up, lock.
func TestKeyboardAlone(t *testing.T) {
	c := newCar(t, nil)
	s := c.sit(1280, 800)
	s.typeKeys(officer + "\t" + password + "\r")
	s.until(`!document.querySelector('#app').hidden && document.querySelectorAll('#parts li').length`)
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.until(stageReady)
	s.typeKeys("2")
	s.until(`document.activeElement.id === 'corrected'`)
	s.run(`document.activeElement.select()`)
	s.typeKeys("QKF25S\r")
	s.until(`document.querySelector('#toast').textContent.includes('Misread')`)
	c.rec.mu.Lock()
	got := c.rec.dispose
	c.rec.mu.Unlock()
	if len(got) != 1 || got[0].Verdict != alpr.VerdictMisread || got[0].Corrected != "QKF25S" {
		t.Fatalf("recorded %+v", got)
	}
	s.typeKeys("u")
	s.until(stageReady)
	if n := c.rec.count(); n != 2 {
		t.Errorf("%d records after taking the answer back, want 2", n)
	}
	s.typeKeys("1")
	s.until(`document.querySelector('#record')`)
	s.typeKeys("\x1b") // back
	s.until(stageReady)
	s.typeKeys("1")
	s.until(`document.querySelector('#record')`)
	s.typeKeys("1") // Stop
	s.until(`document.querySelector('#stage').hidden && document.querySelector('#toast').textContent.includes('Stop')`)
	s.typeKeys("l")
	s.until(`document.querySelector('#lookup input.plate')`)
	s.run(`document.querySelector('#lookup input.plate').focus()`)
	s.typeKeys("?KF2*")
	s.run(`document.querySelectorAll('#lookup .pick button')[0].focus()`)
	s.typeKeys("\r")
	s.run(`document.querySelector('#lookup button[type=submit]').focus()`)
	s.typeKeys("\r")
	s.until(`document.querySelector('#lookup ol.rows li')?.textContent.includes('OKF25S')`)
	s.run(`document.activeElement.blur()`)
	s.typeKeys("k")
	s.until(`document.querySelector('#gate-password')`)
}

// TestIsThisPlateListed takes one touch from a read.
func TestIsThisPlateListed(t *testing.T) {
	c := newCar(t, nil)
	s := c.logIn(1024, 600)
	c.rec.mu.Lock()
	c.rec.entries = []alpr.Entry{{ID: "e1", Plate: "AJB4678", List: "State hot list", Category: "Stolen vehicle", Reason: "Taken last night"}}
	c.rec.mu.Unlock()
	c.con.ShowRead(c.read("AJB4678", "US-GA", ""))
	s.until(`document.querySelector('#feed button')`)
	s.click(`document.querySelector('#feed button')`)
	s.until(`document.querySelector('#sheet').open`)
	s.click(button("Is this plate listed"))
	s.until(`document.querySelector('#sheet .rows')?.textContent.includes('Taken last night')`)
}

// TestTwoScreens: an answer on one closes the hit on the other.
func TestTwoScreens(t *testing.T) {
	c := newCar(t, nil)
	a, b := c.logIn(1024, 600), c.logIn(390, 844)
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	a.until(stageReady)
	b.until(stageReady)
	a.click(button("Dismiss"))
	a.until(`document.querySelector('#record')`)
	a.click(`document.querySelector('#record')`)
	b.until(`document.querySelector('#stage').textContent.includes('Dismissed, not looked at') || document.querySelector('#stage').hidden`)
}

// BenchmarkFrameToPage is the time from the read's picture, as the console is
// told of the hit, to the plate drawn in the browser.
func BenchmarkFrameToPage(b *testing.B) {
	withPage(b, func(c *car, s *screen) {
		var took []time.Duration
		for i := 0; b.Loop(); i++ {
			plate := fmt.Sprintf("FRM%04d", i)
			s.run(fmt.Sprintf(`window.drawn = new Promise((done) => { const o = new MutationObserver(() => { if (document.querySelector('#stage').textContent.includes(%q)) { o.disconnect(); requestAnimationFrame(() => done(Date.now())); } }); o.observe(document.body, {subtree: true, childList: true, characterData: true}); }); true`, plate))
			began := time.Now()
			c.alert(plate, alpr.PriorityHigh, func(h *alpr.Hit) { h.Entry.ID = plate })
			drawn := time.UnixMilli(int64(ask[float64](s, `window.drawn`)))
			took = append(took, drawn.Sub(began))
			s.until(stageReady)
			s.typeKeys("5")
			s.until(`document.querySelector('#record')`)
			s.typeKeys("\r")
			s.until(`document.querySelector('#stage').hidden`)
		}
		report(b, took)
	})
}

// BenchmarkAnswer is the time from the alert to the recorded answer where an
// officer presses as soon as the page lets him: the page's own share of it.
func BenchmarkAnswer(b *testing.B) {
	for name, do := range map[string]func(*screen){
		"keyboard": func(s *screen) { s.typeKeys("1"); s.until(`document.querySelector('#record')`); s.typeKeys("1") },
		"pointer": func(s *screen) {
			s.click(button("Correct plate"))
			s.until(`document.querySelector('#record')`)
			s.click(button("Stop"))
		},
	} {
		b.Run(name, func(b *testing.B) {
			withPage(b, func(c *car, s *screen) {
				var took []time.Duration
				for i := 0; b.Loop(); i++ {
					n := c.rec.count()
					began := time.Now()
					c.alert(fmt.Sprintf("ANS%04d", i), alpr.PriorityHigh, nil)
					s.until(stageReady)
					do(s)
					for c.rec.count() == n {
						<-time.After(time.Millisecond)
					}
					took = append(took, time.Since(began))
					s.until(`document.querySelector('#stage').hidden`)
				}
				report(b, took)
			})
		})
	}
}

func report(b *testing.B, took []time.Duration) {
	slices.SortFunc(took, cmp.Compare)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Milliseconds()), "p95-ms")
	b.ReportMetric(0, "ns/op")
}

func withPage(b *testing.B, do func(*car, *screen)) {
	c := newCar(b, nil)
	do(c, c.logIn(1024, 600))
}

// TestThePageSpeaksSpanish where the agency wants it, in its units and hours.
func TestThePageSpeaksSpanish(t *testing.T) {
	c := newCar(t, func(cfg *console.Config) {
		cfg.Language, cfg.Units, cfg.Hours, cfg.TimeZone = "es", "km/h", 12, "America/New_York"
	})
	s := c.sit(1024, 600)
	s.until(`document.querySelector('#gate').textContent.includes('Contraseña')`)
	s.enter(officer, "wrong")
	s.until(`document.querySelector('#gate .problem').textContent.includes('incorrectos')`)
	s.enter(officer, password)
	s.until(`!document.querySelector('#app').hidden`)
	c.alert("OKF25S", alpr.PriorityHigh, func(h *alpr.Hit) {
		h.Entry.Vehicle = alpr.Vehicle{Make: "TOYT", Model: "CAM", Colour: "SIL", Year: "2019", Style: "4D"}
	})
	s.until(stageReady)
	s.see("#stage", "Prioridad alta: Vehículo robado", "Solo una pista: verifique placa y estado", "Exacta: coinciden todos los caracteres",
		"El estado coincide", "2019 plateado Toyota Camry", "PRECAUCIÓN", "km/h", "rumbo este", "Placa y estado correctos")
	if got := ask[string](s, `document.documentElement.lang + ' ' + document.querySelector('#stage').innerText`); !strings.HasPrefix(got, "es") || strings.Contains(got, "Lead only") || strings.Contains(got, "verify") {
		t.Errorf("English is left: %.300s", got)
	}
}

// TestATechnicianSeesNoPlate, and is told so.
func TestATechnicianSeesNoPlate(t *testing.T) {
	c := newCar(t, nil)
	c.account("tech", console.RoleTechnician)
	s := c.sit(1024, 600)
	s.enter("tech", password)
	s.until(`!document.querySelector('#app').hidden && document.querySelector('#system li')`)
	c.alert("OKF25S", alpr.PriorityHigh, nil)
	s.see("#notices", "no alerts")
	c.rec.mu.Lock()
	c.rec.noFix = true
	c.rec.mu.Unlock()
	s.until(`document.querySelector('#parts').textContent.includes('no fix')`) // the status came after the hit
	if got := ask[string](s, `document.body.innerText`); strings.Contains(got, "OKF25S") {
		t.Error("a technician's page shows a plate")
	}
	if ask[bool](s, `[...document.querySelectorAll('#rail button')].some((b) => !b.hidden && /Look up|Alerts|Shift/.test(b.textContent))`) {
		t.Error("a technician's page offers what it may not show")
	}
}
