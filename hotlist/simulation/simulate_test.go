package simulation

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"alpr"
	"alpr/hotlist"
	"alpr/hotlist/hotlisttest"
)

// measured is the error model of a made-up reader that takes one 8 in five for
// a B, and is as unsure as it should be.
func measured(t testing.TB) *ErrorModel {
	t.Helper()
	meter := NewMeter("test 1")
	rng := rand.New(rand.NewPCG(2, 2))
	for i := range 400 {
		plate := hotlisttest.Plate(rng)
		read := hotlisttest.InState(hotlisttest.Spell(0.97, plate), "US-FL", 0.9)
		if i%5 == 0 {
			b := []byte(plate)
			b[4] = '8'
			plate = string(b)
			chars := make([]string, len(plate))
			for k := range chars {
				chars[k] = plate[k : k+1]
			}
			chars[4] = "B|8"
			read = hotlisttest.InState(hotlisttest.Seen(0.5, chars...), "US-FL", 0.9)
		}
		meter.Add(&read.Text, plate, "US-FL")
	}
	return meter.Model(rng)
}

func TestErrorModelRoundTrip(t *testing.T) {
	m := measured(t)
	if m.Plates != 400 || m.WrongLength != 0 || len(m.States) != 400 {
		t.Errorf("measured on %d plates, %d of wrong length, %d states", m.Plates, m.WrongLength, len(m.States))
	}
	share := 0.0
	for _, b := range m.Bins {
		share += b.Share
	}
	if math.Abs(share-1) > 1e-9 {
		t.Errorf("shares add up to %v", share)
	}
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	back, err := ReadErrorModel(&b)
	if err != nil || !reflect.DeepEqual(back.Confidence, m.Confidence) || back.Plates != m.Plates {
		t.Errorf("came back changed: %v", err)
	}
}

func TestErrorMeterCountsWrongLengths(t *testing.T) {
	meter := NewMeter("test 1")
	short, empty := hotlisttest.Spell(0.9, "ABC12"), alpr.Text{}
	meter.Add(&short.Text, "ABC123", "")
	meter.Add(&empty, "ABC123", "")
	meter.Add(&short.Text, "not a plate", "")
	m := meter.Model(rand.New(rand.NewPCG(1, 1)))
	if m.Plates != 1 || m.WrongLength != 1 {
		t.Errorf("%d plates, %d of wrong length", m.Plates, m.WrongLength)
	}
}

func TestSimulate(t *testing.T) {
	s := Plan{Entries: 20000, Passes: 20000, Wanted: 2000, Home: "US-FL", Seed: 1, Policy: hotlist.DefaultAlertPolicy()}
	s.Policy.Home = s.Home
	o, err := Run(context.Background(), measured(t), s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Run(context.Background(), measured(t), s)
	if err != nil || *again != *o {
		t.Errorf("the same seed gave another outcome: %v", err)
	}
	falseLow, missedLow := o.At(0.02)
	falseHigh, missedHigh := o.At(0.9)
	if falseHigh > falseLow || missedHigh <= missedLow {
		t.Errorf("at 0.02 %v false and %v missed, at 0.9 %v and %v", falseLow, missedLow, falseHigh, missedHigh)
	}
	// An 8 that may be a B is found by probability, and not by its text alone.
	if _, missed := o.At(0.2); missed > 0.1 || missed > 1-float64(o.PlainRight)/float64(o.Wanted) {
		t.Errorf("missed %.3f; by text alone %.3f", missed, 1-float64(o.PlainRight)/float64(o.Wanted))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, measured(t), s); !errors.Is(err, context.Canceled) {
		t.Errorf("a simulation that was ended: %v", err)
	}
}

func TestSimulatedStatesIssueInSequence(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(1, 1)), "US-FL", nil)
	if len(w.states) != 50 || w.states[w.home].code != "US-FL" {
		t.Fatalf("%d states, home %s", len(w.states), w.states[w.home].code)
	}
	for _, is := range w.states {
		seen := map[string]bool{}
		for n := range 300 {
			seen[is.text(n)] = true
		}
		if _, err := alpr.ParsePlate(is.text(is.size() - 1)); err != nil || len(seen) != 300 {
			t.Errorf("%s issues %d different plates of 300, the last %q", is.code, len(seen), is.text(is.size()-1))
		}
	}
}

func FuzzReadErrorModel(f *testing.F) {
	var b bytes.Buffer
	if err := measured(f).Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes()[:200])
	f.Add([]byte(`{"plates":1,"confidence":[[-1,0.5]],"states":[{"true":"US-FL","said":{"US-FL":1}}],"bins":[{"share":1,"chars":[{"true":"A","said":{"A":1}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ReadErrorModel(bytes.NewReader(data))
		if err != nil || m.Plates > 1000 {
			return
		}
		c := newCamera(m, rand.New(rand.NewPCG(1, 1)))
		for range 10 {
			c.see("ABC123", "US-FL") // must not panic
		}
	})
}
