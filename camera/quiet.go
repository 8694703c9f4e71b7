package camera

// void alprQuietLibraries();
import "C"

import "os"

// Quiet keeps OpenCV, FFmpeg, libjpeg and libpng from writing to standard error,
// past the program's own log: what goes wrong comes as an error, too. What the
// runtimes say of a crash still goes there. Once a process is enough, before other
// threads run. OpenCV reads OPENCV_LOG_LEVEL before any code of ours runs; where
// somebody has set that, all of them speak.
func Quiet() {
	if _, isSet := os.LookupEnv("OPENCV_LOG_LEVEL"); !isSet {
		C.alprQuietLibraries()
	}
}
