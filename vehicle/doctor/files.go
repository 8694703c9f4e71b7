package doctor

import (
	"errors"
	"os"
	"path/filepath"

	"alpr/internal/host"
	"alpr/internal/regular"
	"alpr/vehicle"
)

// checkFiles says which files others may use, and which are none.
func checkFiles(c *vehicle.Config) (found []finding) {
	for _, f := range vehicle.ExposedFiles(c) {
		found = append(found, warning("files", "%s; alpr run does it where it may", f))
	}
	key := c.StoreOptions().KeyPath
	if key == "" {
		key = filepath.Join(c.DataDir, "device.key")
	}
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o077 != 0 {
		found = append(found, warning("files", "others may read the device key %s (mode %#o): chmod it to 0600; alpr run does it where it may", key, info.Mode().Perm()))
	}
	store := c.StoreOptions().Path
	for _, path := range []string{store, store + "-journal", store + "-wal", store + "-shm", store + ".lock", key,
		c.Console.UsersFile, c.Console.TLSCert, c.Console.TLSKey, c.Uplink.CAFile, c.Uplink.CertFile, c.Uplink.KeyFile, c.Uplink.ReleaseFile} {
		if path == "" {
			continue
		}
		if err := regular.Check(path); errors.Is(err, regular.ErrKind) {
			found = append(found, failure("files", "%v: move it away", err))
		}
	}
	return found
}

// checkMemory says whether alpr run can keep keys out of swap.
func checkMemory() finding {
	const part = "memory"
	switch {
	case !host.HasSwap():
		return okay(part, "there is no swap, and alpr run switches core dumps off: keys stay in memory")
	case host.MayLockAll():
		return okay(part, "alpr run locks its memory, and switches core dumps off: keys are not swapped to disk")
	}
	return warning(part, "%s. The device key itself is locked", host.SwapAdvice)
}
