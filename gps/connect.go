package gps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// ErrAddress reports an address at which no receiver can be.
var ErrAddress = errors.New("no address of a receiver")

// Protocol is what a receiver speaks.
type Protocol int

// The protocols; each connects and is decoded in its own way.
const (
	NMEA Protocol = iota // NMEA 0183 sentences
	GPSD                 // gpsd's JSON reports, gpsd_json(5)
)

const (
	dialTimeout = 5 * time.Second
	gpsdPort    = "2947"
	gpsdWatch   = `?WATCH={"enable":true,"json":true};` + "\n"
)

// Connect reads an address: a serial device ("/dev/ttyUSB0"), the network
// address of a receiver or router that sends NMEA ("tcp://192.168.1.1:60660",
// "udp://:10110", which listens), or a gpsd ("gpsd://localhost:2947"). baud is
// that of a serial device, see Serial.
func Connect(address string, baud int) (Opener, Protocol, error) {
	scheme, _, isNetwork := strings.Cut(address, "://")
	if !isNetwork {
		return Serial(address, baud), NMEA, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return nil, NMEA, fmt.Errorf("%w: %s: write it as tcp://192.168.1.1:60660", ErrAddress, address)
	}
	host, port := u.Hostname(), u.Port()
	if scheme == "gpsd" && port == "" {
		port = gpsdPort
	}
	if port == "" || host == "" && scheme != "udp" {
		return nil, NMEA, fmt.Errorf("%w: %s: name host and port, as in tcp://192.168.1.1:60660", ErrAddress, address)
	}
	hostPort := net.JoinHostPort(host, port)
	switch scheme {
	case "tcp":
		return dial(hostPort, ""), NMEA, nil
	case "gpsd":
		return dial(hostPort, gpsdWatch), GPSD, nil
	case "udp":
		return listen(hostPort), NMEA, nil
	}
	return nil, NMEA, fmt.Errorf("%w: %s: a receiver is a device (/dev/ttyUSB0), tcp://, udp:// or gpsd://", ErrAddress, address)
}

// dial connects over TCP and says a greeting.
func dial(hostPort, greeting string) Opener {
	return func(ctx context.Context) (io.ReadCloser, error) {
		d := net.Dialer{Timeout: dialTimeout}
		conn, err := d.DialContext(ctx, "tcp", hostPort)
		if err != nil {
			return nil, fmt.Errorf("connect to the GPS receiver: %w (is %s the right address, and the sender switched on?)", err, hostPort)
		}
		if err := conn.SetWriteDeadline(time.Now().Add(dialTimeout)); err != nil {
			conn.Close()
			return nil, fmt.Errorf("greet %s: %w", hostPort, err)
		}
		if _, err := io.WriteString(conn, greeting); err != nil {
			conn.Close()
			return nil, fmt.Errorf("greet %s: %w", hostPort, err)
		}
		return &stream{conn}, nil
	}
}

// stream is a connection whose Read returns nothing after a while of silence,
// so that it can be noticed.
type stream struct{ net.Conn }

func (s *stream) Read(b []byte) (int, error) {
	if err := s.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return 0, err
	}
	return unlessLate(s.Conn.Read(b))
}

// unlessLate takes a deadline that has passed as an empty read.
func unlessLate(n int, err error) (int, error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// listen takes what is sent over UDP to an address.
func listen(hostPort string) Opener {
	return func(ctx context.Context) (io.ReadCloser, error) {
		var c net.ListenConfig
		conn, err := c.ListenPacket(ctx, "udp", hostPort)
		if err != nil {
			return nil, fmt.Errorf("listen for the GPS receiver: %w (does another program hold %s?)", err, hostPort)
		}
		return &datagrams{conn: conn}, nil
	}
}

// datagrams reads what one sender sends: the first that is heard. Another one
// in the same network moves nothing until the connection is made anew.
type datagrams struct {
	conn   net.PacketConn
	sender netip.Addr
	left   []byte // of the newest datagram
	buf    [64 << 10]byte
}

func (d *datagrams) Close() error { return d.conn.Close() }

func (d *datagrams) Read(b []byte) (int, error) {
	if len(d.left) == 0 {
		if err := d.receive(); err != nil {
			return 0, err
		}
	}
	n := copy(b, d.left)
	d.left = d.left[n:]
	return n, nil
}

// receive waits for a datagram; none within a while is no error.
func (d *datagrams) receive() error {
	if err := d.conn.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return err
	}
	n, from, err := d.conn.ReadFrom(d.buf[:len(d.buf)-1])
	if n, err = unlessLate(n, err); n == 0 || err != nil {
		return err
	}
	sender := from.(*net.UDPAddr).AddrPort().Addr() //nolint:forcetypeassert // a UDP socket's addresses are
	if !d.sender.IsValid() {
		d.sender = sender
	}
	if sender == d.sender {
		d.buf[n] = '\n' // a sentence ends with its datagram
		d.left = d.buf[:n+1]
	}
	return nil
}
