// Package atomicfile writes files whole and for good: after a power cut the old
// file is there or the new one, never a part.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write puts data in the place of path, and returns when it is durable. The file
// has exactly the mode perm. Where root writes, it belongs to whom the one before
// belonged to, or where there was none, to whom its folder belongs: a file that
// "sudo" has written is still the service's.
func Write(path string, data []byte, perm fs.FileMode) error {
	return WriteTo(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteTo is Write of what write writes. Its error leaves path as it is.
func WriteTo(path string, perm fs.FileMode, write func(io.Writer) error) error {
	err := put(path, perm, write, os.Rename)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Create is Write that never replaces a file: where there is one, its error
// wraps fs.ErrExist.
func Create(path string, data []byte, perm fs.FileMode) error {
	return CreateTo(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// CreateTo is Create of what write writes. Its error leaves no file.
func CreateTo(path string, perm fs.FileMode, write func(io.Writer) error) error {
	err := put(path, perm, write, func(from, to string) error {
		return errors.Join(os.Link(from, to), os.Remove(from)) // unlike a rename, a link replaces nothing
	})
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}

func put(path string, perm fs.FileMode, write func(io.Writer) error, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Chmod(perm), keepOwner(f, path), f.Sync(), f.Close())
	if err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		if gone := os.Remove(f.Name()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// keepOwner gives a file of root's to whom the one at path, or its folder,
// belongs.
func keepOwner(f *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	err = f.Chown(int(owner.Uid), int(owner.Gid))
	if errors.Is(err, fs.ErrPermission) { // a root that may not give files away, as in a container
		return nil
	}
	return err
}

// SyncDir makes the names in a folder durable: those that were made, moved or
// removed.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
