/* Clocks, sleeps, timed waits for another thread, and randomness. */

#include "conformance.h"

#include <sys/random.h>

static struct timespec time_of(long seconds, long nanoseconds) { return (struct timespec){seconds, nanoseconds}; }

CASE(clock_gettime, unknown, CONNECTED) { struct timespec now; TRY(F(clock_gettime)(99, &now)), TRY(F(clock_gettime)(-99, &now)); }
CASE(clock_gettime, null, CONNECTED) { TRY(F(clock_gettime)(CLOCK_REALTIME, null)); }
CASE(clock_gettime, bad, CONNECTED) { TRY(F(clock_gettime)(CLOCK_MONOTONIC, bad)); }
CASE(clock_gettime, unknown_null, CONNECTED) { TRY(F(clock_gettime)(99, null)); }
CASE(gettimeofday, null, CONNECTED) { TRY(F(gettimeofday)(null, null)); }
CASE(gettimeofday, bad, CONNECTED) { TRY(F(gettimeofday)(bad, null)); }
CASE(gettimeofday, zone, CONNECTED) {
    struct timezone zone = {7, 7};
    struct timeval now;
    TRY(F(gettimeofday)(&now, &zone)), say(side, "zone=%d,%d", zone.tz_minuteswest, zone.tz_dsttime);
}
CASE(gettimeofday, bad_zone, CONNECTED) { struct timeval now; TRY(F(gettimeofday)(&now, bad)); }
CASE(time, null, CONNECTED) { TRY(F(time)(null) > 0); }
CASE(time, bad, CONNECTED) { TRY(F(time)(bad) > 0); }

static void try_nanosleep(struct side *side, long seconds, long nanoseconds) {
    struct timespec length = time_of(seconds, nanoseconds), left = time_of(7, 7);
    TRY(F(nanosleep)(&length, &left)), say(side, "left=%ld%s", left.tv_sec, left.tv_nsec == 7 ? " untouched" : "");
}
CASE(nanosleep, short, CONNECTED) { try_nanosleep(side, 0, 1000); }
CASE(nanosleep, zero, CONNECTED) { try_nanosleep(side, 0, 0); }
CASE(nanosleep, invalid, CONNECTED) { try_nanosleep(side, 0, 1000000000), try_nanosleep(side, 0, -1), try_nanosleep(side, -1, 0); }
CASE(nanosleep, interrupted, CONNECTED) { try_nanosleep(side, 5, 0); }
CASE(nanosleep, null, CONNECTED) { TRY(F(nanosleep)(null, null)); }
CASE(nanosleep, bad, CONNECTED) { TRY(F(nanosleep)(bad, null)); }
CASE(nanosleep, bad_left, CONNECTED) { struct timespec length = time_of(0, 1000); TRY(F(nanosleep)(&length, bad)); }

static void try_clock_nanosleep(struct side *side, clockid_t clock, int flags, long seconds, long nanoseconds) {
    struct timespec length = time_of(seconds, nanoseconds), left = time_of(7, 7);
    TRY_CODE(F(clock_nanosleep)(clock, flags, &length, &left)), say(side, "left=%ld%s", left.tv_sec, left.tv_nsec == 7 ? " untouched" : "");
}
CASE(clock_nanosleep, unknown, CONNECTED) { try_clock_nanosleep(side, 99, 0, 0, 1000), try_clock_nanosleep(side, 99, TIMER_ABSTIME, 0, 1000); }
CASE(clock_nanosleep, own_thread, CONNECTED) { try_clock_nanosleep(side, CLOCK_THREAD_CPUTIME_ID, 0, 0, 1000); }
CASE(clock_nanosleep, coarse, CONNECTED) { try_clock_nanosleep(side, CLOCK_MONOTONIC_COARSE, 0, 0, 1000); }
CASE(clock_nanosleep, invalid, CONNECTED) { try_clock_nanosleep(side, CLOCK_MONOTONIC, 0, 0, 1000000000), try_clock_nanosleep(side, CLOCK_MONOTONIC, TIMER_ABSTIME, 0, -1); }
CASE(clock_nanosleep, past, CONNECTED) { try_clock_nanosleep(side, CLOCK_MONOTONIC, TIMER_ABSTIME, 0, 1), try_clock_nanosleep(side, CLOCK_REALTIME, TIMER_ABSTIME, -1, 1); }
CASE(clock_nanosleep, unknown_flags, CONNECTED) { try_clock_nanosleep(side, CLOCK_MONOTONIC, 0x98, 0, 1000); }
CASE(clock_nanosleep, interrupted, CONNECTED) { try_clock_nanosleep(side, CLOCK_MONOTONIC, 0, 5, 0); }
CASE(clock_nanosleep, bad, CONNECTED) { TRY_CODE(F(clock_nanosleep)(CLOCK_MONOTONIC, 0, bad, null)), TRY_CODE(F(clock_nanosleep)(CLOCK_MONOTONIC, 0, null, null)); }
CASE(clock_nanosleep, bad_absolute, CONNECTED) { TRY_CODE(F(clock_nanosleep)(CLOCK_MONOTONIC, TIMER_ABSTIME, bad, null)); }
CASE(usleep, short, CONNECTED) { TRY(F(usleep)(0)), TRY(F(usleep)(1)); }
CASE(usleep, interrupted, CONNECTED) { TRY(F(usleep)(5000000)); }
CASE(sleep, zero, CONNECTED) { TRY(F(sleep)(0)); }
CASE(sleep, interrupted, CONNECTED) { TRY(F(sleep)(5) > 3); }

static void try_semaphore(struct side *side, unsigned value, long seconds, long nanoseconds) {
    sem_t semaphore;
    struct timespec deadline = time_of(seconds, nanoseconds);
    CHECK(sem_init(&semaphore, 0, value) == 0);
    TRY(F(sem_timedwait)(&semaphore, &deadline)), TRY(F(sem_clockwait)(&semaphore, CLOCK_MONOTONIC, &deadline));
}
CASE(sem_timedwait, past, CONNECTED) { try_semaphore(side, 0, 1, 0), try_semaphore(side, 0, -1, 0); }
CASE(sem_timedwait, invalid, CONNECTED) { try_semaphore(side, 0, 1, 1000000000), try_semaphore(side, 0, 1, -1); }
CASE(sem_timedwait, invalid_but_free, CONNECTED) { try_semaphore(side, 2, 1, 1000000000); }
CASE(sem_timedwait, bad_deadline, CONNECTED) { sem_t semaphore; sem_init(&semaphore, 0, 0), TRY(F(sem_timedwait)(&semaphore, bad)); }
CASE(sem_timedwait, bad_deadline_but_free, CONNECTED) { sem_t semaphore; sem_init(&semaphore, 0, 1), TRY(F(sem_timedwait)(&semaphore, bad)); }
CASE(sem_timedwait, interrupted, CONNECTED) { try_semaphore(side, 0, LONG_MAX, 0); }
CASE(sem_clockwait, unknown, CONNECTED) { sem_t semaphore; struct timespec deadline = {1, 0}; sem_init(&semaphore, 0, 0), TRY(F(sem_clockwait)(&semaphore, 99, &deadline)); }

/* One mutex for each side, because a crash leaves it locked. */
static pthread_mutex_t mutexes[] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void try_condition(struct side *side, long seconds, long nanoseconds) {
    struct timespec deadline = time_of(seconds, nanoseconds);
    pthread_mutex_lock(&mutexes[side->internal]);
    TRY_CODE(F(pthread_cond_timedwait)(&condition, &mutexes[side->internal], &deadline));
    TRY_CODE(F(pthread_cond_clockwait)(&condition, &mutexes[side->internal], CLOCK_MONOTONIC, &deadline));
    say(side, "locked=%d", pthread_mutex_trylock(&mutexes[side->internal]) == EBUSY), pthread_mutex_unlock(&mutexes[side->internal]);
}
CASE(pthread_cond_timedwait, past, CONNECTED) { try_condition(side, 1, 0), try_condition(side, -1, 0); }
CASE(pthread_cond_timedwait, invalid, CONNECTED) { try_condition(side, 1, 1000000000), try_condition(side, 1, -1); }
CASE(pthread_cond_timedwait, bad, CONNECTED) { pthread_mutex_lock(&mutexes[side->internal]), TRY_CODE(F(pthread_cond_timedwait)(&condition, &mutexes[side->internal], bad)); }
CASE(pthread_cond_clockwait, unknown, CONNECTED) { struct timespec deadline = {1, 0}; pthread_mutex_lock(&mutexes[side->internal]), TRY_CODE(F(pthread_cond_clockwait)(&condition, &mutexes[side->internal], 99, &deadline)); }

static char bytes[300];
CASE(getrandom, unknown_flags, CONNECTED) { TRY(F(getrandom)(bytes, 8, 0x99)); }
CASE(getrandom, both_flags, CONNECTED) { TRY(F(getrandom)(bytes, 8, GRND_RANDOM | 4)); }
CASE(getrandom, zero, CONNECTED) { TRY(F(getrandom)(bytes, 0, 0)), TRY(F(getrandom)(null, 0, 0)); }
CASE(getrandom, bad, CONNECTED) { TRY(F(getrandom)(bad, 8, 0)), TRY(F(getrandom)(null, 8, 0)); }
CASE(getrandom, partly_bad, CONNECTED) { TRY(F(getrandom)(before_the_edge(100), 300, 0)); }
CASE(getentropy, most, CONNECTED) { TRY(F(getentropy)(bytes, 256)), TRY(F(getentropy)(bytes, 257)); }
CASE(getentropy, bad, CONNECTED) { TRY(F(getentropy)(bad, 8)); }
CASE(arc4random, number, CONNECTED) { TRY(F(arc4random)() != F(arc4random)()); }
CASE(arc4random_buf, zero, CONNECTED) { F(arc4random_buf)(null, 0), TRY(0); }
CASE(arc4random_uniform, bounds, CONNECTED) { TRY(F(arc4random_uniform)(0)), TRY(F(arc4random_uniform)(1)), TRY(F(arc4random_uniform)(2) < 2); }

/* Pseudo-random numbers: a seed gives the same sequence on both sides. */
CASE(srand, sequence, CONNECTED) { F(srand)(7), TRY(F(rand)()), TRY(F(rand)()), F(srand)(7), TRY(F(rand)()); }
CASE(rand, goes_on, CONNECTED) { F(srand)(0), TRY(F(rand)()), TRY(F(random)()); }
CASE(srandom, sequence, CONNECTED) { F(srandom)(7), TRY(F(random)()), TRY(F(random)()), F(srandom)(7), TRY(F(random)()); }
CASE(random, goes_on, CONNECTED) { F(srandom)(0), TRY(F(random)()), TRY(F(rand)()); }
CASE(initstate, sizes, CONNECTED) {
    static char state[256];
    TRY(F(initstate)(7, state, 7) != NULL), TRY(F(initstate)(7, state, 8) != NULL), TRY(F(random)());
    TRY(F(initstate)(7, state, sizeof state) == state), TRY(F(random)());
}
CASE(setstate, forth_and_back, CONNECTED) {
    static char state[128];
    char *before = F(initstate)(7, state, sizeof state);
    TRY(F(random)()), TRY(F(setstate)(before) == state), TRY(F(setstate)(state) == before), TRY(F(random)());
    F(setstate)(before);
}
CASE(srand48, sequence, CONNECTED) { F(srand48)(7), TRY(F(lrand48)()), TRY(F(mrand48)()), TRY(F(drand48)() * 1e9); }
CASE(lrand48, goes_on, CONNECTED) { F(srand48)(8), TRY(F(lrand48)()), TRY(F(lrand48)()); }
CASE(mrand48, goes_on, CONNECTED) { F(srand48)(9), TRY(F(mrand48)()), TRY(F(mrand48)()); }
CASE(drand48, goes_on, CONNECTED) { F(srand48)(10), TRY(F(drand48)() * 1e9), TRY(F(drand48)() * 1e9); }
CASE(seed48, former, CONNECTED) {
    unsigned short seed[3] = {1, 2, 3};
    F(srand48)(7);
    unsigned short *former = F(seed48)(seed);
    say(side, "former=%hu,%hu,%hu", former[0], former[1], former[2]), TRY(F(lrand48)());
}
CASE(lcong48, parameters, CONNECTED) { unsigned short parameters[7] = {1, 2, 3, 4, 5, 6, 7}; F(lcong48)(parameters), TRY(F(lrand48)()), TRY(F(lrand48)()), F(srand48)(7); }
