package torture

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"alpr/sync/brokertest"
)

// agency is the broker, the way to it, and the consumer that keeps what arrives.
type agency struct {
	t        testing.TB
	backend  string // the program
	dir      string
	broker   *brokertest.Mosquitto
	proxy    *brokertest.Proxy // between car and broker
	consumer *program
}

func startAgency(t testing.TB, dir, backend string) *agency {
	t.Helper()
	a := &agency{t: t, backend: backend, dir: dir, broker: brokertest.StartMosquitto(t, brokertest.Config{})}
	a.proxy = brokertest.StartProxy(t, a.broker.Address())
	if err := a.consume(); err != nil {
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

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
