package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Temperature is that of the hottest sensor of the board in degrees Celsius, 0
// where it has none. sys is where the kernel's sysfs is mounted, /sys.
func Temperature(sys string) float64 {
	zones, _ := filepath.Glob(filepath.Join(sys, "class/thermal/thermal_zone*/temp"))
	hottest := 0.0
	for _, z := range zones {
		text, err := os.ReadFile(z)
		if err != nil {
			continue
		}
		if milli, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil && milli < 200_000 {
			hottest = max(hottest, milli/1000)
		}
	}
	return hottest
}
