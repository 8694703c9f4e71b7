package torture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// diskBytes is the size of the cars' disk where there is a real small one.
const diskBytes = 96 << 20

// disk is what the cars' folders are on. As root it is a small file system in
// memory that can really be full; otherwise the library of testdata/disk.c
// refuses SQLite what would make a file grow. That library makes syncs slow in
// both cases.
type disk struct {
	dir     string
	isSmall bool   // a file system of its own
	library string // for LD_PRELOAD
	control string // what the library reads
}

// newDisk mounts or makes the folder; the mount ends with the test, and
// after a failure what is in it is copied beside it.
func newDisk(t testing.TB, dir string) *disk {
	t.Helper()
	d := &disk{dir: filepath.Join(dir, "cars"), library: filepath.Join(dir, "disk.so"), control: filepath.Join(dir, "disk.control")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-O1", "-shared", "-fPIC", "-o", d.library, "testdata/disk.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("compile testdata/disk.c: %v\n%s", err, out)
	}
	if err := d.behave(0, false); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 && unix.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskBytes)) == nil {
		d.isSmall = true
		t.Cleanup(func() {
			if t.Failed() {
				if out, err := exec.Command("cp", "-a", d.dir, d.dir+".kept").CombinedOutput(); err != nil {
					t.Logf("not all of the cars' folders is kept: %v\n%s", err, out)
				}
			}
			if err := unix.Unmount(d.dir, unix.MNT_DETACH); err != nil {
				t.Errorf("take the cars' disk away: %v", err)
			}
		})
	}
	return d
}

// behave sets how long a sync takes, in milliseconds, and whether files may grow.
func (d *disk) behave(syncMS int, isFull bool) error {
	var b [8]byte
	binary.NativeEndian.PutUint32(b[:], uint32(syncMS))
	if isFull {
		b[4] = 1
	}
	f, err := os.OpenFile(d.control, os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteAt(b[:], 0) // in place: the programs have it mapped
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("tell the disk how to behave: %w", err)
	}
	return nil
}

// env is what a program is started with to have this disk.
func (d *disk) env() []string {
	return []string{"LD_PRELOAD=" + d.library, "TORTURE_DISK=" + d.control}
}

// fill leaves no room until the returned function is called.
func (d *disk) fill() (undo func() error, err error) {
	if !d.isSmall {
		return func() error { return d.behave(0, false) }, d.behave(0, true)
	}
	ballast := filepath.Join(d.dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		return nil, fmt.Errorf("fill the disk: %w", err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return nil, errors.Join(fmt.Errorf("fill the disk: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("fill the disk: %w", err)
	}
	return func() error { return os.Remove(ballast) }, nil
}
