package camera

import (
	"errors"
	"fmt"
	"strings"

	"gocv.io/x/gocv"
)

// pipelinePrefix begins a location that is a GStreamer pipeline.
const pipelinePrefix = "gst:"

// IsPipeline says whether a location is a GStreamer pipeline, not a path.
func IsPipeline(location string) bool { return strings.HasPrefix(location, pipelinePrefix) }

// shownPipeline names the first element alone: any other part may hold a password.
func shownPipeline(location string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(location, pipelinePrefix), "!")
	if name := strings.Fields(first); len(name) > 0 && !strings.ContainsAny(name[0], "=/") {
		return pipelinePrefix + name[0]
	}
	return pipelinePrefix + hidden
}

var errNoSink = errors.New("a pipeline must end in what hands its pictures over: " +
	"… ! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1")

func checkPipeline(location string) error {
	if !strings.Contains(location, "appsink") {
		return fmt.Errorf("check camera %s: %w", Shown(location), errNoSink)
	}
	return nil
}

// openPipeline starts a GStreamer pipeline. What is wrong with one, GStreamer
// tells nobody but its own debug log.
func openPipeline(location string) (capture, error) {
	if err := checkPipeline(location); err != nil {
		return nil, err
	}
	v, err := gocv.VideoCaptureFileWithAPI(strings.TrimPrefix(location, pipelinePrefix), gocv.VideoCaptureGstreamer)
	if err != nil || !v.IsOpened() {
		return nil, errors.Join(fmt.Errorf("open camera %s: GStreamer does not start this pipeline: try it with gst-launch-1.0 "+
			"(appsink replaced by fakesink); its elements come in the packages gstreamer1.0-plugins-base, -good and -bad", Shown(location)), v.Close())
	}
	return newVideoCapture(v), nil
}
