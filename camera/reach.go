package camera

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// reachWithin is how long a network camera may take to show a sign of life.
	reachWithin = 4 * time.Second
	// reachBytes is in how many bytes a stream of pictures must hold the
	// beginning of one.
	reachBytes = 4 << 20
)

var errMute = errors.New("it takes the connection and sends nothing: restart the camera, or check the port")

// reach asks a network camera for a sign of life, within reachWithin. OpenCV
// opens one stream at a time in the whole process: a camera that is mute must
// not come so far, for it would keep the others away meanwhile; nor could it be
// left when the program is to stop. What answers at all is left to FFmpeg.
func reach(ctx context.Context, location string) error {
	at, err := address(location)
	if err != nil {
		return err
	}
	u, err := url.Parse(at)
	if err != nil {
		return fmt.Errorf("check camera %s: %w", Shown(location), errAddress)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, reachWithin, errMute)
	defer cancel()
	switch u.Scheme {
	case "http":
		err = reachHTTP(ctx, at)
	case "rtsp":
		err = reachRTSP(ctx, u)
	default:
		return nil
	}
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("open camera %s: %w", Shown(location), withoutAddress(err))
}

// reachHTTP waits for the first bytes of a stream. A stream of pictures does not
// come here: openMotionJPEG takes it.
func reachHTTP(ctx context.Context, location string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	kind := res.Header.Get("Content-Type")
	switch {
	case res.StatusCode == http.StatusUnauthorized: // FFmpeg knows more ways to log in
		return nil
	case res.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("it answers %s: check address, user and password", res.Status)
	case strings.HasPrefix(kind, "text/html"):
		return errors.New("a page comes from there, no video: check the path")
	}
	return firstByte(res.Body)
}

func firstByte(r io.Reader) error {
	if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
		return fmt.Errorf("nothing comes from there: %w", err)
	}
	return nil
}

// reachRTSP asks for the options (RFC 2326, 10.1), which every server answers,
// whether it lets us in or not, and then for the description of the stream. Only
// a server that goes mute there is refused: whatever else it says, or that it
// hangs up, FFmpeg hears, too.
func reachRTSP(ctx context.Context, u *url.URL) error {
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "554")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	in := bufio.NewReader(conn)
	if err := askRTSP(conn, in, u, "OPTIONS", 1); err != nil {
		return err
	}
	if err := askRTSP(conn, in, u, "DESCRIBE", 2); ctx.Err() != nil {
		return err
	}
	return nil
}

// askRTSP sends a request and reads the head of the answer.
func askRTSP(conn net.Conn, in *bufio.Reader, u *url.URL, method string, number int) error {
	plain := url.URL{Scheme: "rtsp", Host: u.Host, Path: u.Path, RawQuery: u.RawQuery}
	if _, err := fmt.Fprintf(conn, "%s %s RTSP/1.0\r\nCSeq: %d\r\nUser-Agent: alpr\r\n\r\n", method, plain.String(), number); err != nil {
		return err
	}
	begin, err := in.Peek(len("RTSP/"))
	if err != nil {
		return fmt.Errorf("nothing comes from there: %w", err)
	}
	if string(begin) != "RTSP/" {
		return errors.New("what answers there speaks no RTSP: check the port")
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("its answer breaks off: %w", err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
	}
}
