package metrics

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestWhatMonitoringNames holds the page, the rules and the dashboard against
// the metrics that there are.
func TestWhatMonitoringNames(t *testing.T) {
	known := map[string]bool{}
	for _, d := range described() {
		known[d[0]] = true
	}
	name := regexp.MustCompile(`\balpr_[a-z_]+`)
	for _, path := range []string{
		"../../docs/technician/monitor.md", "../../deploy/monitoring/vehicle.rules.yml", "../../deploy/monitoring/vehicles.grafana.json",
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range name.FindAllString(string(text), -1) {
			if !known[n] {
				t.Errorf("%s names %s, which there is not", path, n)
			}
		}
	}
	page, err := os.ReadFile("../../docs/technician/monitor.md")
	if err != nil {
		t.Fatal(err)
	}
	for n := range known {
		if !strings.Contains(string(page), "`"+n+"`") {
			t.Errorf("the page does not name %s", n)
		}
	}
}
