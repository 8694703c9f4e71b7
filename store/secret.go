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
	const dontDump = 16                 // MADV_DONTDUMP
	_ = syscall.Mlock(page)             // where the limit of locked memory allows
	_ = syscall.Madvise(page, dontDump) // core dumps are off besides
	copy(page, secret)
	clear(secret)
	k.secret = page[:len(secret)]
	return k
}
