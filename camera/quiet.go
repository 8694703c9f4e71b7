package camera

// void alprQuietOpenCV();
import "C"

import "os"

// Quiet keeps OpenCV from writing to standard error, past the program's own log:
// what goes wrong comes as an error, too. Once a process is enough. OpenCV reads
// OPENCV_LOG_LEVEL before any code of ours runs; where somebody has set that, it
// stays. What libjpeg, libpng and OpenCV's decoders of pictures print of a damaged
// file they write without asking anybody.
func Quiet() {
	if _, isSet := os.LookupEnv("OPENCV_LOG_LEVEL"); !isSet {
		C.alprQuietOpenCV()
	}
}
