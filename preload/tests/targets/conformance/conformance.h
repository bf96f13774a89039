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

/* One of the two. */
struct side {
    bool internal;
    int listener;
    /* The server's end; negative before accept. */
    int fd;
    /* The client's end, where the program has it. */
    int client;
    /* What was seen. */
    char seen[2048];
};

/* In which state both sides are before the call. */
enum state {
    CONNECTED = 0,
    UNREAD = 1,       /* "hello" has arrived */
    NONBLOCKING = 2,  /* the connection is */
    HALF_CLOSED = 4,  /* by the client */
    GONE = 8,         /* the client is */
    PENDING = 16,     /* nothing is accepted yet: the connection waits at the listener */
    IMPATIENT = 32,   /* the listener does not block */
    BARE = 64,        /* there are neither listeners nor connections */
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

/* The function of that name: libc's own on the real side, whatever stands for it on the other. */
#define F(function) (side->internal ? &function : (__typeof__(&function))original(#function))
void *original(const char *name);

/* Makes a call that may fail, crash or block, and notes how it ended. */
#define TRY(call) (begin_try(), end_try(side, (long)(call)))
/* The same for a descriptor, which is closed again, for a pointer, and for an error as the result. */
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

/* The client sends some more; it has arrived. */
void feed(struct side *side, const char *bytes);

/* Addresses at which nothing is, kept from the compiler. */
extern void *volatile bad, *volatile null;
/* The largest size there is; -1 where it is signed. */
extern volatile size_t huge;
/* A number that no descriptor has. */
enum { CLOSED = 190 };

/* The last so many bytes before memory that may not be touched. */
char *before_the_edge(size_t count);
int pipe_end(int which);
int file_of(const char *content);
