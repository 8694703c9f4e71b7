// Package regular opens files whose names come from outside: from a
// configuration, a command line, or a folder that others can write. What is no
// ordinary file (a FIFO, a device, a socket, a folder, a link to nowhere) is
// refused at once, where a plain open would wait for ever or have effects.
package regular

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// ErrKind reports something in a file's place that is no ordinary file.
var ErrKind = errors.New("not an ordinary file")

// Open opens an ordinary file for reading. Its errors are those of os.Open, or
// wrap ErrKind.
func Open(path string) (*os.File, error) {
	return OpenFile(path, os.O_RDONLY, 0)
}

// OpenFile is os.OpenFile for ordinary files. What it creates is one.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	if err := Check(path); err != nil && (flag&os.O_CREATE == 0 || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	// The name may have come to mean something else meanwhile: the open does not
	// wait, and what was opened is looked at again.
	f, err := os.OpenFile(path, flag|syscall.O_NONBLOCK|syscall.O_NOCTTY, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = check(path, info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenPiped opens an ordinary file, or a pipe that the shell has handed over
// (/dev/stdin, "<(…)"): those have a writer.
func OpenPiped(path string) (*os.File, error) {
	for _, handed := range []string{"/dev/stdin", "/dev/fd/", "/proc/self/fd/"} {
		if path == handed || strings.HasSuffix(handed, "/") && strings.HasPrefix(path, handed) {
			return os.Open(path)
		}
	}
	return Open(path)
}

// ReadFile reads an ordinary file whole.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}

// Check says what is wrong with a name: nothing there (fs.ErrNotExist), a link
// to nothing, or no ordinary file (both ErrKind). It opens nothing.
func Check(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if target, linkErr := os.Readlink(path); linkErr == nil {
			return fmt.Errorf("%s: %w: a link to %s, which is not there", path, ErrKind, target)
		}
	}
	if err != nil {
		return err
	}
	return check(path, info.Mode())
}

func check(path string, mode fs.FileMode) error {
	if mode.IsRegular() {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", path, ErrKind, kind(mode))
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "of type " + mode.Type().String()
}

// KeyPair reads a certificate and its key, as tls.LoadX509KeyPair does.
func KeyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}
