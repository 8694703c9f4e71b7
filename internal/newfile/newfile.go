// Package newfile writes files that were not there before, whole or not at all.
package newfile

import (
	"errors"
	"io"
	"os"
)

// Write writes a new file that only its owner may read, or leaves none. One that is
// there is an error.
func Write(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Sync(), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
