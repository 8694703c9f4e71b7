#include <opencv2/core/utils/logger.hpp>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <streambuf>
#include <unistd.h>

namespace {

// What the C and C++ runtimes say when the process is about to end is the only
// word of why: from there on everything goes out.
bool isEnding(const char* text, size_t size) {
	static bool ending = false;
	for (const char* mark : {"terminate called", "Assertion", "pure virtual"}) {
		ending = ending || memmem(text, size, mark, strlen(mark)) != nullptr;
	}
	return ending;
}

ssize_t hear(void*, const char* text, size_t size) {
	if (isEnding(text, size)) {
		(void)!write(STDERR_FILENO, text, size);
	}
	return static_cast<ssize_t>(size);
}

struct Nowhere : std::streambuf {
	int overflow(int c) override { return traits_type::not_eof(c); }
	std::streamsize xsputn(const char*, std::streamsize n) override { return n; }
};

} // namespace

extern "C" void alprQuietLibraries() {
	cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
	static Nowhere nowhere;
	std::cerr.rdbuf(&nowhere);
	std::clog.rdbuf(&nowhere);
#ifdef __GLIBC__
	// libjpeg, libpng and FFmpeg write to stderr without asking anybody. It is a
	// variable; the Go runtime writes to the file descriptor, past it.
	cookie_io_functions_t io = {};
	io.write = hear;
	if (FILE* f = fopencookie(nullptr, "w", io)) {
		setvbuf(f, nullptr, _IOLBF, 1024);
		stderr = f;
	}
#endif
}
