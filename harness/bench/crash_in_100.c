// Preloaded library that crashes any server in one of 100 inputs. A hash of the first bytes read from a connection
// decides, so an input crashes always or never.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define EVERY 100
#define DESCRIPTORS 4096

// Connections from which nothing has been read yet.
static char fresh[DESCRIPTORS];

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int accepted(int fd) {
    if (fd >= 0 && fd < DESCRIPTORS) fresh[fd] = 1;
    return fd;
}

static ssize_t decide(int fd, const uint8_t *bytes, ssize_t count) {
    if (fd < 0 || fd >= DESCRIPTORS || !fresh[fd] || count <= 0) return count;
    fresh[fd] = 0;
    uint32_t hash = 2166136261; // FNV-1a
    for (ssize_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * 16777619;
    if ((hash ^ hash >> 16) % EVERY == 0) abort();
    return count;
}

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict length) {
    NEXT(accept);
    return accepted(next(fd, address, length));
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags) {
    NEXT(accept4);
    return accepted(next(fd, address, length, flags));
}

ssize_t read(int fd, void *buffer, size_t size) {
    NEXT(read);
    return decide(fd, buffer, next(fd, buffer, size));
}

ssize_t recv(int fd, void *buffer, size_t size, int flags) {
    NEXT(recv);
    return decide(fd, buffer, next(fd, buffer, size, flags));
}

ssize_t readv(int fd, const struct iovec *parts, int count) {
    NEXT(readv);
    ssize_t total = next(fd, parts, count);
    ssize_t first = count > 0 && total > (ssize_t)parts[0].iov_len ? (ssize_t)parts[0].iov_len : total;
    if (count > 0) decide(fd, parts[0].iov_base, first);
    return total;
}

int close(int fd) {
    NEXT(close);
    if (fd >= 0 && fd < DESCRIPTORS) fresh[fd] = 0;
    return next(fd);
}
