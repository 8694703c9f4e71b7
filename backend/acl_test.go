package backend_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/backend"
	"alpr/internal/mqttconn"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// TestPatternLinesLetEachVehicleSpeakForItself: as many lines for a fleet as for
// one vehicle, and the same rights.
func TestPatternLinesLetEachVehicleSpeakForItself(t *testing.T) {
	t.Parallel()
	acl, err := backend.MosquittoACL(backend.Rights{Agencies: []string{"pd"}, Consumers: []string{"backend"}, Admins: []string{"backend"}})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(acl, "pattern "); n != 12 {
		t.Errorf("%d pattern lines, want 12:\n%s", n, acl)
	}
	ca := brokertest.NewCA(t)
	broker := brokertest.StartMosquitto(t, brokertest.Config{CA: ca, ACL: acl})
	sink := sqliteSink(t)
	sign := signer(t, "lists")
	metrics, _ := startConsumer(t, backendBroker(t, broker, ca, "consumer"), sink)
	lists := memory.NewHotlists(nil)
	for _, name := range []string{"car-1", "car-2"} {
		v := event.Vehicle{Agency: "pd", Name: name}
		cfg := carConfig(t, broker, ca, v)
		cfg.TrustedKeys = []string{sign.Public(downlink.KindHotlist).String()}
		m := synthetic.New(uint64(len(name)))
		box := memory.NewOutbox(m.ID(time.Now()))
		box.Add(m.Hit(time.Now()), m.Read(time.Now()))
		startCar(t, cfg, box, uplink.Options{Hotlists: lists})
		brokertest.Until(t, name+" receipted", func() bool { return box.Len() == 0 })
	}
	list := entries(synthetic.New(1), "1", "2")
	order := backend.HotlistOrder{Agency: "pd", List: "stolen", Entries: slices.Values(list), Dir: t.TempDir(), Signer: sign, Now: time.Now()}
	if _, err := backend.PublishHotlist(context.Background(), backendBroker(t, broker, ca, "publisher"), order); err != nil {
		t.Fatal(err)
	}
	brokertest.Until(t, "the list", has(lists, 1, "1", "2"))
	// car-3 has car-4's certificate: it may not speak under a name that is not on it.
	cfg := carConfig(t, broker, ca, event.Vehicle{Agency: "pd", Name: "car-3"})
	cfg.CertFile, cfg.KeyFile = ca.Issue(t, "pd/car-4", time.Now().Add(time.Hour))
	cfg.AckTimeout = 2 * time.Second
	box := memory.NewOutbox(alpr.ID{1})
	box.Add(synthetic.New(9).Hit(time.Now()))
	before := metrics.Events()
	u, _ := startCar(t, cfg, box, uplink.Options{})
	brokertest.Until(t, "the missing right said", func() bool { return strings.Contains(u.State().Problem, "right to publish") })
	if box.Len() != 1 || metrics.Events() != before {
		t.Errorf("%d items left, %d events more", box.Len(), metrics.Events()-before)
	}
}

// reaches says whether what one role publishes reaches a listener that may read all.
func reaches(t *testing.T, m *brokertest.Mosquitto, ca *brokertest.CA, role, topic string) bool {
	t.Helper()
	client := func(name string) mqtt.Client {
		cert, key := ca.Issue(t, name, time.Now().Add(time.Hour))
		o, err := mqttconn.Options(m.URL("tls"), role+"-"+name, mqttconn.Identity{CA: mqttconn.File{Path: ca.File}, Cert: mqttconn.File{Path: cert}, Key: mqttconn.File{Path: key}})
		if err != nil {
			t.Fatal(err)
		}
		c := mqtt.NewClient(o.SetOrderMatters(true))
		if tok := c.Connect(); tok.Wait() && tok.Error() != nil {
			t.Fatal(tok.Error())
		}
		t.Cleanup(func() { c.Disconnect(0) })
		return c
	}
	got := make(chan string, 10)
	ear := client("ear")
	ear.Subscribe("#", 1, func(_ mqtt.Client, msg mqtt.Message) { got <- msg.Topic() }).Wait()
	client(role).Publish(topic, 1, false, "x").Wait()
	ear.Publish("end", 1, false, "x").Wait()
	first := <-got
	if first == topic {
		<-got
	}
	return first == topic
}

// TestRolesMayDoWhatTheyAreFor: what a role may not publish the broker drops.
func TestRolesMayDoWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	acl, err := backend.MosquittoACL(backend.Rights{Vehicles: []event.Vehicle{car}, Consumers: []string{"consumer"}, Readers: []string{"reader"},
		Listers: []string{"lister"}, Admins: []string{"admin"}, Receivers: []string{"sheriff"}})
	if err != nil {
		t.Fatal(err)
	}
	ca := brokertest.NewCA(t)
	broker := brokertest.StartMosquitto(t, brokertest.Config{CA: ca, ACL: acl + "user ear\ntopic readwrite #\n"})
	topics := map[string]string{"receipt": car.ReceiptTopic(), "list": event.HotlistTopic("pd", "stolen"), "keys": event.KeysTopic("pd"), "policy": car.PolicyTopic(),
		"image": car.ImageRequestTopic("x"), "hit": car.Topic(event.TopicHit)}
	for role, may := range map[string]string{"consumer": "receipt image", "reader": "", "lister": "list", "admin": "list keys policy image", "sheriff": "", car.String(): "hit"} {
		for what, topic := range topics {
			if got, want := reaches(t, broker, ca, role, topic), slices.Contains(strings.Fields(may), what); got != want {
				t.Errorf("%s publishes %s: passed on %v, want %v", role, what, got, want)
			}
		}
	}
	if _, err := backend.MosquittoACL(backend.Rights{Agencies: []string{"p/d"}}); !errors.Is(err, event.ErrBadName) {
		t.Errorf("an agency that is no name: %v", err)
	}
}
