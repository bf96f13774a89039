//! Table of all symbols that this library exports. Each row has a libc function, its C signature, and the
//! function below `hooks` that replaces it. [`crate::sys::real`] generates the real functions from these rows,
//! `hooks/exports.rs` the exported ones. The rows of functions that take a path are in [`paths`].
//!
//! No other symbol may be exported: a name that libc does not define could replace one of the server's own.
//! (The exceptions are `dprintf` in `hooks/formatted.rs` and `execl` in `hooks/files/programs.rs`, which are variadic, and
//! `dlopen` in `hooks/files/loading.rs`, which looks at its caller. The macro cannot express them.)

mod paths;

pub(crate) use paths::interposed_functions_and_paths;

/// Calls the macro `$callback` with all rows.
macro_rules! interposed_functions {
    ($callback:ident) => { interposed_functions_and_paths! { $callback,
        // The listener.
        fn bind(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int => listen::bind;
        fn listen(fd: c_int, backlog: c_int) -> c_int => listen::listen;
        fn connect(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int => listen::connect;
        fn accept(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int => accept::accept;
        fn accept4(fd: c_int, address: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int => accept::accept4;

        // Addresses and options of sockets.
        fn getsockname(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int => names::getsockname;
        fn getpeername(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int => names::getpeername;
        fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) -> c_int
            => socket_options::setsockopt;
        fn getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, len: *mut socklen_t) -> c_int
            => socket_options::getsockopt;

        // Descriptors.
        fn close(fd: c_int) -> c_int => descriptor::close;
        fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int => descriptor::close_range;
        fn closefrom(first: c_int) -> () => descriptor::closefrom;
        fn dup(fd: c_int) -> c_int => descriptor::dup;
        fn dup2(fd: c_int, copy: c_int) -> c_int => descriptor::dup2;
        fn dup3(fd: c_int, copy: c_int, flags: c_int) -> c_int => descriptor::dup3;
        fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int => descriptor::fcntl;
        fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int => descriptor::fcntl;
        fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> c_int => descriptor::ioctl;
        fn shutdown(fd: c_int, how: c_int) -> c_int => descriptor::shutdown;

        // Waiting.
        fn poll(fds: *mut pollfd, count: nfds_t, limit: c_int) -> c_int => poll::poll;
        fn ppoll(fds: *mut pollfd, count: nfds_t, limit: *const timespec, mask: *const sigset_t) -> c_int => poll::ppoll;
        fn __poll_chk(fds: *mut pollfd, count: nfds_t, limit: c_int, size: size_t) -> c_int => poll::poll_chk;
        fn __ppoll_chk(fds: *mut pollfd, count: nfds_t, limit: *const timespec, mask: *const sigset_t, size: size_t) -> c_int
            => poll::ppoll_chk;
        fn select(
            count: c_int, readable: *mut fd_set, writable: *mut fd_set, urgent: *mut fd_set, limit: *mut timeval
        ) -> c_int => select::select;
        fn pselect(
            count: c_int, readable: *mut fd_set, writable: *mut fd_set, urgent: *mut fd_set, limit: *const timespec,
            mask: *const sigset_t
        ) -> c_int => select::pselect;
        fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int => epoll::epoll_ctl;
        fn epoll_wait(epoll: c_int, events: *mut epoll_event, room: c_int, limit: c_int) -> c_int => epoll::epoll_wait;
        fn epoll_pwait(epoll: c_int, events: *mut epoll_event, room: c_int, limit: c_int, mask: *const sigset_t) -> c_int
            => epoll::epoll_pwait;
        fn epoll_pwait2(
            epoll: c_int, events: *mut epoll_event, room: c_int, limit: *const timespec, mask: *const sigset_t
        ) -> c_int => epoll::epoll_pwait2;

        // Reading.
        fn read(fd: c_int, buffer: *mut c_void, len: size_t) -> ssize_t => read::read;
        fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t => read::readv;
        fn recv(fd: c_int, buffer: *mut c_void, len: size_t, flags: c_int) -> ssize_t => read::recv;
        fn recvfrom(
            fd: c_int, buffer: *mut c_void, len: size_t, flags: c_int, address: *mut sockaddr, address_len: *mut socklen_t
        ) -> ssize_t => read::recvfrom;
        fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t => read::recvmsg;
        fn recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, limit: *mut timespec) -> c_int
            => read::recvmmsg;
        fn __read_chk(fd: c_int, buffer: *mut c_void, len: size_t, size: size_t) -> ssize_t => read::read_chk;
        fn __recv_chk(fd: c_int, buffer: *mut c_void, len: size_t, size: size_t, flags: c_int) -> ssize_t => read::recv_chk;
        fn __recvfrom_chk(
            fd: c_int, buffer: *mut c_void, len: size_t, size: size_t, flags: c_int, address: *mut sockaddr,
            address_len: *mut socklen_t
        ) -> ssize_t => read::recvfrom_chk;

        // Randomness.
        fn getrandom(buffer: *mut c_void, len: size_t, flags: c_uint) -> ssize_t => random::getrandom;
        fn getentropy(buffer: *mut c_void, len: size_t) -> c_int => random::getentropy;
        fn arc4random() -> u32 => random::arc4random;
        fn arc4random_buf(buffer: *mut c_void, len: size_t) -> () => random::arc4random_buf;
        fn arc4random_uniform(bound: u32) -> u32 => random::arc4random_uniform;

        // Pseudo-random numbers whose state is in libc.
        fn rand() -> c_int => pseudo_random::rand;
        fn srand(seed: c_uint) -> () => pseudo_random::srand;
        fn random() -> c_long => pseudo_random::random;
        fn srandom(seed: c_uint) -> () => pseudo_random::srandom;
        fn initstate(seed: c_uint, state: *mut c_char, len: size_t) -> *mut c_char => pseudo_random::initstate;
        fn setstate(state: *mut c_char) -> *mut c_char => pseudo_random::setstate;
        fn drand48() -> f64 => pseudo_random::drand48;
        fn lrand48() -> c_long => pseudo_random::lrand48;
        fn mrand48() -> c_long => pseudo_random::mrand48;
        fn srand48(seed: c_long) -> () => pseudo_random::srand48;
        fn seed48(state: *mut u16) -> *mut u16 => pseudo_random::seed48;
        fn lcong48(parameters: *mut u16) -> () => pseudo_random::lcong48;

        // Writing.
        fn write(fd: c_int, buffer: *const c_void, len: size_t) -> ssize_t => write::write;
        fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t => write::writev;
        fn send(fd: c_int, buffer: *const c_void, len: size_t, flags: c_int) -> ssize_t => write::send;
        fn sendto(
            fd: c_int, buffer: *const c_void, len: size_t, flags: c_int, address: *const sockaddr, address_len: socklen_t
        ) -> ssize_t => write::sendto;
        fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t => write::sendmsg;
        fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int => write::sendmmsg;
        fn splice(
            from: c_int, from_offset: *mut loff_t, to: c_int, to_offset: *mut loff_t, len: size_t, flags: c_uint
        ) -> ssize_t => transfer::splice;
        fn sendfile(fd: c_int, file: c_int, offset: *mut off_t, len: size_t) -> ssize_t => transfer::sendfile;
        fn sendfile64(fd: c_int, file: c_int, offset: *mut off64_t, len: size_t) -> ssize_t => transfer::sendfile;

        // Streams.
        fn fdopen(fd: c_int, mode: *const c_char) -> *mut FILE => streams::fdopen;
        fn fileno(file: *mut FILE) -> c_int => streams::fileno;
        fn fileno_unlocked(file: *mut FILE) -> c_int => streams::fileno;

        // Formatted output. (`dprintf`, which is variadic, is in `hooks::formatted`.)
        fn vdprintf(fd: c_int, format: *const c_char, arguments: *mut c_void) -> c_int => formatted::vdprintf;
        fn __vdprintf_chk(fd: c_int, flag: c_int, format: *const c_char, arguments: *mut c_void) -> c_int
            => formatted::vdprintf_chk;

        // Time.
        fn clock_gettime(id: clockid_t, time: *mut timespec) -> c_int => time::clock_gettime;
        fn gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int => time::gettimeofday;
        fn time(time: *mut time_t) -> time_t => time::time;

        fn pthread_cond_timedwait(
            condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, deadline: *const timespec
        ) -> c_int => timed_wait::pthread_cond_timedwait;
        fn pthread_cond_clockwait(
            condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, clock: clockid_t, deadline: *const timespec
        ) -> c_int => timed_wait::pthread_cond_clockwait;
        fn sem_timedwait(semaphore: *mut sem_t, deadline: *const timespec) -> c_int => timed_wait::sem_timedwait;
        fn sem_clockwait(semaphore: *mut sem_t, clock: clockid_t, deadline: *const timespec) -> c_int
            => timed_wait::sem_clockwait;
        fn clock_nanosleep(clock: clockid_t, flags: c_int, time: *const timespec, left: *mut timespec) -> c_int
            => timed_wait::clock_nanosleep;
        fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int => timed_wait::nanosleep;
        fn usleep(microseconds: c_uint) -> c_int => timed_wait::usleep;
        fn sleep(seconds: c_uint) -> c_uint => timed_wait::sleep;

        // Threads, processes, exceptions.
        fn pthread_create(
            thread: *mut pthread_t, attributes: *const pthread_attr_t, start: ThreadStart, argument: *mut c_void
        ) -> c_int => thread_creation::pthread_create;
        fn thrd_create(thread: *mut pthread_t, start: ThreadStart, argument: *mut c_void) -> c_int => thread_creation::thrd_create;
        fn pthread_cancel(thread: pthread_t) -> c_int => cancellation::cancel;
        fn timer_create(clock: clockid_t, event: *mut sigevent, timer: *mut timer_t) -> c_int
            => thread_creation::timer_create;
        fn mq_notify(queue: mqd_t, event: *const sigevent) -> c_int => thread_creation::mq_notify;
        fn aio_read(block: *mut aiocb) -> c_int => thread_creation::aio_read;
        fn aio_read64(block: *mut aiocb) -> c_int => thread_creation::aio_read;
        fn aio_write(block: *mut aiocb) -> c_int => thread_creation::aio_write;
        fn aio_write64(block: *mut aiocb) -> c_int => thread_creation::aio_write;
        fn aio_fsync(operation: c_int, block: *mut aiocb) -> c_int => thread_creation::aio_fsync;
        fn aio_fsync64(operation: c_int, block: *mut aiocb) -> c_int => thread_creation::aio_fsync;
        fn lio_listio(mode: c_int, blocks: *const *mut aiocb, count: c_int, event: *mut sigevent) -> c_int
            => thread_creation::lio_listio;
        fn lio_listio64(mode: c_int, blocks: *const *mut aiocb, count: c_int, event: *mut sigevent) -> c_int
            => thread_creation::lio_listio;
        fn getaddrinfo_a(mode: c_int, requests: *mut *mut c_void, count: c_int, event: *mut sigevent) -> c_int
            => thread_creation::getaddrinfo_a;
        fn fork() -> pid_t => process::fork;
        fn vfork() -> pid_t => process::fork;
        fn clone(
            start: *mut c_void, stack: *mut c_void, flags: c_int, argument: *mut c_void, parent: *mut pid_t,
            storage: *mut c_void, child: *mut pid_t
        ) -> c_int => process::clone;
        fn getpid() -> pid_t => process::getpid;
        fn getppid() -> pid_t => process::getppid;
        fn kill(process: pid_t, signal: c_int) -> c_int => process::kill;
        fn posix_spawn(
            child: *mut pid_t, path: *const c_char, actions: *const c_void, attributes: *const c_void,
            arguments: *const *mut c_char, environment: *const *mut c_char
        ) -> c_int => process::posix_spawn;
        fn posix_spawnp(
            child: *mut pid_t, file: *const c_char, actions: *const c_void, attributes: *const c_void,
            arguments: *const *mut c_char, environment: *const *mut c_char
        ) -> c_int => process::posix_spawnp;
        fn daemon(stay_here: c_int, keep_open: c_int) -> c_int => process::daemon;
        fn _exit(status: c_int) -> () => exit::exit_at_once;
        fn _Exit(status: c_int) -> () => exit::exit_at_once;
        fn quick_exit(status: c_int) -> () => exit::quick_exit;
        fn wait(status: *mut c_int) -> pid_t => wait::wait;
        fn waitpid(child: pid_t, status: *mut c_int, options: c_int) -> pid_t => wait::waitpid;
        fn wait4(child: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t => wait::wait4;
        fn waitid(kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int => wait::waitid;
        fn shmat(number: c_int, wanted: *const c_void, flags: c_int) -> *mut c_void => process::shmat;
        fn shmdt(address: *const c_void) -> c_int => process::shmdt;
        fn setpriority(which: __priority_which_t, who: id_t, priority: c_int) -> c_int => own_process::setpriority;
        fn prlimit(process: pid_t, resource: __rlimit_resource_t, new: *const rlimit, old: *mut rlimit) -> c_int
            => own_process::prlimit;
        fn prlimit64(process: pid_t, resource: __rlimit_resource_t, new: *const rlimit, old: *mut rlimit) -> c_int
            => own_process::prlimit;
        fn sched_setaffinity(thread: pid_t, size: size_t, set: *const cpu_set_t) -> c_int => own_process::sched_setaffinity;
        fn sched_setscheduler(thread: pid_t, policy: c_int, parameter: *const sched_param) -> c_int
            => own_process::sched_setscheduler;
        fn sched_setparam(thread: pid_t, parameter: *const sched_param) -> c_int => own_process::sched_setparam;
        fn pthread_setaffinity_np(thread: pthread_t, size: size_t, set: *const cpu_set_t) -> c_int
            => own_process::pthread_setaffinity_np;
        fn pthread_setschedparam(thread: pthread_t, policy: c_int, parameter: *const sched_param) -> c_int
            => own_process::pthread_setschedparam;
        fn _Unwind_RaiseException(exception: *mut c_void) -> c_int => process::raise_exception;

        // System calls by number, and signals: SIGSYS redirects the calls that bypass libc.
        fn syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long => syscall::syscall;
        fn sigaction(number: c_int, action: *const libc::sigaction, old: *mut libc::sigaction) -> c_int => signal::sigaction;
        fn signal(number: c_int, handler: sighandler_t) -> sighandler_t => bsd_signals::signal;
        fn ssignal(number: c_int, handler: sighandler_t) -> sighandler_t => bsd_signals::signal;
        fn bsd_signal(number: c_int, handler: sighandler_t) -> sighandler_t => bsd_signals::signal;
        fn sysv_signal(number: c_int, handler: sighandler_t) -> sighandler_t => bsd_signals::sysv_signal;
        fn __sysv_signal(number: c_int, handler: sighandler_t) -> sighandler_t => bsd_signals::sysv_signal;
        fn siginterrupt(number: c_int, interrupt: c_int) -> c_int => bsd_signals::siginterrupt;
        fn sigset(number: c_int, handler: sighandler_t) -> sighandler_t => bsd_signals::sigset;
        fn sigignore(number: c_int) -> c_int => bsd_signals::sigignore;
        fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int => signal_mask::sigprocmask;
        fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int
            => signal_mask::pthread_sigmask;
    } };
}

pub(crate) use interposed_functions;
