package mqttconn

import (
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr/sync/synctest/brokertest"
)

func TestAddressesOfBrokers(t *testing.T) {
	for _, tt := range []struct {
		list  string
		hosts string // joined; "" where the list is refused
	}{
		{"tls://a:8883", "a:8883"},
		{"tls://a:8883, tls://b:8884,tls://c:1", "a:8883 b:8884 c:1"},
		{"tcp://127.0.0.1:1883 tcp://127.0.0.1:1884", "127.0.0.1:1883 127.0.0.1:1884"},
		{"", ""}, {" , ", ""}, {"broker", ""}, {"tls://a:1,tcp://b:1", ""}, {"tls://a:1,b", ""},
	} {
		got, err := Brokers(tt.list)
		var hosts []string
		for _, u := range got {
			hosts = append(hosts, u.Host)
		}
		if strings.Join(hosts, " ") != tt.hosts || (err != nil) != (tt.hosts == "") {
			t.Errorf("%q: %v, %v", tt.list, hosts, err)
		}
	}
}

func TestIdentityNamesTheSettingThatIsWrong(t *testing.T) {
	ca := brokertest.NewCA(t)
	cert, key := ca.Issue(t, "pd/car-1", time.Now().Add(time.Hour))
	nowhere := filepath.Join(t.TempDir(), "none")
	good := Identity{CA: File{"the authority", ca.File}, Cert: File{"our certificate", cert}, Key: File{"our key", key}, ServerName: "broker"}
	conf, err := good.TLS()
	if err != nil || conf.MinVersion != tls.VersionTLS13 || conf.ServerName != "broker" || len(conf.Certificates) != 1 {
		t.Fatalf("%+v, %v", conf, err)
	}
	for says, change := range map[string]func(*Identity){
		"read the authority":          func(i *Identity) { i.CA.Path = nowhere },
		"no PEM certificate":          func(i *Identity) { i.CA.Path = key },
		"load our certificate":        func(i *Identity) { i.Cert.Path = nowhere },
		"with our key " + ca.File[:3]: func(i *Identity) { i.Key.Path = ca.File },
	} {
		bad := good
		change(&bad)
		if _, err := bad.TLS(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %q", err, says)
		}
		if _, err := Options("tls://a:1", "x", bad); err == nil {
			t.Errorf("options without %s", says)
		}
	}
}
