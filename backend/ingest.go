package backend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"alpr"
	"alpr/docs/schema"
	"alpr/internal/contain"
	"alpr/sync/event"
)

// Row is one event that passed the schema.
type Row struct {
	Vehicle    event.Vehicle
	Event      event.Event
	ID         alpr.ID
	Revision   int
	ReceivedAt time.Time
	JSON       []byte // the whole event as it came

	// The data, decoded once: at most one is set.
	from  json.RawMessage // what was decoded
	read  *event.Read
	hit   *event.Hit
	image *event.Image
	gap   *event.Gap
}

// Letter is what could not be taken: a dead letter.
type Letter struct {
	Topic      string
	Payload    []byte // one event of a batch, or the whole payload when that could not be split
	Reason     string
	ReceivedAt time.Time
}

// Intake is what one message holds.
type Intake struct {
	Rows    []Row
	Letters []Letter
	// Numbers are the places in the vehicle's count that are safe once Rows and
	// Letters are kept.
	Numbers []Number
}

func (in *Intake) isEmpty() bool {
	return len(in.Rows) == 0 && len(in.Letters) == 0 && len(in.Numbers) == 0
}

// Number is one place in a vehicle's count.
type Number struct {
	Vehicle event.Vehicle
	Boot    alpr.ID
	Seq     uint64
}

// Validator checks events against the published schemas. It is safe for
// concurrent use. It checks envelope and data one after the other, which comes
// to the same as event.json and need not try every type.
type Validator struct {
	fast     *fastChecks // what they accept is valid; what they do not, the schemas decide on
	envelope *jsonschema.Schema
	data     map[string]*jsonschema.Schema // by event type
}

// NewValidator compiles the schemas that docs/schema publishes.
func NewValidator() (*Validator, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := fs.Glob(schema.Files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	for _, name := range files {
		b, err := schema.Files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read schema %s: %w", name, err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("read schema %s: %w", name, err)
		}
		if err := c.AddResource(schema.Base+name, doc); err != nil {
			return nil, fmt.Errorf("add schema %s: %w", name, err)
		}
	}
	v := &Validator{data: map[string]*jsonschema.Schema{}}
	if v.fast, err = newFastChecks(); err != nil {
		return nil, err
	}
	if v.envelope, err = c.Compile(schema.Base + "envelope.json"); err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	for _, typ := range event.Types() {
		if v.data[typ], err = c.Compile(schema.Base + event.SchemaFile(typ)); err != nil {
			return nil, fmt.Errorf("compile schema: %w", err)
		}
	}
	return v, nil
}

// Validate checks the JSON of one event.
func (v *Validator) Validate(raw []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	err = v.envelope.Validate(doc)
	if fields, ok := doc.(map[string]any); ok && err == nil {
		typ, _ := fields["type"].(string) // the envelope allows none without a schema
		err = v.data[typ].Validate(fields["data"])
	}
	if err != nil {
		return fmt.Errorf("check event against the schema: %w", err)
	}
	return nil
}

// Take sorts a message: events that can be kept, and dead letters. Probes are
// passed over. It never fails: what cannot be read is a letter.
func (v *Validator) Take(topic string, payload []byte, now time.Time) Intake {
	var in Intake
	letter := func(b []byte, why error) {
		in.Letters = append(in.Letters, Letter{Topic: topic, Payload: bytes.Clone(b), Reason: why.Error(), ReceivedAt: now})
	}
	from, _, err := event.ParseTopic(topic)
	if err != nil {
		letter(payload, err)
		return in
	}
	raws, err := event.Split(payload)
	if err != nil {
		letter(payload, err)
		return in
	}
	for _, raw := range raws {
		row, err := v.row(from, raw, now)
		if boot, seq, ok := row.Event.Numbers(); ok {
			in.Numbers = append(in.Numbers, Number{from, boot, seq})
		}
		switch {
		case err != nil:
			letter(raw, err)
		case row.Event.Type != event.TypeProbe:
			in.Rows = append(in.Rows, row)
		}
	}
	return in
}

// checkNumbers says whether all times and counts that sinks, purges and figures
// reckon with are such as a vehicle can mean.
func (r *Row) checkNumbers() error {
	if err := r.Event.Check(); err != nil {
		return err
	}
	if g := r.gap; g != nil && (g.FromSeq < 1 || g.ToSeq < g.FromSeq || g.ToSeq > event.MaxSeq) {
		return fmt.Errorf("gap from %d to %d: %w", g.FromSeq, g.ToSeq, event.ErrOutOfRange)
	}
	d, err := r.times()
	if err != nil {
		return err
	}
	for _, t := range []struct {
		name string
		at   *time.Time
	}{{"at", d.at}, {"first_at", d.firstAt}, {"last_at", d.lastAt}, {"purge_at", d.purgeAt}} {
		if t.at == nil {
			continue
		}
		if err := event.CheckTime(t.name, *t.at); err != nil {
			return err
		}
	}
	return nil
}

var errOtherVehicle = errors.New("event names another vehicle than the topic it came by")

// Look is Take where a message at which the program itself breaks is a letter
// as well, counted by guard.
func (v *Validator) Look(guard *contain.Guard, topic string, payload []byte, now time.Time) Intake {
	var in Intake
	err := guard.Do("message to "+topic, func() error { in = v.Take(topic, payload, now); return nil })
	if err != nil {
		return Intake{Letters: []Letter{{Topic: topic, Payload: bytes.Clone(payload), Reason: err.Error(), ReceivedAt: now}}}
	}
	return in
}

// row reads one event. The row's Event is set as far as it could be read.
func (v *Validator) row(from event.Vehicle, raw json.RawMessage, now time.Time) (Row, error) {
	e, err := event.Decode(raw)
	if err != nil {
		return Row{}, err
	}
	r := Row{Vehicle: from, Event: e, ReceivedAt: now, JSON: raw}
	if !v.fast.accept(raw, &e) {
		if err := v.Validate(raw); err != nil {
			return r, err
		}
	}
	if err := r.decode(); err != nil {
		return r, err
	}
	if err := r.checkNumbers(); err != nil {
		return r, err
	}
	if r.ID, r.Revision, err = e.Identity(); err != nil {
		return r, err
	}
	if by, err := e.Vehicle(); err != nil || by != from {
		return r, errors.Join(fmt.Errorf("%w: %s, %s", errOtherVehicle, e.Source, from), err)
	}
	return r, nil
}
