package backend

import (
	"fmt"
	"strings"

	"alpr/sync/event"
)

// ACL is Mosquitto's access list for a fleet: each vehicle, by the common name
// "agency/vehicle" of its certificate, may publish under its own name and read
// what is meant for it; consumers are the users that keep what vehicles publish
// and answer them; a receiver, by its name in the vehicles' sharing policies,
// may read what is shared with it. Other brokers take the same rules in their
// own words.
func ACL(vehicles []event.Vehicle, consumers, receivers []string) (string, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, c := range consumers {
		line("user %s", c)
		line("topic readwrite %s/#\n", event.Root)
	}
	for _, r := range receivers {
		if err := event.CheckName(r); err != nil {
			return "", err
		}
		line("user %s", r)
		line("topic read %s\n", event.Vehicle{Agency: "+", Name: "+"}.ShareTopic(r, "#"))
	}
	for _, v := range vehicles {
		if err := v.Check(); err != nil {
			return "", err
		}
		line("user %s", v)
		for _, level := range event.Upstream() {
			// Reading them back is how a vehicle checks that it may publish.
			line("topic readwrite %s", v.Topic(level))
		}
		line("topic write %s", v.Topic("share/#"))
		line("topic read %s", v.Topic("down/#"))
		line("topic read %s", event.HotlistTopic(v.Agency, "#"))
		line("topic read %s\n", event.KeysTopic(v.Agency))
	}
	return b.String(), nil
}
