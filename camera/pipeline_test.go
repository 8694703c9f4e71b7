package camera

import (
	"strings"
	"testing"
)

// TestPipelinesAreRefusedWithAReason: with the real GStreamer of OpenCV.
func TestPipelinesAreRefusedWithAReason(t *testing.T) {
	const bad = "gst:rtspsrc location=rtsp://admin:Zq9plain@cam/main user-pw=Zq9plain ! nosuchelement ! appsink"
	if _, err := New(Config{Location: bad}, quiet()); err != nil {
		t.Errorf("a pipeline is not taken: %v", err)
	}
	_, unstarted := openCapture(Config{Location: bad})
	_, endless := New(Config{Location: "gst:videotestsrc ! fakesink"}, quiet())
	_, bare := New(Config{Location: "videotestsrc ! appsink"}, quiet())
	for want, err := range map[string]error{"gstreamer1.0-plugins": unstarted, "appsink drop=true": endless, "gst:": bare} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "Zq9plain") {
			t.Errorf("the password is shown: %v", err)
		}
	}
	for location, want := range map[string]string{
		bad: "gst:rtspsrc", "gst:location=rtsp://u:p@h ! appsink": "gst:…", "gst:": "gst:…", "gst: v4l2src device=/dev/video0 ! appsink": "gst:v4l2src",
	} {
		if got := NameOf(location); got != want {
			t.Errorf("%s is called %s, want %s", location, got, want)
		}
	}
}
