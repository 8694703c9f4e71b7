// The OpenCV modules this project builds with. Debian's own header lists every
// module of the distribution, whether its headers are installed or not; this
// one comes first on the include path (see GO_CPPFLAGS in the Makefile), so that
// the four small -dev packages are enough instead of the 689 MB of libopencv-dev.
#define HAVE_OPENCV_CORE
#define HAVE_OPENCV_IMGPROC
#define HAVE_OPENCV_IMGCODECS
#define HAVE_OPENCV_VIDEOIO
