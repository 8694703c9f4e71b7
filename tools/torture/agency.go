package torture

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr/sync/synctest/brokertest"
)

// agencyName is who owns the cars.
const agencyName = "pd"

// agency is the broker, the way to it, and the consumer that keeps what arrives.
type agency struct {
	t        testing.TB
	backend  string // the program
	dir      string
	broker   *brokertest.Mosquitto
	proxy    *brokertest.Proxy // between car and broker
	consumer *program
	key      string // file of the key that signs lists
	trusted  string // its line in the cars' configuration
}

func startAgency(t testing.TB, dir, backend string) *agency {
	t.Helper()
	a := &agency{t: t, backend: backend, dir: dir, broker: brokertest.StartMosquitto(t, brokertest.Config{})}
	a.proxy = brokertest.StartProxy(t, a.broker.Address())
	a.key = filepath.Join(dir, "agency.key")
	made, err := command(t.Context(), "", backend, "keygen", "daily", a.key)
	if err == nil {
		a.trusted = strings.TrimSpace(made.out)
		err = a.consume()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.consumer.kill() })
	return a
}

// archive is the consumer's file.
func (a *agency) archive() string { return filepath.Join(a.dir, "backend.db") }

// consume starts the consumer.
func (a *agency) consume() (err error) {
	a.consumer, err = startProgram(filepath.Join(a.dir, "consumer.log"), nil, a.backend, "consume",
		"--broker", a.broker.URL("tcp"), "--sink", "sqlite:"+a.archive(), "--quiet", "--client-id", "consumer")
	return err
}

// endConsumer asks the consumer to end.
func (a *agency) endConsumer(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, endWithin)
	defer stop()
	return a.consumer.terminate(ctx)
}

// publish signs a file as a list of all cars and publishes it.
func (a *agency) publish(ctx context.Context, path, list string) (result, error) {
	return command(ctx, "", a.backend, "publish-hotlist", path, "--agency", agencyName, "--list", list,
		"--state", filepath.Join(a.dir, "published"), "--sign-key", a.key, "--broker", a.broker.URL("tcp"))
}

// shout publishes what means nothing under every topic that car or consumer
// listen to.
func (a *agency) shout(vehicle string, payloads [][]byte) error {
	opt := mqtt.NewClientOptions().AddBroker(a.broker.URL("tcp")).SetClientID("shouter").SetConnectTimeout(answerWithin)
	c := mqtt.NewClient(opt)
	if t := c.Connect(); !t.WaitTimeout(answerWithin) || t.Error() != nil {
		return fmt.Errorf("connect to the broker: %w", t.Error())
	}
	defer c.Disconnect(100)
	for _, level := range []string{"hit", "read", "disposition", "audit", "health", "status", "image", "emergency", "down/receipt", "down/policy", "down/image/ff", "nonsense"} {
		for _, p := range payloads {
			if t := c.Publish("alpr/v1/"+agencyName+"/"+vehicle+"/"+level, 1, false, p); !t.WaitTimeout(answerWithin) || t.Error() != nil {
				return fmt.Errorf("publish garbage: %w", t.Error())
			}
		}
	}
	for _, topic := range []string{"hotlist/wanted", "hotlist/wanted/ff/0", "keys"} {
		for _, p := range payloads {
			if t := c.Publish("alpr/v1/"+agencyName+"/all/"+topic, 1, false, p); !t.WaitTimeout(answerWithin) || t.Error() != nil {
				return fmt.Errorf("publish garbage: %w", t.Error())
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
