package console

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// ErrConfig reports a setting of the console that cannot be used.
var ErrConfig = errors.New("console configuration")

// Config is what an agency can set about the console.
type Config struct {
	Listen     string        `yaml:"listen"`      // host:port; loopback unless TLS is set
	Hosts      []string      `yaml:"hosts"`       // further host names under which the page may be opened
	TLSCert    string        `yaml:"tls_cert"`    // PEM file; with TLSKey, the page is served over TLS
	TLSKey     string        `yaml:"tls_key"`     // PEM file
	UsersFile  string        `yaml:"users_file"`  // accounts, mode 0600, one a line as FormatUser writes them
	StateFile  string        `yaml:"-"`           // sessions and known devices outlive a restart there; "": they do not
	Demo       bool          `yaml:"-"`           // adds the account demo/demo; loopback only
	Agency     string        `yaml:"-"`           // written into audit records of accounts that name none
	LockAfter  time.Duration `yaml:"lock_after"`  // without a touch, while the car stands; 0: never
	ShowLocked bool          `yaml:"show_locked"` // a locked page shows an alert's plate, reason and caution; otherwise only that there is one
	// ShowLoggedOut does the same before anybody has logged in, and after he was
	// logged out: on the car's own computer, and in browsers that have been
	// logged in before.
	ShowLoggedOut bool `yaml:"show_logged_out"`

	SessionFor time.Duration `yaml:"session_for"` // from login; afterwards the officer logs in again
	Actions    []string      `yaml:"actions"`     // what an officer may have done about a hit
	Purposes   []string      `yaml:"purposes"`    // why an officer may look at past reads
	Categories []string      `yaml:"categories"`  // of entries made in the car
	EntryFor   time.Duration `yaml:"entry_for"`   // an entry made in the car lives at most so long
	ReadsFor   time.Duration `yaml:"reads_for"`   // a read without a hit leaves the screen after so long; no longer than its retention
	AddEntries Role          `yaml:"add_entries"` // who may list a plate in the car: officer, or supervisor alone
	// ListSounds is what a list's hits sound like, instead of by their priority:
	// high, normal, low or none.
	ListSounds map[string]Sound `yaml:"list_sounds"`
	Language   string           `yaml:"language"`  // en or es
	Units      string           `yaml:"units"`     // mph or km/h
	Hours      int              `yaml:"hours"`     // of the clock on the page: 24 or 12
	TimeZone   string           `yaml:"time_zone"` // IANA name, such as America/New_York; "": the browser's
}

// DefaultConfig serves on loopback and knows no account: an agency adds one
// with `alpr user add`, and only the demonstration sets Demo.
func DefaultConfig() Config {
	return Config{
		Listen:     "127.0.0.1:8088",
		LockAfter:  15 * time.Minute,
		ShowLocked: true, ShowLoggedOut: true,
		AddEntries: RoleOfficer, ListSounds: map[string]Sound{}, Language: "en", Units: "mph", Hours: 24,
		SessionFor: 13 * time.Hour,
		Actions: []string{"Stop", "Arrest", "Citation", "Vehicle recovered", "Warning",
			"Followed or passed on", "No action"},
		Purposes: []string{"Stolen vehicle", "Wanted person", "Missing or endangered person",
			"Crime under investigation", "Check of a misread"},
		Categories: []string{"Stolen vehicle", "Wanted person", "Missing or endangered person",
			"Be on the lookout"},
		EntryFor: 72 * time.Hour,
		ReadsFor: 3 * time.Minute,
	}
}

// WithWords is c with what of from says only how the page speaks and what there is
// to choose from: all that SetWords changes.
func (c Config) WithWords(from Config) Config {
	c.Actions, c.Purposes, c.Categories = from.Actions, from.Purposes, from.Categories
	c.Language, c.Units, c.Hours, c.TimeZone = from.Language, from.Units, from.Hours, from.TimeZone
	return c
}

// Validate says what is wrong and how to mend it, naming the key.
func (c Config) Validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("%w: listen: %q is not host:port, such as 127.0.0.1:8088", ErrConfig, c.Listen)
	}
	hasTLS := c.TLSCert != "" || c.TLSKey != ""
	switch {
	case hasTLS && (c.TLSCert == "" || c.TLSKey == ""):
		return fmt.Errorf("%w: tls_cert and tls_key belong together: set both or neither", ErrConfig)
	case !isLoopback(host) && !hasTLS:
		return fmt.Errorf("%w: listen: %q can be reached from outside this computer: "+
			"use 127.0.0.1, or set tls_cert and tls_key", ErrConfig, c.Listen)
	case c.Demo && !isLoopback(host):
		return fmt.Errorf("%w: demo: the demonstration account is for 127.0.0.1 alone, not for %q", ErrConfig, c.Listen)
	case c.Demo && c.UsersFile != "":
		return fmt.Errorf("%w: demo: take it out where users_file is set: a known password opens no real records", ErrConfig)
	case c.LockAfter < 0:
		return fmt.Errorf("%w: lock_after: %s is negative: use 0 for never", ErrConfig, c.LockAfter)
	case c.SessionFor <= 0:
		return fmt.Errorf("%w: session_for: must be over 0, such as 13h", ErrConfig)
	case c.EntryFor <= 0:
		return fmt.Errorf("%w: entry_for: must be over 0, such as 72h: an entry made in the car always expires", ErrConfig)
	}
	if c.ReadsFor <= 0 {
		return fmt.Errorf("%w: reads_for: must be over 0, such as 3m", ErrConfig)
	}
	for _, l := range []struct {
		key  string
		list []string
	}{{"actions", c.Actions}, {"purposes", c.Purposes}, {"categories", c.Categories}} {
		if len(l.list) == 0 || slices.Contains(l.list, "") {
			return fmt.Errorf("%w: %s: give at least one, none of them empty", ErrConfig, l.key)
		}
	}
	return c.validateLooks()
}

// validateLooks checks what only says how the page speaks.
func (c Config) validateLooks() error {
	if c.AddEntries != RoleOfficer && c.AddEntries != RoleSupervisor {
		return fmt.Errorf("%w: add_entries: %q: use officer or supervisor", ErrConfig, c.AddEntries)
	}
	if c.Language != "en" && c.Language != "es" {
		return fmt.Errorf("%w: language: %q: use en or es", ErrConfig, c.Language)
	}
	if c.Units != "mph" && c.Units != "km/h" {
		return fmt.Errorf("%w: units: %q: use mph or km/h", ErrConfig, c.Units)
	}
	if c.Hours != 12 && c.Hours != 24 {
		return fmt.Errorf("%w: hours: %d: use 12 or 24", ErrConfig, c.Hours)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		return fmt.Errorf("%w: time_zone: %w: use a name such as America/New_York", ErrConfig, err)
	}
	return checkSounds(c.ListSounds)
}

func (c Config) usesTLS() bool { return c.TLSCert != "" }

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
