package gps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"go.bug.st/serial"
)

const (
	// readTimeout is how long one Read of a connection waits, so that silence is noticed.
	readTimeout = 500 * time.Millisecond
	// listenFor is how long a baud rate is tried: receivers send once a second.
	listenFor = 1500 * time.Millisecond
)

// usualBauds are the rates of receivers, the most usual first.
func usualBauds() []int { return []int{9600, 4800, 115200, 38400, 57600, 19200} }

// Serial opens a serial device ("/dev/ttyUSB0") at a baud rate, 8 bits, no
// parity, one stop bit; 0 finds the rate out by listening at each that is usual.
// A receiver on USB takes any.
func Serial(device string, baud int) Opener {
	if baud != 0 {
		return func(context.Context) (io.ReadCloser, error) { return openSerial(device, baud) }
	}
	return findBaud(device, openSerial)
}

func openSerial(device string, baud int) (io.ReadCloser, error) {
	port, err := serial.Open(device, &serial.Mode{BaudRate: baud})
	if err != nil {
		return nil, fmt.Errorf("open serial %s: %w%s", device, err, serialHint(err))
	}
	if err := port.SetReadTimeout(readTimeout); err != nil {
		port.Close()
		return nil, fmt.Errorf("set up serial %s: %w", device, err)
	}
	return port, nil
}

// findBaud opens a device at one rate after the other until a sentence is heard;
// the next time the one that was right is tried first.
func findBaud(device string, open func(device string, baud int) (io.ReadCloser, error)) Opener {
	bauds := usualBauds()
	return func(ctx context.Context) (io.ReadCloser, error) {
		total := 0
		for i, baud := range bauds {
			port, err := open(device, baud)
			if err != nil {
				return nil, err
			}
			heard, isNMEA, err := hear(ctx, port)
			if isNMEA {
				bauds = slices.Insert(slices.Delete(bauds, i, i+1), 0, baud)
				return &resumed{Reader: io.MultiReader(bytes.NewReader(heard), port), Closer: port}, nil
			}
			port.Close()
			if err != nil {
				return nil, fmt.Errorf("listen to serial %s: %w", device, err)
			}
			total += len(heard)
		}
		if total == 0 {
			return nil, fmt.Errorf("%w: %s sent nothing at any usual baud rate: check its cable and power", ErrSilent, device)
		}
		return nil, fmt.Errorf("%w: %s sends no NMEA at any usual baud rate %v: is it the receiver's device?", ErrGarbled, device, bauds)
	}
}

// hear listens to a port until it has sent a whole sentence.
func hear(ctx context.Context, port io.Reader) (heard []byte, isNMEA bool, err error) {
	c := cutter{take: func(s string) {
		if s != "" {
			_, err := parseSentence(s)
			isNMEA = isNMEA || err == nil || errors.Is(err, ErrNoChecksum)
		}
	}}
	buf := make([]byte, 512)
	for start := time.Now(); time.Since(start) < listenFor; {
		if ctx.Err() != nil {
			return heard, false, ctx.Err()
		}
		n, err := port.Read(buf)
		for _, b := range buf[:n] {
			c.push(b)
		}
		heard = append(heard, buf[:n]...)
		if isNMEA || err != nil {
			return heard, isNMEA, err
		}
	}
	return heard, false, nil
}

// resumed is a port some of which has been read already.
type resumed struct {
	io.Reader
	io.Closer
}

// serialHint says what to do about an error of opening a port.
func serialHint(err error) string {
	var pe *serial.PortError
	if errors.Is(err, fs.ErrNotExist) {
		return " (is the receiver plugged in?)"
	}
	if !errors.As(err, &pe) {
		return ""
	}
	switch pe.Code() {
	case serial.PortNotFound:
		return " (is the receiver plugged in?)"
	case serial.PermissionDenied:
		return " (add this user to the group dialout)"
	case serial.PortBusy:
		return " (another program, often gpsd, holds it)"
	case serial.InvalidSpeed:
		return " (set a usual baud rate: 4800, 9600, 38400, 115200; or 0, to have it found out)"
	}
	return ""
}
