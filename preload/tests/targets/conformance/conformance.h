/* What the parts of the comparison share. A case is one call, made twice from the same state: once by
   libc's own function on a real TCP connection, once by the name that a preload may stand for on the
   connection that the program was served. */

#pragma once
#include "../target.h"

#include <limits.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

/* One side of the comparison. */
struct side {
    bool internal;
    int listener;
    /* The server's end; negative before accept. */
    int fd;
    /* The client's end, where the program has it. */
    int client;
    /* Results of the calls, as text. */
    char seen[2048];
};

/* States of both sides before the call. */
enum state {
    CONNECTED = 0,
    UNREAD = 1,       /* "hello" has arrived */
    NONBLOCKING = 2,  /* the connection does not block */
    HALF_CLOSED = 4,  /* the client has half-closed */
    GONE = 8,         /* the client has hung up */
    PENDING = 16,     /* the connection is not accepted yet */
    IMPATIENT = 32,   /* the listener does not block */
    BARE = 64,        /* neither listener nor connection */
};

struct test {
    const char *name;
    unsigned state;
    void (*run)(struct side *side);
};

#define NAMED_CASE(identifier, text, state)                                                       \
    static void identifier(struct side *side);                                                    \
    static const struct test identifier##_entry                                                   \
        __attribute__((used, section("cases"), aligned(8))) = {text, state, identifier};          \
    static void identifier(struct side *side __attribute__((unused)))

#define CASE(function, name, state) NAMED_CASE(function##_##name, #function "/" #name, state)

/* Returns the function of that name: libc's on the real side, the hook on the other. */
#define F(function) (side->internal ? &function : (__typeof__(&function))original(#function))
void *original(const char *name);

/* Makes a call that may fail, crash or block, and records how it ended. */
#define TRY(call) (begin_try(), end_try(side, (long)(call)))
/* Variants for calls that return a descriptor (closed again), a pointer, or an error number. */
#define TRY_FD(call) (begin_try(), end_try_fd(side, (call)))
#define TRY_POINTER(call) (begin_try(), end_try_pointer(side, (call)))
#define TRY_CODE(call) (begin_try(), end_try_code(side, (call)))
void begin_try(void);
void end_try(struct side *side, long result);
int end_try_fd(struct side *side, int result);
void end_try_pointer(struct side *side, void *result);
void end_try_code(struct side *side, int result);

__attribute__((format(printf, 2, 3))) void say(struct side *side, const char *format, ...);
void say_bytes(struct side *side, const char *bytes, long count);
void say_readiness(struct side *side, int fd);

/* Sends bytes from the client, and returns when they have arrived. */
void feed(struct side *side, const char *bytes);

/* Invalid addresses that the compiler cannot see. */
extern void *volatile bad, *volatile null;
/* The largest size; -1 as a signed number. */
extern volatile size_t huge;
/* Number of no open descriptor. */
enum { CLOSED = 190 };

/* Returns the last `count` bytes before inaccessible memory. */
char *before_the_edge(size_t count);
int pipe_end(int which);
int file_of(const char *content);
