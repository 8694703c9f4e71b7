package console

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
)

// TestOneCarOnSeveralListsIsOneCard: the gravest reason leads, all are there, one
// answer is recorded for each list, and two states are two questions.
func TestOneCarOnSeveralListsIsOneCard(t *testing.T) {
	c, rec := start(t, nil)
	r := readOf(1, "O25S")
	hit := func(n byte, list, state string, p alpr.Priority) alpr.Hit {
		h := hitOf(n, r, "O25S", p)
		h.Entry.List, h.Entry.State, h.Entry.Caution = list, state, "from "+list
		return h
	}
	covert := hit(5, "narcotics", "US-FL", alpr.PriorityHigh)
	covert.Entry.IsCovert = true
	c.ShowAlert(alpr.NewAlert(r, []alpr.Hit{hit(2, "local", "", alpr.PriorityLow), hit(3, "ncic", "US-FL", alpr.PriorityNormal), hit(4, "georgia", "US-GA", alpr.PriorityNormal), covert}))
	if n := len(c.board.order); n != 2 {
		t.Fatalf("%d cards, want one for Florida and one for Georgia", n)
	}
	var card hitView
	for _, id := range c.board.order {
		if hc, _ := c.board.hit(id); len(hc.view.Reasons) == 3 {
			card = hc.view
		}
	}
	var lists []string
	for _, x := range card.Reasons {
		lists = append(lists, x.List)
	}
	if !slices.Equal(lists, []string{"ncic", "local", "narcotics"}) || card.PriorityW != "normal" || card.Covert || card.Sound != "normal" {
		t.Errorf("lists %v, priority %s, sound %s: a covert reason leads, or sounds", lists, card.PriorityW, card.Sound)
	}
	if strings.Contains(string(mustJSON(alertOf(card, true))), "narcotics") {
		t.Error("a covert reason stands on a locked page")
	}
	p := logIn(t, c)
	if w := p.do("POST", "/api/hits/"+card.ID.String()+"/disposition", `{"read":"O25S","verdict":"confirmed"}`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if len(rec.dispositions) != 3 {
		t.Errorf("%d answers on record, want one for each list", len(rec.dispositions))
	}
}

// TestAReasonIsTakenBackAlone: the card stands while one list still names the plate.
func TestAReasonIsTakenBackAlone(t *testing.T) {
	c, _ := start(t, nil)
	r := readOf(1, "O25S")
	a, b := hitOf(2, r, "O25S", alpr.PriorityHigh), hitOf(3, r, "O25S", alpr.PriorityLow)
	b.Entry.List = "other"
	c.ShowAlert(alpr.NewAlert(r, []alpr.Hit{a, b}))
	a.IsWithdrawn, a.Withdrawal = true, alpr.Withdrawal{Why: alpr.WithdrawnRemoved}
	c.ShowHit(r, a)
	hc, _ := c.board.hit(c.board.order[0])
	if hc.view.Withdrawn || len(hc.view.Reasons) != 1 || hc.view.PriorityW != "low" {
		t.Errorf("the card is %+v", hc.view)
	}
	b.IsWithdrawn = true
	c.ShowHit(r, b)
	if hc, _ = c.board.hit(c.board.order[0]); !hc.view.Withdrawn {
		t.Error("no list names the plate any more, and the card stands")
	}
}

// TestUndo: an officer takes his own last answer back within its time; both are on
// record and the hit waits again.
func TestUndo(t *testing.T) {
	c, rec := start(t, nil)
	r := readOf(1, "O25S")
	c.ShowHit(r, hitOf(2, r, "O25S", alpr.PriorityHigh))
	p := logIn(t, c)
	at := "/api/hits/" + idOf(2).String()
	if w := p.do("POST", at+"/undo", "{}"); w.Code != http.StatusConflict {
		t.Errorf("undo of no answer: %d", w.Code)
	}
	p.do("POST", at+"/disposition", `{"read":"O25S","verdict":"misread"}`)
	if w := p.do("POST", at+"/undo", "{}"); w.Code != 200 {
		t.Fatal(w.Body)
	}
	hc, _ := c.board.hit(idOf(2))
	if !hc.view.Open || len(rec.dispositions) != 2 || rec.dispositions[1].Verdict != alpr.VerdictUndone || c.statusView().Precision.Verified != 0 {
		t.Errorf("open %v, recorded %+v, %+v", hc.view.Open, rec.dispositions, c.statusView().Precision)
	}
	p.do("POST", at+"/disposition", `{"read":"O25S","verdict":"misread"}`)
	now := c.now()
	c.now = func() time.Time { return now.Add(time.Minute) }
	if w := p.do("POST", at+"/undo", "{}"); w.Code != http.StatusConflict {
		t.Errorf("undo after a minute: %d", w.Code)
	}
}

func TestVehicleWords(t *testing.T) {
	for _, tt := range []struct {
		v           alpr.Vehicle
		words, kind string
	}{
		{alpr.Vehicle{Make: "TOYT", Model: "CAM", Year: "2019", Colour: "SIL", Style: "4D"}, "2019 silver Toyota Camry, four-door", "sedan"},
		{alpr.Vehicle{Make: "CHEV", Model: "CAM", Colour: "BLK/YEL", Style: "2D"}, "black over yellow Chevrolet Camaro, two-door", "coupe"},
		{alpr.Vehicle{Make: "HOND", Year: "04", Colour: "BLU"}, "'04 blue Honda", ""},
		{alpr.Vehicle{Style: "4D"}, "four-door", ""}, // a sedan or a pickup
		{alpr.Vehicle{Make: "Ford", Model: "Transit", Colour: "White", Style: "Cargo van"}, "White Ford Transit, Cargo van", "van"},
		{alpr.Vehicle{Make: "XQZV", Colour: "QQQ", Style: "ZZ"}, "QQQ XQZV, ZZ", ""},
		{alpr.Vehicle{}, "No vehicle listed", ""},
	} {
		car := viewCar(tt.v)
		if car.Words != tt.words || car.Kind != tt.kind {
			t.Errorf("%+v: %q drawn as %q, want %q as %q", tt.v, car.Words, car.Kind, tt.words, tt.kind)
		}
	}
	if car := viewCar(alpr.Vehicle{Colour: "BLK/YEL"}); car.Colour != "#1a1a1a" || car.Second != "#e8cf2a" {
		t.Errorf("black over yellow is drawn %+v", car)
	}
}

func TestTidy(t *testing.T) {
	if got := tidy("a\u202eb", 20); got != `a\u202eb` {
		t.Errorf("%q", got)
	}
	if got := tidy(strings.Repeat("ä", 20), 10); got != strings.Repeat("ä", 9)+"…" {
		t.Errorf("%q", got)
	}
}

// TestRoles: what an account may do is what its line says, from the moment it does.
func TestRoles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	account := func(name string, role Role) {
		u := User{Name: name, Role: role}
		if err := u.setPassword("demo", 1); err != nil {
			t.Fatal(err)
		}
		if err := SaveUser(file, u); err != nil {
			t.Fatal(err)
		}
	}
	account("demo", RoleOfficer)
	account("boss", RoleSupervisor)
	account("tech", RoleTechnician)
	c, rec := start(t, func(cfg *Config) {
		cfg.Demo, cfg.UsersFile, cfg.AddEntries = false, file, RoleSupervisor
	})
	rec.entries = []alpr.Entry{{ID: "e9", Plate: "AB12", Source: "demo"}}
	in := map[string]any{"plate": "AB12", "reason": "Seen at a robbery", "category": "Stolen vehicle", "case": "26-1", "priority": 2, "hours": 5}
	as := func(name string) *page {
		p := &page{t: t, c: c}
		w := p.do("POST", "/api/login", map[string]string{"name": name, "password": "demo"})
		if w.Code != 200 {
			t.Fatalf("%s: %s", name, w.Body)
		}
		p.cookie = w.Result().Cookies()[0]
		var s sessionView
		if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		p.token = s.Token
		return p
	}
	officer, boss, tech := as("demo"), as("boss"), as("tech")
	remove := `{"ID":"e9","Reason":"Recovered, seen parked"}`
	for _, tt := range []struct {
		who        *page
		name, path string
		body       any
		code       int
	}{
		{officer, "officer", "/api/entries", in, 403}, {boss, "supervisor", "/api/entries", in, 200}, {tech, "technician", "/api/entries", in, 403},
		{tech, "technician", "/api/lookup", `{"Plate":"AB12"}`, 403}, {tech, "technician", "/api/touch", "{}", 200},
		{officer, "officer, his own", "/api/entries/remove", remove, 200}, {boss, "supervisor, another's", "/api/entries/remove", remove, 200},
	} {
		if w := tt.who.do("POST", tt.path, tt.body); w.Code != tt.code {
			t.Errorf("%s, %s: %d %s, want %d", tt.name, tt.path, w.Code, w.Body, tt.code)
		}
	}
	rec.entries[0].Source = "boss"
	if w := officer.do("POST", "/api/entries/remove", remove); w.Code != 403 {
		t.Errorf("an officer takes off what another listed: %d", w.Code)
	}
	account("boss", RoleOfficer)
	if w := boss.do("GET", "/api/session", nil); w.Code != 401 {
		t.Errorf("a role that changed leaves the session open: %d", w.Code)
	}
}

// TestPartialLookUp: what was not seen is ? or *, and enough must have been seen.
func TestPartialLookUp(t *testing.T) {
	for in, want := range map[string]string{"3?hk*": "3?HK*", "AB 1-2": "AB12", "A?B": "", "**": "", "AB;1": ""} {
		got, err := checkPattern(in)
		if got != want && err == nil || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}
