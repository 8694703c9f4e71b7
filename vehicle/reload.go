package vehicle

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"

	"alpr/internal/logkey"
)

// Reload is how a car that runs takes over a changed configuration.
type Reload struct {
	Ask   <-chan os.Signal       // one pulse: read it again
	Load  func() (Config, error) // as the start did
	Level *slog.LevelVar         // of the program's log
}

// reloads takes over the configuration whenever it is asked to, until ctx ends. A
// configuration that cannot be used changes nothing, and the page says so.
func (v *Vehicle) reloads(ctx context.Context) error {
	inForce := v.cfg
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-v.reload.Ask:
		}
		next, err := v.reload.Load()
		if err == nil {
			err = v.takeOver(ctx, &inForce, next)
		}
		if err != nil {
			said, _, _ := strings.Cut(err.Error(), "\n") // the line that it is about is for who edits the file
			text := "the changed configuration is NOT in force, the one before goes on: " + said
			v.log.Error(text)
			v.unloaded.Store(&text)
		}
	}
}

// takeOver puts in force what can be changed while the car runs, keeps it in
// inForce, and says which keys wait for the next start.
func (v *Vehicle) takeOver(ctx context.Context, inForce *Config, next Config) error {
	if err := v.lists.SetRules(ctx, next.Hotlist); err != nil {
		return fmt.Errorf("hotlist: %w", err)
	}
	v.reload.Level.Set(next.Log.Level)
	v.console.SetWords(next.Console)
	before := *inForce
	inForce.Hotlist, inForce.Log.Level, inForce.Console = next.Hotlist, next.Log.Level, inForce.Console.WithWords(next.Console)
	taken, waiting := changedKeys(before, *inForce), changedKeys(*inForce, next)
	v.log.Info("configuration read again", logkey.Taken, taken, logkey.Waiting, waiting)
	v.unloaded.Store(nil)
	if len(waiting) > 0 {
		text := "the configuration has changed: start alpr anew for " + strings.Join(waiting, ", ")
		v.unloaded.Store(&text)
	}
	if err := v.noteAlertRules(ctx); err != nil { // what cannot be written down keeps nothing from alerting
		v.log.Error("the change of the rules is not on record", logkey.Error, err)
	}
	return nil
}

// changedKeys are the keys in which two configurations differ, in order. A list
// is one key.
func changedKeys(a, b Config) []string {
	keys := changedFields(reflect.ValueOf(a), reflect.ValueOf(b), "")
	slices.Sort(keys)
	return keys
}

func changedFields(a, b reflect.Value, prefix string) (keys []string) {
	for i := range a.NumField() {
		field := a.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		x, y := a.Field(i), b.Field(i)
		switch {
		case reflect.DeepEqual(x.Interface(), y.Interface()):
		case x.Kind() == reflect.Struct && hasKeys(x.Type()):
			keys = append(keys, changedFields(x, y, prefix+name+".")...)
		default:
			keys = append(keys, prefix+name)
		}
	}
	return keys
}

func hasKeys(t reflect.Type) bool {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") != "" {
			return true
		}
	}
	return false
}
