package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTemperatureIsTheHottestSensors(t *testing.T) {
	sys := t.TempDir()
	if got := Temperature(sys); got != 0 {
		t.Errorf("%v °C without a sensor", got)
	}
	for zone, text := range map[string]string{"0": "41200\n", "1": "83500\n", "2": "gone", "3": "9999999\n"} {
		dir := filepath.Join(sys, "class/thermal/thermal_zone"+zone)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "temp"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := Temperature(sys); got != 83.5 {
		t.Errorf("%v °C, want 83.5", got)
	}
}
