package backend

import (
	"encoding/json"
	"slices"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr/sync/downlink"
	"alpr/sync/event"
)

// answers are what one writer has yet to tell vehicles: what of theirs is kept,
// and what of it is missing. They are collected, so that a fleet's backlog does
// not cost a signature and a message for each vehicle and transaction. A nil
// *answers tells nothing.
type answers struct {
	c      *Consumer
	client mqtt.Client
	asked  map[event.Vehicle]bool // for what the broker did not keep for us; nil where it kept all
	kept   []Number
	asks   map[event.Vehicle]event.Receipt
	clear  map[string]bool // topics of requests for pictures that are settled
}

func newAnswers(c *Consumer, client mqtt.Client, isKnown bool) *answers {
	a := &answers{c: c, client: client, asks: map[event.Vehicle]event.Receipt{}, clear: map[string]bool{}}
	if !isKnown {
		a.asked = map[event.Vehicle]bool{}
	}
	return a
}

// note takes in a batch that is kept.
func (a *answers) note(b *Batch) {
	if a == nil {
		return
	}
	a.kept = append(a.kept, b.Numbers...)
	for i := range b.Rows {
		a.askForRest(&b.Rows[i])
		a.settle(&b.Rows[i])
	}
}

// settle notes that a vehicle has answered a request for a picture: with its last
// piece, or with a refusal.
func (a *answers) settle(r *Row) {
	sha := ""
	switch r.Event.Type {
	case event.TypeImage:
		if err := r.decode(); err == nil && r.image.Reason == "request" && r.image.Offset+len(r.image.JPEG) >= r.image.Size {
			sha = r.image.SHA256
		}
	case event.TypeRefusal:
		var f event.Refusal
		if err := json.Unmarshal(r.Event.Data, &f); err == nil {
			sha = f.SHA256
		}
	}
	if sha != "" {
		a.clear[r.Vehicle.ImageRequestTopic(sha)] = true
	}
}

// send tells vehicles what was collected. An answer that is lost is made good by
// the vehicle: it sends again.
func (a *answers) send() {
	if a == nil {
		return
	}
	for v, ranges := range (Batch{Numbers: a.kept}).Ranges() {
		for part := range slices.Chunk(ranges, event.MaxReceiptRanges) {
			a.tell(v, event.Receipt{Ranges: part})
		}
	}
	for v, r := range a.asks {
		a.tell(v, r)
	}
	for topic := range a.clear {
		a.client.Publish(topic, 1, true, []byte{})
	}
	a.kept = a.kept[:0]
	clear(a.clear)
	clear(a.asks)
}

// underway is how long what a vehicle sent before its status may be on its way
// here beside it: by another connection, or through another consumer.
const underway = 10 * time.Second

// askForRest asks a vehicle for what it sent and the broker did not keep for us:
// once for all of it where the broker did not know us, and whenever its status
// tells of items without a receipt. What went before the status came by the same
// way: what of it has no receipt by now was lost, to a broker that was killed or
// whose queue was full.
func (a *answers) askForRest(r *Row) {
	if a.asked != nil && !a.asked[r.Vehicle] {
		a.asked[r.Vehicle] = true
		a.asks[r.Vehicle] = event.Receipt{Ranges: []event.Range{}, WantsRest: true}
		return
	}
	if r.Event.Type != event.TypeStatus {
		return
	}
	var st event.Status
	if err := json.Unmarshal(r.Event.Data, &st); err != nil || !st.IsOnline || st.Depth.Unreceipted == 0 {
		return
	}
	if before, ok := a.asks[r.Vehicle]; ok && before.RestBefore.IsZero() {
		return // for all of it already
	}
	a.asks[r.Vehicle] = event.Receipt{Ranges: []event.Range{}, WantsRest: true, RestBefore: r.Event.Time.Add(-underway)}
}

func (a *answers) tell(v event.Vehicle, r event.Receipt) {
	var payload []byte
	var err error
	if s := a.c.cfg.Signer; s != nil {
		payload, err = downlink.Sign(downlink.KindReceipt, r, s.Name, s.Private)
	} else {
		payload, err = json.Marshal(r)
	}
	if err != nil {
		a.c.log.Error("encode receipt", "vehicle", v.String(), "error", err)
		return
	}
	a.client.Publish(v.ReceiptTopic(), 1, false, payload)
}
