/**
 * System calls, their flags and structs, as the arm64 C library and kernel spell them.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, s16, s32, s64, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const O_ACCMODE = 3;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0x40;
export const O_EXCL = 0x80;
export const O_NOCTTY = 0x100;
export const O_TRUNC = 0x200;
export const O_APPEND = 0x400;
export const O_NONBLOCK = 0x800;
export const O_SYNC = 0x101000;
export const F_OFD_GETLK = 36;
export const F_OFD_SETLK = 37;
export const F_OFD_SETLKW = 38;
export const O_LARGEFILE = 0;
export const O_DIRECTORY = 0x4000;
export const O_NOFOLLOW = 0x8000;
export const O_CLOEXEC = 0x80000;
export const O_DIRECT = 0x10000;
export const O_PATH = 0x200000;
export const O_TMPFILE = 0x404000;
export const O_DSYNC = 0x1000;
export const F_DUPFD = 0;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_SETPIPE_SZ = 1031;
export const F_GETPIPE_SZ = 1032;
export const F_ADD_SEALS = 1033;
export const F_GET_SEALS = 1034;
export const F_DUPFD_CLOEXEC = 1030;
export const FD_CLOEXEC = 1;
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;
export const F_SEAL_SEAL = 1;
export const F_SEAL_SHRINK = 2;
export const F_SEAL_GROW = 4;
export const F_SEAL_WRITE = 8;
export const F_SEAL_FUTURE_WRITE = 0x10;
export const FALLOC_FL_ALLOCATE_RANGE = 0;
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const FALLOC_FL_NO_HIDE_STALE = 4;
export const FALLOC_FL_COLLAPSE_RANGE = 8;
export const FALLOC_FL_ZERO_RANGE = 0x10;
export const FALLOC_FL_INSERT_RANGE = 0x20;
export const FALLOC_FL_UNSHARE_RANGE = 0x40;
export const FALLOC_FL_WRITE_ZEROES = 0x80;
export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const S_IFMT = 0xf000;
export const S_IFDIR = 0x4000;
export const S_IFCHR = 0x2000;
export const S_IFBLK = 0x6000;
export const S_IFREG = 0x8000;
export const S_IFIFO = 0x1000;
export const S_IFSOCK = 0xc000;
export const R_OK = 4;
export const W_OK = 2;
export const X_OK = 1;
export const F_OK = 0;
export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SCHED_OTHER = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
export const CLONE_VM = 0x100;
export const CLONE_FS = 0x200;
export const CLONE_FILES = 0x400;
export const CLONE_SIGHAND = 0x800;
export const CLONE_PIDFD = 0x1000;
export const CLONE_PTRACE = 0x2000;
export const CLONE_VFORK = 0x4000;
export const CLONE_PARENT = 0x8000;
export const CLONE_THREAD = 0x10000;
export const CLONE_NEWNS = 0x20000;
export const CLONE_SYSVSEM = 0x40000;
export const CLONE_SETTLS = 0x80000;
export const CLONE_PARENT_SETTID = 0x100000;
export const CLONE_CHILD_CLEARTID = 0x200000;
export const CLONE_DETACHED = 0x400000;
export const CLONE_UNTRACED = 0x800000;
export const CLONE_CHILD_SETTID = 0x1000000;
export const CLONE_NEWCGROUP = 0x2000000;
export const CLONE_NEWUTS = 0x4000000;
export const CLONE_NEWIPC = 0x8000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;
export const CLONE_IO = 0x80000000;
export const CLONE_NEWTIME = 0x80;
export const CPU_SETSIZE = 1024;
export const SI_TKILL = -6;
export const SI_TIMER = -2;
export const SI_QUEUE = -1;
export const SI_USER = 0;
export const SI_KERNEL = 128;
export const SEGV_MAPERR = 1;
export const SEGV_ACCERR = 2;
export const BUS_ADRALN = 1;
export const BUS_ADRERR = 2;
export const BUS_OBJERR = 3;
export const BUS_MCEERR_AR = 4;
export const BUS_MCEERR_AO = 5;
export const SIGEV_SIGNAL = 0;
export const SIGEV_NONE = 1;
export const SIGEV_THREAD = 2;
export const SIGEV_THREAD_ID = 4;
export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;
export const STDIN_FILENO = 0;
export const STDOUT_FILENO = 1;
export const STDERR_FILENO = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;
export const _SC_OPEN_MAX = 4;
export const _SC_PAGESIZE = 30;
export const _SC_IOV_MAX = 60;
export const _SC_NPROCESSORS_CONF = 83;
export const _SC_NPROCESSORS_ONLN = 84;
export const _SC_PHYS_PAGES = 85;
export const _SC_AVPHYS_PAGES = 86;
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_MONOTONIC_RAW = 4;
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC_COARSE = 6;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_TAI = 11;
export const TIMER_ABSTIME = 1;
export const STA_INS = 0x10;
export const STA_DEL = 0x20;
export const STA_UNSYNC = 0x40;
export const STA_NANO = 0x2000;
export const POLLIN = 1;
export const POLLPRI = 2;
export const POLLOUT = 4;
export const POLLRDHUP = 0x2000;
export const POLLERR = 8;
export const POLLHUP = 0x10;
export const POLLNVAL = 0x20;
export const EPOLL_CLOEXEC = 0x80000;
export const EPOLLIN = 1;
export const EPOLLPRI = 2;
export const EPOLLOUT = 4;
export const EPOLLRDNORM = 64;
export const EPOLLRDBAND = 128;
export const EPOLLWRNORM = 0x100;
export const EPOLLWRBAND = 0x200;
export const EPOLLMSG = 0x400;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 0x10000000;
export const EPOLLWAKEUP = 0x20000000;
export const EPOLLONESHOT = 0x40000000;
export const EPOLLET = 0x80000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EFD_SEMAPHORE = 1;
export const EFD_CLOEXEC = 0x80000;
export const EFD_NONBLOCK = 0x800;
export const IN_CLOEXEC = 0x80000;
export const IN_NONBLOCK = 0x800;
export const IN_ACCESS = 1;
export const IN_MODIFY = 2;
export const IN_ATTRIB = 4;
export const IN_CLOSE_WRITE = 8;
export const IN_CLOSE_NOWRITE = 0x10;
export const IN_CLOSE = 0x18;
export const IN_OPEN = 0x20;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_MOVE = 0xc0;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x1000000;
export const IN_DONT_FOLLOW = 0x2000000;
export const IN_EXCL_UNLINK = 0x4000000;
export const IN_MASK_CREATE = 0x10000000;
export const IN_MASK_ADD = 0x20000000;
export const IN_ISDIR = 0x40000000;
export const IN_ONESHOT = 0x80000000;
export const IN_ALL_EVENTS = 0xfff;
export const FIONBIO = 0x5421;
export const PROT_BTI = 0x10;
export const PROT_MTE = 0x20;
export const MAP_GROWSDOWN = 0x100;
export const MAP_DENYWRITE = 0x800;
export const MAP_EXECUTABLE = 0x1000;
export const MAP_LOCKED = 0x2000;
export const MAP_NORESERVE = 0x4000;
export const MAP_POPULATE = 0x8000;
export const MAP_NONBLOCK = 0x10000;
export const MAP_STACK = 0x20000;
export const MAP_HUGETLB = 0x40000;
export const MAP_SYNC = 0x80000;
export const MAP_FIXED_NOREPLACE = 0x100000;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;
export const PROT_NONE = 0;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_SHARED_VALIDATE = 3;
export const MAP_TYPE = 0xf;
export const MAP_FIXED = 0x10;
export const MAP_FILE = 0;
export const MAP_ANONYMOUS = 0x20;
export const MAP_ANON = 0x20;
export const MAP_HUGE_SHIFT = 26;
export const MAP_HUGE_MASK = 0x3f;
export const MS_ASYNC = 1;
export const MS_SYNC = 4;
export const MS_INVALIDATE = 2;
export const MADV_NORMAL = 0;
export const MADV_RANDOM = 1;
export const MADV_SEQUENTIAL = 2;
export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
export const MADV_FREE = 8;
export const MADV_REMOVE = 9;
export const MADV_DONTFORK = 10;
export const MADV_DOFORK = 11;
export const MADV_MERGEABLE = 12;
export const MADV_UNMERGEABLE = 13;
export const MADV_HUGEPAGE = 14;
export const MADV_NOHUGEPAGE = 15;
export const MADV_DONTDUMP = 16;
export const MADV_DODUMP = 17;
export const MADV_WIPEONFORK = 18;
export const MADV_KEEPONFORK = 19;
export const MADV_COLD = 20;
export const MADV_PAGEOUT = 21;
export const MADV_POPULATE_READ = 22;
export const MADV_POPULATE_WRITE = 23;
export const MADV_DONTNEED_LOCKED = 24;
export const MADV_HWPOISON = 100;
export const MCL_CURRENT = 1;
export const MCL_FUTURE = 2;
export const MCL_ONFAULT = 4;
export const MREMAP_MAYMOVE = 1;
export const MREMAP_FIXED = 2;
export const MREMAP_DONTUNMAP = 4;
export const MFD_CLOEXEC = 1;
export const MFD_ALLOW_SEALING = 2;
export const MFD_HUGETLB = 4;
export const MLOCK_ONFAULT = 1;
export const MAP_FAILED = 0xffffffffffffffffn;
export const CAP_SYS_PTRACE = 19;
export const PR_SET_PDEATHSIG = 1;
export const PR_GET_PDEATHSIG = 2;
export const PR_GET_DUMPABLE = 3;
export const PR_SET_DUMPABLE = 4;
export const PR_SET_NAME = 15;
export const PR_GET_NAME = 16;
export const PR_SET_TIMERSLACK = 29;
export const PR_SET_PTRACER = 0x59616d61;
export const PR_SET_CHILD_SUBREAPER = 36;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_SET_THP_DISABLE = 41;
export const PR_SET_TAGGED_ADDR_CTRL = 55;
export const PR_TAGGED_ADDR_ENABLE = 1;
export const PR_MTE_TCF_NONE = 0;
export const PR_SET_VMA = 0x53564d41;
export const PR_SET_VMA_ANON_NAME = 0;
export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_RSS = 5;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_OFILE = 7;
export const RLIMIT_AS = 9;
export const RLIMIT_NPROC = 6;
export const RLIMIT_MEMLOCK = 8;
export const RLIMIT_LOCKS = 0xa;
export const RLIMIT_SIGPENDING = 0xb;
export const RLIMIT_MSGQUEUE = 0xc;
export const RLIMIT_NICE = 0xd;
export const RLIMIT_RTPRIO = 0xe;
export const RLIMIT_RTTIME = 0xf;
export const RLIMIT_NLIMITS = 0x10;
export const RLIM_INFINITY = 0xffffffffffffffffn;
export const RUSAGE_SELF = 0;
export const RUSAGE_THREAD = 1;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_CLOEXEC = 0x80000;
export const SOCK_NONBLOCK = 0x800;
export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const AF_VSOCK = 40;
export const SOMAXCONN = 4096;
export const MSG_OOB = 1;
export const MSG_PEEK = 2;
export const MSG_CTRUNC = 8;
export const MSG_TRUNC = 32;
export const MSG_DONTWAIT = 64;
export const MSG_EOR = 128;
export const MSG_WAITALL = 0x100;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_ACCEPTCONN = 30;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;
export const SYS_capget = 90;
export const SYS_capset = 91;
export const SYS_close_range = 436;
export const SYS_epoll_create1 = 20;
export const SYS_epoll_ctl = 21;
export const SYS_epoll_pwait = 22;
export const SYS_epoll_pwait2 = 441;
export const SYS_eventfd2 = 19;
export const SYS_exit = 93;
export const SYS_exit_group = 94;
export const SYS_fallocate = 47;
export const SYS_futex = 98;
export const SYS_getcpu = 168;
export const SYS_getpid = 172;
export const SYS_getrandom = 278;
export const SYS_gettid = 178;
export const SYS_io_uring_enter = 426;
export const SYS_io_uring_register = 427;
export const SYS_io_uring_setup = 425;
export const SYS_ioctl = 29;
export const SYS_kcmp = 272;
export const SYS_kill = 129;
export const SYS_landlock_add_rule = 445;
export const SYS_landlock_create_ruleset = 444;
export const SYS_landlock_restrict_self = 446;
export const SYS_madvise = 233;
export const SYS_mbind = 235;
export const SYS_membarrier = 283;
export const SYS_memfd_create = 279;
export const SYS_memfd_secret = 447;
export const SYS_mlock2 = 284;
export const SYS_perf_event_open = 241;
export const SYS_pidfd_getfd = 438;
export const SYS_pidfd_open = 434;
export const SYS_pidfd_send_signal = 424;
export const SYS_prctl = 167;
export const SYS_preadv = 69;
export const SYS_preadv2 = 286;
export const SYS_process_madvise = 440;
export const SYS_process_vm_readv = 270;
export const SYS_process_vm_writev = 271;
export const SYS_pwritev = 70;
export const SYS_pwritev2 = 287;
export const SYS_recvmmsg = 243;
export const SYS_rt_sigaction = 134;
export const SYS_rt_sigprocmask = 135;
export const SYS_rt_sigqueueinfo = 138;
export const SYS_rt_sigtimedwait = 137;
export const SYS_rt_tgsigqueueinfo = 240;
export const SYS_sched_getaffinity = 123;
export const SYS_sched_setaffinity = 122;
export const SYS_seccomp = 277;
export const SYS_sendmmsg = 269;
export const SYS_set_mempolicy = 237;
export const SYS_tgkill = 131;
export const SYS_timer_create = 107;
export const SYS_timer_delete = 111;
export const SYS_timer_settime = 110;
export const SYS_timerfd_create = 85;
export const SYS_timerfd_settime = 86;
export const SYS_userfaultfd = 282;
export const TFD_CLOEXEC = 0x80000;
export const TFD_NONBLOCK = 0x800;
export const TFD_TIMER_ABSTIME = 1;
export const TFD_TIMER_CANCEL_ON_SET = 2;
export const TIME_OK = 0;
export const TIME_INS = 1;
export const TIME_DEL = 2;
export const TIME_OOP = 3;
export const TIME_WAIT = 4;
export const TIME_ERROR = 5;
export const SFD_CLOEXEC = 0x80000;
export const SFD_NONBLOCK = 0x800;
export const GRND_NONBLOCK = 1;
export const GRND_RANDOM = 2;
export const GRND_INSECURE = 4;
export const WNOHANG = 1;
export const TMPFS_MAGIC = 0x1021994;
export const HUGETLBFS_MAGIC = 0x958458f6;
export const MAP_UNINITIALIZED = 0x4000000;
export const MADV_SOFT_OFFLINE = 101;
export const MADV_COLLAPSE = 25;
export const MADV_GUARD_INSTALL = 102;
export const MADV_GUARD_REMOVE = 103;
export const MAP_DROPPABLE = 8;
export const MAP_HUGE_16KB = 0x38000000;
export const MAP_HUGE_64KB = 0x40000000;
export const MAP_HUGE_512KB = 0x4c000000;
export const MAP_HUGE_1MB = 0x50000000;
export const MAP_HUGE_2MB = 0x54000000;
export const MAP_HUGE_8MB = 0x5c000000;
export const MAP_HUGE_16MB = 0x60000000;
export const MAP_HUGE_32MB = 0x64000000;
export const MAP_HUGE_256MB = 0x70000000;
export const MAP_HUGE_512MB = 0x74000000;
export const MAP_HUGE_1GB = 0x78000000;
export const MAP_HUGE_2GB = 0x7c000000;
export const MAP_HUGE_16GB = 0x88000000;
export const SA_RESTORER = 0x4000000;
export const MINSIGSTKSZ = 5120;
export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGIOT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGSTKFLT = 16;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXCPU = 24;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const SIGPOLL = 29;
export const SIGPWR = 30;
export const SIGSYS = 31;
export const SIGUNUSED = 31;
export const SIGRTMIN = 32;
export const SIGRTMAX = 64;
export const SA_NOCLDSTOP = 1;
export const SA_NOCLDWAIT = 2;
export const SA_SIGINFO = 4;
export const SA_UNSUPPORTED = 0x400;
export const SA_EXPOSE_TAGBITS = 0x800;
export const SA_ONSTACK = 0x8000000;
export const SA_RESTART = 0x10000000;
export const SA_NODEFER = 0x40000000;
export const SA_RESETHAND = 0x80000000;
export const SA_NOMASK = 0x40000000;
export const SA_ONESHOT = 0x80000000;
export const IGNBRK = 1;
export const BRKINT = 2;
export const IGNPAR = 4;
export const PARMRK = 8;
export const INPCK = 0x10;
export const ISTRIP = 0x20;
export const INLCR = 0x40;
export const IGNCR = 0x80;
export const ICRNL = 0x100;
export const IXANY = 0x800;
export const OPOST = 1;
export const OCRNL = 8;
export const ONOCR = 0x10;
export const ONLRET = 0x20;
export const OFILL = 0x40;
export const OFDEL = 0x80;
export const B0 = 0;
export const B50 = 1;
export const B75 = 2;
export const B110 = 3;
export const B134 = 4;
export const B150 = 5;
export const B200 = 6;
export const B300 = 7;
export const B600 = 8;
export const B1200 = 9;
export const B1800 = 0xa;
export const B2400 = 0xb;
export const B4800 = 0xc;
export const B9600 = 0xd;
export const B19200 = 0xe;
export const B38400 = 0xf;
export const CMSPAR = 0x40000000;
export const CRTSCTS = 0x80000000;
export const IBSHIFT = 16;
export const TCOOFF = 0;
export const TCOON = 1;
export const TCIOFF = 2;
export const TCION = 3;
export const TCIFLUSH = 0;
export const TCOFLUSH = 1;
export const TCIOFLUSH = 2;
export const NCCS = 19;
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSWTC = 7;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VDISCARD = 13;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;
export const IUCLC = 0x200;
export const IXON = 0x400;
export const IXOFF = 0x1000;
export const IMAXBEL = 0x2000;
export const IUTF8 = 0x4000;
export const OLCUC = 2;
export const ONLCR = 4;
export const NLDLY = 0x100;
export const NL0 = 0;
export const NL1 = 0x100;
export const CRDLY = 0x600;
export const CR0 = 0;
export const CR1 = 0x200;
export const CR2 = 0x400;
export const CR3 = 0x600;
export const TABDLY = 0x1800;
export const TAB0 = 0;
export const TAB1 = 0x800;
export const TAB2 = 0x1000;
export const TAB3 = 0x1800;
export const XTABS = 0x1800;
export const BSDLY = 0x2000;
export const BS0 = 0;
export const BS1 = 0x2000;
export const VTDLY = 0x4000;
export const VT0 = 0;
export const VT1 = 0x4000;
export const FFDLY = 0x8000;
export const FF0 = 0;
export const FF1 = 0x8000;
export const CBAUD = 0x100f;
export const CSIZE = 0x30;
export const CS5 = 0;
export const CS6 = 0x10;
export const CS7 = 0x20;
export const CS8 = 0x30;
export const CSTOPB = 0x40;
export const CREAD = 0x80;
export const PARENB = 0x100;
export const PARODD = 0x200;
export const HUPCL = 0x400;
export const CLOCAL = 0x800;
export const CBAUDEX = 0x1000;
export const BOTHER = 0x1000;
export const B57600 = 0x1001;
export const B115200 = 0x1002;
export const B230400 = 0x1003;
export const B460800 = 0x1004;
export const B500000 = 0x1005;
export const B576000 = 0x1006;
export const B921600 = 0x1007;
export const B1000000 = 0x1008;
export const B1152000 = 0x1009;
export const B1500000 = 0x100a;
export const B2000000 = 0x100b;
export const B2500000 = 0x100c;
export const B3000000 = 0x100d;
export const B3500000 = 0x100e;
export const B4000000 = 0x100f;
export const CIBAUD = 0x100f0000;
export const ISIG = 1;
export const ICANON = 2;
export const XCASE = 4;
export const ECHO = 8;
export const ECHOE = 0x10;
export const ECHOK = 0x20;
export const ECHONL = 0x40;
export const NOFLSH = 0x80;
export const TOSTOP = 0x100;
export const ECHOCTL = 0x200;
export const ECHOPRT = 0x400;
export const ECHOKE = 0x800;
export const FLUSHO = 0x1000;
export const PENDIN = 0x4000;
export const IEXTEN = 0x8000;
export const EXTPROC = 0x10000;
export const TCSANOW = 0;
export const TCSADRAIN = 1;
export const TCSAFLUSH = 2;
export const TCGETS = 0x5401;
export const TCSETS = 0x5402;
export const TCSETSW = 0x5403;
export const TCSETSF = 0x5404;
export const TCGETA = 0x5405;
export const TCSETA = 0x5406;
export const TCSETAW = 0x5407;
export const TCSETAF = 0x5408;
export const TCSBRK = 0x5409;
export const TCXONC = 0x540a;
export const TCFLSH = 0x540b;
export const TIOCEXCL = 0x540c;
export const TIOCNXCL = 0x540d;
export const TIOCSCTTY = 0x540e;
export const TIOCGPGRP = 0x540f;
export const TIOCSPGRP = 0x5410;
export const TIOCOUTQ = 0x5411;
export const TIOCSTI = 0x5412;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const TIOCMGET = 0x5415;
export const TIOCMBIS = 0x5416;
export const TIOCMBIC = 0x5417;
export const TIOCMSET = 0x5418;
export const TIOCGSOFTCAR = 0x5419;
export const TIOCSSOFTCAR = 0x541a;
export const FIONREAD = 0x541b;
export const TIOCINQ = 0x541b;
export const TIOCLINUX = 0x541c;
export const TIOCCONS = 0x541d;
export const TIOCGSERIAL = 0x541e;
export const TIOCSSERIAL = 0x541f;
export const TIOCPKT = 0x5420;
export const TIOCNOTTY = 0x5422;
export const TIOCSETD = 0x5423;
export const TIOCGETD = 0x5424;
export const TCSBRKP = 0x5425;
export const TIOCSBRK = 0x5427;
export const TIOCCBRK = 0x5428;
export const TIOCGSID = 0x5429;
export const TCGETS2 = 0x802c542a;
export const TCSETS2 = 0x402c542b;
export const TCSETSW2 = 0x402c542c;
export const TCSETSF2 = 0x402c542d;
export const TIOCGRS485 = 0x542e;
export const TIOCSRS485 = 0x542f;
export const TIOCGPTN = 0x80045430;
export const TIOCSPTLCK = 0x40045431;
export const TIOCGDEV = 0x80045432;
export const TCGETX = 0x5432;
export const TCSETX = 0x5433;
export const TCSETXF = 0x5434;
export const TCSETXW = 0x5435;
export const TIOCSIG = 0x40045436;
export const TIOCVHANGUP = 0x5437;
export const TIOCGPKT = 0x80045438;
export const TIOCGPTLCK = 0x80045439;
export const TIOCGEXCL = 0x80045440;
export const TIOCGPTPEER = 0x5441;
export const TIOCGLCKTRMIOS = 0x5456;
export const TIOCSLCKTRMIOS = 0x5457;
export const TIOCMIWAIT = 0x545c;
export const TIOCGICOUNT = 0x545d;
export const TIOCPKT_DATA = 0;
export const TIOCPKT_FLUSHREAD = 1;
export const TIOCPKT_FLUSHWRITE = 2;
export const TIOCPKT_STOP = 4;
export const TIOCPKT_START = 8;
export const TIOCPKT_NOSTOP = 16;
export const TIOCPKT_DOSTOP = 32;
export const TIOCPKT_IOCTL = 64;
export const TIOCM_LE = 1;
export const TIOCM_DTR = 2;
export const TIOCM_RTS = 4;
export const TIOCM_ST = 8;
export const TIOCM_SR = 0x10;
export const TIOCM_CTS = 0x20;
export const TIOCM_CAR = 0x40;
export const TIOCM_RNG = 0x80;
export const TIOCM_DSR = 0x100;
export const TIOCM_CD = 0x40;
export const TIOCM_RI = 0x80;
export const TIOCM_OUT1 = 0x2000;
export const TIOCM_OUT2 = 0x4000;
export const TIOCM_LOOP = 0x8000;

export const iovec = struct(16, {
  iov_base: u64(0),
  iov_len: u64(8),
});

export const msghdr = struct(56, {
  msg_name: u64(0),
  msg_namelen: u32(8),
  msg_iov: u64(16),
  msg_iovlen: u64(24),
  msg_control: u64(32),
  msg_controllen: u64(40),
  msg_flags: s32(48),
});

export const cmsghdr = struct(16, {
  cmsg_len: u64(0),
  cmsg_level: s32(8),
  cmsg_type: s32(12),
  __cmsg_data: bytes(16, 0),
});

export const mmsghdr = struct(64, {
  'msg_hdr.msg_name': u64(0),
  'msg_hdr.msg_namelen': u32(8),
  'msg_hdr.msg_iov': u64(16),
  'msg_hdr.msg_iovlen': u64(24),
  'msg_hdr.msg_control': u64(32),
  'msg_hdr.msg_controllen': u64(40),
  'msg_hdr.msg_flags': s32(48),
  msg_len: u32(56),
});

export const sockaddr_un = struct(110, {
  sun_family: u16(0),
  sun_path: bytes(2, 108),
});

export const ucred = struct(12, {
  pid: s32(0),
  uid: u32(4),
  gid: u32(8),
});

export const linger = struct(8, {
  l_onoff: s32(0),
  l_linger: s32(4),
});

export const epoll_event = struct(16, {
  events: u32(0),
  'data.ptr': u64(8),
  'data.fd': s32(8),
  'data.u32': u32(8),
  'data.u64': u64(8),
});

export const pollfd = struct(8, {
  fd: s32(0),
  events: s16(4),
  revents: s16(6),
});

export const signalfd_siginfo = struct(128, {
  ssi_signo: u32(0),
  ssi_errno: s32(4),
  ssi_code: s32(8),
  ssi_pid: u32(12),
  ssi_uid: u32(16),
  ssi_fd: s32(20),
  ssi_tid: u32(24),
  ssi_band: u32(28),
  ssi_overrun: u32(32),
  ssi_trapno: u32(36),
  ssi_status: s32(40),
  ssi_int: s32(44),
  ssi_ptr: u64(48),
  ssi_utime: u64(56),
  ssi_stime: u64(64),
  ssi_addr: u64(72),
  ssi_addr_lsb: u16(80),
  __pad2: u16(82),
  ssi_syscall: s32(84),
  ssi_call_addr: u64(88),
  ssi_arch: u32(96),
  __pad: bytes(100, 28),
});

export const timespec = struct(16, {
  tv_sec: s64(0),
  tv_nsec: s64(8),
});

export const timeval = struct(16, {
  tv_sec: s64(0),
  tv_usec: s64(8),
});

export const itimerspec = struct(32, {
  'it_interval.tv_sec': s64(0),
  'it_interval.tv_nsec': s64(8),
  'it_value.tv_sec': s64(16),
  'it_value.tv_nsec': s64(24),
});

export const timex = struct(208, {
  modes: u32(0),
  status: s32(40),
  'time.tv_sec': s64(72),
  'time.tv_usec': s64(80),
  tai: s32(160),
});

export const sigevent = struct(64, {
  'sigev_value.sival_int': s32(0),
  'sigev_value.sival_ptr': u64(0),
  sigev_signo: s32(8),
  sigev_notify: s32(12),
  '_sigev_un._pad': bytes(16, 48),
  '_sigev_un._tid': s32(16),
  '_sigev_un._sigev_thread._function': u64(16),
  '_sigev_un._sigev_thread._attribute': u64(24),
});

export const rlimit = struct(16, {
  rlim_cur: u64(0),
  rlim_max: u64(8),
});

export const flock = struct(32, {
  l_type: s16(0),
  l_whence: s16(2),
  l_start: s64(8),
  l_len: s64(16),
  l_pid: s32(24),
});

export const statfs = struct(120, {
  f_type: s64(0),
  f_bsize: s64(8),
  f_blocks: u64(16),
  f_bfree: u64(24),
  f_bavail: u64(32),
  f_files: u64(40),
  f_ffree: u64(48),
  'f_fsid.__val': bytes(56, 8),
  f_namelen: s64(64),
  f_frsize: s64(72),
  f_flags: s64(80),
  f_spare: bytes(88, 32),
});

export const winsize = struct(8, {
  ws_row: u16(0),
  ws_col: u16(2),
  ws_xpixel: u16(4),
  ws_ypixel: u16(6),
});

export const sched_param = struct(4, {
  sched_priority: s32(0),
});

export const sigset_t = struct(128, {
  __val: bytes(0, 128),
});

export const stack_t = struct(24, {
  ss_sp: u64(0),
  ss_flags: s32(8),
  ss_size: u64(16),
});

export const siginfo_t = struct(128, {
  si_signo: s32(0),
  si_errno: s32(4),
  si_code: s32(8),
});

export const ucontext_t = struct(4560, {
  uc_flags: u64(0),
  uc_link: u64(8),
  'uc_stack.ss_sp': u64(16),
  'uc_stack.ss_flags': s32(24),
  'uc_stack.ss_size': u64(32),
  'uc_sigmask.__val': bytes(40, 128),
  'uc_mcontext.fault_address': u64(176),
  'uc_mcontext.regs': bytes(184, 248),
  'uc_mcontext.sp': u64(432),
  'uc_mcontext.pc': u64(440),
  'uc_mcontext.pstate': u64(448),
  'uc_mcontext.__reserved': bytes(464, 4096),
});

export const cpu_set_t = struct(128, {
  __bits: bytes(0, 128),
});

export const pthread_t = struct(8, {});

export const pthread_attr_t = struct(64, {
  __size: bytes(0, 64),
  __align: s64(0),
});

export const termios = struct(36, {
  c_iflag: u32(0),
  c_oflag: u32(4),
  c_cflag: u32(8),
  c_lflag: u32(12),
  c_line: u8(16),
  c_cc: bytes(17, 19),
});

export const signalNames: Readonly<Record<number, readonly string[]>> = {
  1: ['SIGHUP'],
  2: ['SIGINT'],
  3: ['SIGQUIT'],
  4: ['SIGILL'],
  5: ['SIGTRAP'],
  6: ['SIGABRT', 'SIGIOT'],
  7: ['SIGBUS'],
  8: ['SIGFPE'],
  9: ['SIGKILL'],
  10: ['SIGUSR1'],
  11: ['SIGSEGV'],
  12: ['SIGUSR2'],
  13: ['SIGPIPE'],
  14: ['SIGALRM'],
  15: ['SIGTERM'],
  16: ['SIGSTKFLT'],
  17: ['SIGCHLD'],
  18: ['SIGCONT'],
  19: ['SIGSTOP'],
  20: ['SIGTSTP'],
  21: ['SIGTTIN'],
  22: ['SIGTTOU'],
  23: ['SIGURG'],
  24: ['SIGXCPU'],
  25: ['SIGXFSZ'],
  26: ['SIGVTALRM'],
  27: ['SIGPROF'],
  28: ['SIGWINCH'],
  29: ['SIGIO', 'SIGPOLL'],
  30: ['SIGPWR'],
  31: ['SIGSYS', 'SIGUNUSED'],
};
