package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestCheckListen(t *testing.T) {
	for addr, want := range map[string]error{
		"": nil, "127.0.0.1:9810": nil, "[::1]:9810": nil, "localhost:9810": nil,
		"0.0.0.0:9810": ErrReachable, ":9810": ErrReachable, "192.0.2.1:9810": ErrReachable,
	} {
		if err := CheckListen(addr); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: %v, want %v", addr, err, want)
		}
	}
	if err := CheckListen("9810"); err == nil {
		t.Error("a port without an address is taken")
	}
}

// TestScrape asks as an agent does: every metric that is described has a value,
// and a list whose age nobody knows has none.
func TestScrape(t *testing.T) {
	snapshot := Snapshot{
		Version: "1", Cameras: []Camera{{Name: "front", Frames: 30, Dropped: 2, IsUp: true, Fault: "black"}},
		Lists:  []List{{Name: "wanted", Entries: 7, Age: 60}, {Name: "old", Age: -1, IsStale: true}},
		Stages: []Stage{{Name: "detect", Count: 28, P50: 0.01}}, Reads: 5, FreeBytes: 1 << 20,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New("", func() Snapshot { return snapshot }).serve(ctx, l) }()
	answer, err := http.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	for _, d := range described() {
		if !strings.Contains(string(body), "\n"+d[0]+"{") && !strings.Contains(string(body), "\n"+d[0]+" ") {
			t.Errorf("%s has no value", d[0])
		}
	}
	for _, line := range []string{
		`alpr_camera_frames_dropped_total{camera="front"} 2`, `alpr_list_age_seconds{list="wanted"} 60`,
		`alpr_list_stale{list="old"} 1`, "alpr_reads_total 5", `alpr_stage_seconds{quantile="0.5",stage="detect"} 0.01`,
	} {
		if !strings.Contains(string(body), line+"\n") {
			t.Errorf("no line %s in\n%s", line, body)
		}
	}
	if strings.Contains(string(body), `alpr_list_age_seconds{list="old"}`) {
		t.Error("a list whose age nobody knows has one")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
