package gps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"go.bug.st/serial"
)

// readTimeout is how long one Read of a serial port waits, so that silence is noticed.
const readTimeout = time.Second

// Serial opens a serial device ("/dev/ttyUSB0") at a baud rate, 8 bits, no
// parity, one stop bit. Most receivers speak 9600, older ones 4800; one on USB
// takes any.
func Serial(device string, baud int) Opener {
	return func(context.Context) (io.ReadCloser, error) {
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
		return " (set a usual baud rate: 4800, 9600, 38400, 115200)"
	}
	return ""
}
