/* Stands between SQLite and the C library, and makes the disk slow or full as
 * the first two numbers of the file named by TORTURE_DISK say: milliseconds that
 * each sync takes, and whether nothing may grow. What Go writes by itself does
 * not come by here. Loaded by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static volatile int32_t *control;

__attribute__((constructor)) static void begin(void) {
	const char *path = getenv("TORTURE_DISK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) return;
	void *p = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) control = p;
	close(fd);
}

static void slow(void) {
	if (!control || control[0] <= 0) return;
	struct timespec t = {control[0] / 1000, control[0] % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

/* grows says whether a write up to end is refused. */
static int grows(int fd, off_t end) {
	struct stat s;
	return control && control[1] && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && end > s.st_size;
}

#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))

int fsync(int fd) { slow(); return NEXT("fsync", int (*)(int))(fd); }
int fdatasync(int fd) { slow(); return NEXT("fdatasync", int (*)(int))(fd); }

ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) {
	if (grows(fd, at + n)) { errno = ENOSPC; return -1; }
	return NEXT("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t))(fd, b, n, at);
}

ssize_t pwrite(int fd, const void *b, size_t n, off_t at) {
	if (grows(fd, at + n)) { errno = ENOSPC; return -1; }
	return NEXT("pwrite", ssize_t (*)(int, const void *, size_t, off_t))(fd, b, n, at);
}

int ftruncate64(int fd, off64_t n) {
	if (grows(fd, n)) { errno = ENOSPC; return -1; }
	return NEXT("ftruncate64", int (*)(int, off64_t))(fd, n);
}

int ftruncate(int fd, off_t n) {
	if (grows(fd, n)) { errno = ENOSPC; return -1; }
	return NEXT("ftruncate", int (*)(int, off_t))(fd, n);
}
