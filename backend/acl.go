package backend

import (
	"fmt"
	"strings"

	"alpr/sync/event"
)

// Rights is who may do what at a broker. Every name is the common name of a
// certificate.
type Rights struct {
	Vehicles  []event.Vehicle // each may speak for itself; where Agencies are named they need not be listed
	Agencies  []string        // all of whose vehicles may speak for themselves
	Consumers []string        // keep what vehicles publish, and answer it
	Readers   []string        // see what vehicles publish, and write nothing
	Listers   []string        // publish hotlists
	Admins    []string        // publish hotlists, policies and keys, and ask for pictures
	Receivers []string        // read what vehicles' owners release to them
}

// MosquittoACL is Mosquitto's access list. Vehicles of an agency are let in by
// pattern lines, of which there are as many for a thousand vehicles as for one; all
// who may log in can then read the lists of each agency that is named, so name one
// agency a broker, or list the vehicles one by one.
func MosquittoACL(a Rights) (string, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	fleet := event.Vehicle{Agency: "+", Name: "+"}
	for _, c := range a.Consumers {
		line("user %s", c)
		readUpstream(line)
		line("topic readwrite %s", event.ProbeTopic("#"))
		line("topic write %s", fleet.Topic("down/receipt"))
		line("topic write %s\n", fleet.Topic("down/image/+"))
	}
	for _, r := range a.Readers {
		line("user %s", r)
		readUpstream(line)
		line("topic read %s\n", event.HotlistTopic("+", "#"))
	}
	for _, l := range a.Listers {
		line("user %s", l)
		line("topic readwrite %s\n", event.HotlistTopic("+", "#"))
	}
	for _, admin := range a.Admins {
		line("user %s", admin)
		readUpstream(line)
		line("topic readwrite %s", fleet.Topic("down/policy"))
		line("topic readwrite %s", fleet.Topic("down/image/+"))
		line("topic readwrite %s", event.KeysTopic("+"))
		line("topic readwrite %s\n", event.HotlistTopic("+", "#"))
	}
	for _, r := range a.Receivers {
		if err := event.CheckName(r); err != nil {
			return "", err
		}
		line("user %s", r)
		line("topic read %s\n", fleet.ShareTopic(r, "#"))
	}
	for _, v := range a.Vehicles {
		if err := v.Check(); err != nil {
			return "", err
		}
		line("user %s", v)
		vehicleLines("topic", v.Topic, line)
		agencyLines("topic", v.Agency, line)
		line("")
	}
	if len(a.Agencies) > 0 {
		vehicleLines("pattern", func(level string) string { return event.Root + "/%u/" + level }, line)
	}
	for _, agency := range a.Agencies {
		if err := event.CheckName(agency); err != nil {
			return "", err
		}
		agencyLines("pattern", agency, line)
	}
	return b.String(), nil
}

func readUpstream(line func(string, ...any)) {
	for _, level := range event.Upstream() {
		line("topic read %s", event.Vehicle{Agency: "+", Name: "+"}.Topic(level))
	}
}

// vehicleLines let a vehicle speak for itself. Reading its own topics back is how
// it checks that it may publish.
func vehicleLines(word string, topic func(level string) string, line func(string, ...any)) {
	for _, level := range event.Upstream() {
		line("%s readwrite %s", word, topic(level))
	}
	line("%s write %s", word, topic("share/#"))
	line("%s read %s", word, topic("down/#"))
}

func agencyLines(word, agency string, line func(string, ...any)) {
	line("%s read %s", word, event.HotlistTopic(agency, "#"))
	line("%s read %s", word, event.KeysTopic(agency))
}
