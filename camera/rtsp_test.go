package camera

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"alpr"
)

// rtspCamera is a real RTSP server on loopback that plays coded frames for ever.
type rtspCamera struct {
	server *gortsplib.Server
	stream *gortsplib.ServerStream
	units  [][][]byte   // H.264 access units
	sent   atomic.Int64 // the unit under way
	stop   context.CancelFunc
	done   chan struct{}
}

func (c *rtspCamera) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *rtspCamera) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *rtspCamera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// accessUnits encodes coded frames as H.264, every one a key frame with its
// parameter sets, so that a client may come in anywhere.
func accessUnits(t *testing.T, n int) [][][]byte {
	t.Helper()
	path := makeVideo(t, "stream.h264", n, "-c:v", "libx264", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
		"-x264-params", "keyint=1:repeat-headers=1:aud=1", "-f", "h264")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var nalus h264.AnnexB
	if err := nalus.Unmarshal(content); err != nil {
		t.Fatal(err)
	}
	var units [][][]byte
	for _, nalu := range nalus {
		if h264.NALUType(nalu[0]&0x1f) == h264.NALUTypeAccessUnitDelimiter {
			units = append(units, nil)
			continue
		}
		units[len(units)-1] = append(units[len(units)-1], nalu)
	}
	return units
}

func startRTSP(t *testing.T, port int, units [][][]byte) *rtspCamera {
	t.Helper()
	track := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{track}}
	c := &rtspCamera{units: units, done: make(chan struct{})}
	c.server = &gortsplib.Server{Handler: c, RTSPAddress: fmt.Sprintf("127.0.0.1:%d", port)}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := c.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	encoder, err := track.CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	go func() {
		defer close(c.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			c.sent.Store(int64(i % len(c.units)))
			packets, err := encoder.Encode(c.units[i%len(c.units)])
			if err != nil {
				t.Errorf("packetise: %v", err)
				return
			}
			for _, p := range packets {
				p.Timestamp = uint32(i * 90000 / 50)
				if err := c.stream.WritePacketRTP(media, p); err != nil && ctx.Err() == nil {
					t.Errorf("send: %v", err)
					return
				}
			}
		}
	}()
	return c
}

func (c *rtspCamera) close() {
	c.stop()
	<-c.done
	c.stream.Close()
	c.server.Close()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestRTSP watches a real RTSP camera over TCP, takes it away, brings it back,
// and expects frames again without a call from outside.
func TestRTSP(t *testing.T) {
	units := accessUnits(t, 50)
	port := freePort(t)
	rtsp := startRTSP(t, port, units)
	s, err := New(Config{Name: "front", Location: fmt.Sprintf("rtsp://127.0.0.1:%d/main", port)}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	frames := make(chan *alpr.Frame)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, func(f *alpr.Frame) {
			select {
			case frames <- f:
			case <-ctx.Done():
			}
		})
	}()
	watch := func(server *rtspCamera, n int) {
		last := -1
		for range n {
			select {
			case f := <-frames:
				if got := codeOf(f); last >= 0 && got != (last+1)%len(units) {
					t.Errorf("after frame %d came %d: a live frame was lost", last, got)
				} else {
					last = got
				}
				if lag := (int(server.sent.Load()) - codeOf(f) + len(units)) % len(units); lag > 10 {
					t.Errorf("a frame came %d frames late: what was sent while the stream was examined is old", lag)
				}
				if age := time.Since(f.CapturedAt); age < 0 || age > 5*time.Second {
					t.Errorf("a live frame is %v old", age)
				}
			case <-ctx.Done():
				t.Fatalf("no frames: %+v", s.State())
			}
		}
	}
	watch(rtsp, 60)
	rtsp.close()
	again := startRTSP(t, port, units)
	defer again.close()
	for s.State().Opened < 2 { // frames still on their way come first
		select {
		case <-frames:
		case <-ctx.Done():
			t.Fatalf("not opened again: %+v", s.State())
		}
	}
	watch(again, 10)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
}
