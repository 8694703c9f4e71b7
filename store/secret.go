package store

import (
	"syscall"
)

// newDeviceKey keeps a secret where neither swap nor a core dump takes it, as
// far as the system allows.
func newDeviceKey(secret []byte) *DeviceKey {
	k := &DeviceKey{secret: secret}
	page, err := syscall.Mmap(-1, 0, syscall.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil || len(secret) > len(page) {
		return k
	}
	const dontDump = 16 // MADV_DONTDUMP
	k.isLocked = syscall.Mlock(page) == nil
	_ = syscall.Madvise(page, dontDump) // core dumps are off besides
	copy(page, secret)
	clear(secret)
	k.secret = page[:len(secret)]
	return k
}

// IsKeyLocked says whether the device key is in memory that is never swapped.
func (s *Store) IsKeyLocked() bool { return s.device.isLocked }
