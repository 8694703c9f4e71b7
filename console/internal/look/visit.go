package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"alpr"
	"alpr/console"
)

//go:embed checks.js
var checks string

// visit is one officer at one screen.
type visit struct {
	b    *browser
	p    *tab
	con  *console.Console
	rec  *records
	url  string
	out  string
	name string
	ctx  context.Context
	bad  []error
}

func (v *visit) look(width, height int, isPhone bool, theme string) error {
	p, err := v.b.open(width, height, isPhone)
	if err != nil {
		return err
	}
	defer p.close()
	v.p = p
	v.script(fmt.Sprintf(`location.href = %q`, v.url))
	v.until(`document.querySelector('#gate-name')`)
	v.script(fmt.Sprintf(`localStorage.setItem('alpr.theme', '"%s"')`, theme))
	v.script(`document.querySelector('#gate-name').value = 'demo'; document.querySelector('#gate-password').value = 'demo'; document.querySelector('#gate form').requestSubmit()`)
	v.until(`!document.querySelector('#app').hidden && document.querySelectorAll('#parts li').length`)
	v.drive()
	v.hit()
	v.others()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.errors {
		v.do(fmt.Errorf("the page reported: %.300s", e))
	}
	return errors.Join(v.bad...)
}

// drive shows an ordinary hour: reads, and nothing else.
func (v *visit) drive() {
	for _, p := range []struct {
		text, region, picture string
		conf                  float64
		weak                  int
	}{{"AJB4678", "US-GA", "white", 0.993, -1}, {"JB5W887", "US-TX", "grey", 0.97, -1}, {"K7T3PD", "US-FL", "", 0.999, -1},
		{"9MWC683", "", "", 0.88, 2}, {"KVS89V", "US-TX", "", 0.995, -1}, {"54G8952", "US-CA", "red", 0.98, -1}} {
		rd, err := v.rec.read(p.text, p.region, p.picture, p.conf, p.weak)
		v.do(err)
		v.con.ShowRead(rd)
	}
	v.until(`document.querySelectorAll('#feed button').length >= 6`)
	v.shot("reads")
}

// hit raises the alert the console is for, answers it, and takes one back.
func (v *visit) hit() {
	rd, err := v.rec.read("0KF25S", "US-FL", "blue", 0.86, 0)
	v.do(err)
	h := alertFor(rd)
	v.con.ShowRead(rd)
	v.con.ShowHit(rd, h)
	v.until(`!document.querySelector('#stage').hidden && [...document.querySelectorAll('#stage img')].every((i) => i.complete && i.naturalWidth) && !document.querySelector('#stage .verdicts button').disabled`)
	v.shot("hit")

	other, err := v.rec.read("54G8952", "US-CA", "red", 0.98, -1)
	v.do(err)
	second := alertFor(other)
	second.Entry.PlateGiven, second.Entry.Plate, second.Entry.State, second.Entry.Priority = "54G 8952", "54G8952", "US-NV", alpr.PriorityNormal
	second.Kind, second.Differs, second.P, second.State = alpr.MatchExact, nil, 0.21, alpr.StateMismatch // P counts the state too
	second.Entry.Category, second.Entry.Reason, second.Entry.Caution, second.IsStale, second.ListAge = "Felony vehicle", "Plate reported stolen", "", true, 75*time.Hour
	second.Entry.Vehicle = alpr.Vehicle{Make: "Toyota", Model: "Camry", Colour: "Silver", Year: "2016"}
	v.con.ShowHit(other, second)
	v.until(`document.querySelectorAll('#stage .waiting > button').length === 1`)

	v.script(`window.isOld = true; location.reload()`) // an open hit must survive it
	v.until(`!window.isOld && document.querySelector('#stage .compare') && document.querySelectorAll('#stage .waiting > button').length === 1 && !document.querySelector('#stage .verdicts button').disabled`)
	v.click(`Misread`)
	v.shot("misread")
	v.click(`Back`)
	v.click(`Correct plate & state`)
	v.shot("verdict")
	n := v.rec.count()
	v.click(`Stop`)
	v.until(`document.querySelector('#stage')?.textContent.includes('MISMATCH') && !document.querySelector('#stage .verdicts button').disabled`)
	if v.rec.count() != n+1 {
		v.do(errors.New("two touches recorded no disposition"))
	}
	v.until(`[...document.querySelectorAll('#stage img')].every((i) => i.complete && i.naturalWidth)`)
	v.shot("mismatch")
	v.click(`Wrong state`)
	v.click(`No action`)
	v.until(`document.querySelector('#stage').hidden`)

	gone, err := v.rec.read("JB5W887", "US-TX", "grey", 0.97, -1)
	v.do(err)
	back := alertFor(gone)
	back.Entry.Plate, back.Kind, back.Differs = "JB5W881", alpr.MatchTolerant, []alpr.Difference{{Slot: 6, Read: "7", Listed: "1", P: 0.06}}
	back.P, back.Preview = 0.31, true
	v.con.ShowHit(gone, back)
	v.until(`!document.querySelector('#stage').hidden`)
	gone.Revision, back.IsWithdrawn, back.Preview = 2, true, false
	v.con.ShowHit(gone, back)
	v.until(`document.querySelector('#stage.withdrawn img')?.complete && !document.querySelector('#stage .act button').disabled`)
	v.shot("withdrawn")
	v.click(`Understood`)
	v.until(`document.querySelector('#stage').hidden`)
}

// others shows the panels, and what is said when parts fail.
func (v *visit) others() {
	v.setTrouble(true)
	v.until(`document.querySelector('#notices').textContent.includes('No GPS') && document.querySelector('#notices').textContent.includes('No connection')`)
	v.shot("degraded")
	v.script(`document.querySelector('#nav-lookup').click()`)
	v.script(`(() => { const i = document.querySelector('#lookup input.plate'); i.value = '54G8952'; i.dispatchEvent(new Event('input', {bubbles: true})); })()`)
	v.click(`Stolen vehicle`)
	v.script(`document.querySelector('#lookup form').requestSubmit()`)
	v.until(`document.querySelectorAll('#lookup .rows button').length`)
	v.shot("lookup")
	v.script(`document.querySelector('#nav-entries').click()`)
	v.until(`document.querySelector('#entries .rows li')`)
	v.shot("entries")
	v.script(`document.querySelector('#nav-system').click()`)
	v.shot("system")
	v.setTrouble(false)
	v.script(`document.querySelector('#strip-lock').click()`)
	v.until(`document.querySelector('#gate h1')?.textContent.includes('locked')`)
	rd, err := v.rec.read("0KF25S", "US-FL", "blue", 0.86, 0)
	v.do(err)
	v.con.ShowHit(rd, alertFor(rd))
	v.until(`document.querySelector('#gate .waiting-hit')`)
	v.shot("locked")
	h := alertFor(rd)
	rd.Revision, h.IsWithdrawn = 2, true
	v.con.ShowHit(rd, h)
	v.script(`document.querySelector('#gate-password').value = 'demo'; document.querySelector('#gate form').requestSubmit()`)
	v.until(`document.querySelector('#stage.withdrawn') && !document.querySelector('#stage .act button').disabled`)
	v.click(`Understood`)
}

func alertFor(rd alpr.Read) alpr.Hit {
	id := rd.ID
	id[15] ^= 0xff
	return alpr.Hit{ID: id, ReadID: rd.ID, At: rd.At, Kind: alpr.MatchLookAlike, P: 0.873, State: alpr.StateMatch, StateP: 0.94,
		Differs: []alpr.Difference{{Slot: 0, Read: "0", Listed: "O", P: 0.87}}, ListAge: 4*time.Hour + 12*time.Minute,
		Entry: alpr.Entry{ID: "118-2291", List: "State hot list", Source: "NCIC", PlateGiven: "OKF 25S", Plate: "OKF25S", State: "US-FL",
			Reason: "Taken in an armed robbery", Category: "Stolen vehicle", Priority: alpr.PriorityHigh, CaseNumber: "26-004417",
			Caution: "Occupants may be armed", Vehicle: alpr.Vehicle{Make: "Honda", Model: "Civic", Year: "2019", Colour: "Blue", Style: "4-door"}}}
}

func (r *records) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.dispose)
}

func (v *visit) setTrouble(isOn bool) {
	v.rec.mu.Lock()
	defer v.rec.mu.Unlock()
	v.rec.noFix = isOn
}

func (v *visit) do(err error) {
	if err != nil {
		fmt.Println("  ", err)
		v.bad = append(v.bad, err)
	}
}

func (v *visit) script(s string) { v.do(v.p.eval(s, nil)) }

// until waits for something to become true in the page, over reloads too.
func (v *visit) until(cond string) { v.do(v.p.waitFor(cond, 20*time.Second)) }

// click touches the visible button with these words.
func (v *visit) click(words string) {
	v.script(fmt.Sprintf(`(() => { const b = [...document.querySelectorAll('button')].find((b) => b.offsetParent && !b.disabled && b.textContent.startsWith(%q));
		if (!b) throw new Error('no button ' + %[1]q); b.click(); })()`, words))
}

// shot checks the page as it is and takes its picture.
func (v *visit) shot(what string) {
	var faults []string
	if err := v.p.eval(checks, &faults); err != nil {
		v.do(err)
	}
	for _, f := range faults {
		v.do(fmt.Errorf("%s: %s", what, f))
	}
	v.do(v.p.picture(filepath.Join(v.out, "console-"+v.name+"-"+what+".png")))
}
