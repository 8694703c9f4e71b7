package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"alpr"
)

// axe-core is fetched by scripts/fetch-web-tools.sh, which pins the same hash.
const (
	axeFile = "../../../build/npm/axe-core-4.14.1.tgz"
	axeSum  = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
)

func axeScript(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(axeFile)
	if err != nil {
		t.Fatalf("%v: run scripts/fetch-web-tools.sh axe", err)
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != axeSum {
		t.Fatalf("%s is not the axe-core that is pinned", axeFile)
	}
	z, err := gzip.NewReader(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "package/axe.min.js" {
			text, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
}

// violations are what axe-core finds wrong with the page as it stands, by the
// rules of WCAG 2.2 A and AA and its own best practice.
func (s *screen) violations(what string) {
	s.t.Helper()
	for _, v := range ask[[]string](s, `axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id + ': ' + v.help + ': ' + v.nodes.map((n) => n.html.slice(0, 120) + ' ' + (n.failureSummary ?? '').replace(/\s+/g, ' ').slice(0, 160)).slice(0, 3).join(' | ')))`) {
		s.t.Errorf("%s: %s", what, v)
	}
}

// TestAxeFindsNothing on any panel, at any size, by day and by night.
func TestAxeFindsNothing(t *testing.T) {
	axe := axeScript(t)
	for _, at := range []struct {
		width, height int
		theme         string
	}{{1024, 600, "day"}, {1280, 800, "night"}, {1920, 1080, "day"}, {390, 844, "night"}, {844, 390, "day"}, {320, 640, "night"}} {
		t.Run(fmt.Sprintf("%dx%d %s", at.width, at.height, at.theme), func(t *testing.T) {
			c := newCar(t, nil)
			s := c.sit(at.width, at.height)
			s.run(fmt.Sprintf(`localStorage.setItem('alpr.theme', '"%s"'); document.documentElement.dataset.theme = %[1]q`, at.theme))
			s.run(axe)
			s.violations("log-in")
			s.enter(officer, password)
			s.until(`!document.querySelector('#app').hidden && document.querySelectorAll('#parts li').length`)
			c.con.ShowRead(c.read("AJB4678", "US-GA", ""))
			s.until(`document.querySelector('#feed button')`)
			s.violations("reads")
			s.run(`document.querySelector('#feed button').click()`)
			s.until(`document.querySelector('#sheet').open`)
			s.violations("a read")
			s.run(`document.querySelector('#sheet').close()`)
			for _, p := range []string{"lookup", "entries", "shift", "system"} {
				s.run(`document.querySelector('#nav-` + p + `').click()`)
				s.until(`document.querySelector('#` + p + ` h1')`)
				if p == "entries" {
					s.run(`document.querySelector('#entries details').open = true`)
				}
				s.violations(p)
			}
			c.alert("OKF25S", alpr.PriorityHigh, func(h *alpr.Hit) { h.Entry.Caution = strings.Repeat("Approach with care. ", 20) })
			c.alert("NEXT123", alpr.PriorityNormal, nil)
			s.until(stageReady)
			s.violations("a hit")
			s.run(button("Misread") + `.click()`)
			s.until(`document.querySelector('#corrected')`)
			s.violations("misread")
			s.run(button("Back") + `.click()`)
			s.run(button("Correct plate") + `.click()`)
			s.until(`document.querySelector('#record')`)
			s.violations("the second touch")
			s.run(`document.querySelector('#record').click()`)
			s.until(`document.querySelector('#toast.on')`)
			s.violations("undo")
			s.run(`document.querySelector('#strip-lock').click()`)
			s.until(`document.querySelector('#gate .waiting-hit')`)
			s.violations("locked")
		})
	}
}
