/**
 * The C library, function by function, as koffi sees it. The rest of host/ wraps these; nobody else calls them.
 * Pointers are `HostPointer` (bigint) or a typed array that lives as long as the call. Functions that fail return -1 and
 * leave errno behind: every call goes through `check()` in errno.ts at once, before anything else can change it.
 */
import { koffi } from './koffi.ts';

/** An address in our own process. Guest addresses are `number`, so the compiler keeps the two apart. */
export type HostPointer = bigint;
type Bytes = Uint8Array | HostPointer | null;

const library = koffi.load(null);

/** Binds at the first call: a binding costs about a millisecond under emulation, and most runs need few of them. */
function lazily<F extends (...args: never[]) => unknown>(prototype: string): F {
  let bound: F | undefined;
  return ((...args: never[]) => {
    bound ??= library.func(prototype) as unknown as F;
    return bound(...args);
  }) as F;
}

/** `ioctl` whose argument is a value or an address. */
export const ioctl = library.func('int ioctl(int fd, unsigned long request, uintptr_t argument)') as unknown as (
  fd: number,
  request: number,
  argument: number | bigint,
) => number;
/** `ioctl` without an argument, as KVM_RUN: whatever takes little to call matters there. */
export const ioctlPlain = library.func('ioctl', 'int', ['int', 'int', 'int']) as unknown as (
  fd: number,
  request: number,
  argument: 0,
) => number;
/** `ioctl` whose argument is a struct, read and written in place. */
export const ioctlStruct = library.func('ioctl', 'int', ['int', 'unsigned long', 'void *']) as unknown as (
  fd: number,
  request: number,
  argument: Uint8Array,
) => number;
export const sigtimedwait = library.func('int sigtimedwait(void *set, void *info, void *timeout)') as unknown as (
  set: HostPointer,
  info: null,
  timeout: HostPointer | null,
) => number;

export const open = lazily<(path: string, flags: number, mode: number) => number>(
  'int open(const char *path, int flags, int mode)',
);
export const close = lazily<(fd: number) => number>('int close(int fd)');
export const read = lazily<(fd: number, buffer: Bytes, count: number) => number>(
  'long read(int fd, void *buffer, size_t count)',
);
export const write = lazily<(fd: number, buffer: Bytes, count: number) => number>(
  'long write(int fd, void *buffer, size_t count)',
);
export const fcntl = lazily<(fd: number, command: number, argument: number) => number>(
  'int fcntl(int fd, int command, long argument)',
);
export const mmap = lazily<
  (address: HostPointer, length: number, protection: number, flags: number, fd: number, offset: number) => bigint
>('uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)');
export const munmap = lazily<(address: HostPointer, length: number) => number>(
  'int munmap(uintptr_t address, size_t length)',
);
export const madvise = lazily<(address: HostPointer, length: number, advice: number) => number>(
  'int madvise(uintptr_t address, size_t length, int advice)',
);
/** Bytes at an address into an array, and back: for so few that a view of them would cost more. */
export const copyIn = lazily<(to: Uint8Array, from: HostPointer, count: number) => void>(
  'void memcpy(void *to, uintptr_t from, size_t count)',
);
export const copyOut = lazily<(to: HostPointer, from: Uint8Array, count: number) => void>(
  'void memmove(uintptr_t to, void *from, size_t count)',
);
export const mprotect = lazily<(address: HostPointer, length: number, protection: number) => number>(
  'int mprotect(uintptr_t address, size_t length, int protection)',
);
export const memfd_create = lazily<(name: string, flags: number) => number>(
  'int memfd_create(const char *name, unsigned int flags)',
);
export const ftruncate = lazily<(fd: number, length: number) => number>('int ftruncate(int fd, int64_t length)');
export const eventfd = lazily<(initial: number, flags: number) => number>(
  'int eventfd(unsigned int initial, int flags)',
);
export const inotify_init1 = lazily<(flags: number) => number>('int inotify_init1(int flags)');
export const inotify_add_watch = lazily<(fd: number, path: string, mask: number) => number>(
  'int inotify_add_watch(int fd, const char *path, uint32_t mask)',
);
export const timerfd_create = lazily<(clock: number, flags: number) => number>(
  'int timerfd_create(int clock, int flags)',
);
export const timerfd_settime = lazily<(fd: number, flags: number, value: Uint8Array, old: null) => number>(
  'int timerfd_settime(int fd, int flags, void *value, void *old)',
);
export const timer_create = lazily<(clock: number, event: Uint8Array, timer: Uint8Array) => number>(
  'int timer_create(int clock, void *event, void *timer)',
);
export const timer_settime = lazily<(timer: HostPointer, flags: number, value: Uint8Array, old: null) => number>(
  'int timer_settime(uintptr_t timer, int flags, void *value, void *old)',
);
export const timer_delete = lazily<(timer: HostPointer) => number>('int timer_delete(uintptr_t timer)');
export const pipe2 = lazily<(ends: Int32Array, flags: number) => number>('int pipe2(int *ends, int flags)');
export const epoll_create1 = lazily<(flags: number) => number>('int epoll_create1(int flags)');
export const epoll_ctl = lazily<(epoll: number, operation: number, fd: number, event: Uint8Array) => number>(
  'int epoll_ctl(int epoll, int operation, int fd, void *event)',
);
export const epoll_wait = lazily<(epoll: number, events: Uint8Array, countMax: number, timeoutMs: number) => number>(
  'int epoll_wait(int epoll, void *events, int countMax, int timeoutMs)',
);
export const socket = lazily<(domain: number, type: number, protocol: number) => number>(
  'int socket(int domain, int type, int protocol)',
);
export const bind = lazily<(fd: number, address: Uint8Array, length: number) => number>(
  'int bind(int fd, void *address, unsigned int length)',
);
export const listen = lazily<(fd: number, backlog: number) => number>('int listen(int fd, int backlog)');
export const prctl = lazily<(option: number, two: number, three: number, four: number, five: number) => number>(
  'int prctl(int option, unsigned long two, unsigned long three, unsigned long four, unsigned long five)',
);
export const getsockopt = lazily<
  (fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array) => number
>('int getsockopt(int fd, int level, int option, void *value, void *length)');
export const accept4 = lazily<(fd: number, address: null, length: null, flags: number) => number>(
  'int accept4(int fd, void *address, void *length, int flags)',
);
export const connect = lazily<(fd: number, address: Uint8Array, length: number) => number>(
  'int connect(int fd, void *address, unsigned int length)',
);
export const socketpair = lazily<(domain: number, type: number, protocol: number, fds: Uint8Array) => number>(
  'int socketpair(int domain, int type, int protocol, void *fds)',
);
export const sendmsg = lazily<(fd: number, message: HostPointer, flags: number) => number>(
  'long sendmsg(int fd, uintptr_t message, int flags)',
);
export const recvmsg = lazily<(fd: number, message: HostPointer, flags: number) => number>(
  'long recvmsg(int fd, uintptr_t message, int flags)',
);
export const getrandom = lazily<(buffer: Uint8Array, length: number, flags: number) => number>(
  'long getrandom(void *buffer, size_t length, unsigned int flags)',
);
export const waitpid = lazily<(pid: number, status: Uint8Array, options: number) => number>(
  'int waitpid(int pid, void *status, int options)',
);
export const kill = lazily<(process: number, signal: number) => number>('int kill(int process, int signal)');
export const gettid = lazily<() => number>('int gettid()');
export const getuid = lazily<() => number>('unsigned int getuid()');
export const tgkill = lazily<(process: number, thread: number, signal: number) => number>(
  'int tgkill(int process, int thread, int signal)',
);
export const getrlimit = lazily<(resource: number, limit: Uint8Array) => number>(
  'int getrlimit(int resource, void *limit)',
);
export const setrlimit = lazily<(resource: number, limit: Uint8Array) => number>(
  'int setrlimit(int resource, void *limit)',
);
export const sysconf = lazily<(name: number) => number>('long sysconf(int name)');
export const sched_setaffinity = lazily<(thread: number, size: number, mask: Uint8Array) => number>(
  'int sched_setaffinity(int thread, size_t size, void *mask)',
);
/** The pthread functions return an errno instead of leaving one. */
export const pthread_sigmask = lazily<(how: number, set: HostPointer, old: HostPointer) => number>(
  'int pthread_sigmask(int how, uintptr_t set, uintptr_t old)',
);
export const pthread_create = lazily<
  (thread: Uint8Array, attributes: null, start: HostPointer, argument: HostPointer) => number
>('int pthread_create(void *thread, void *attributes, uintptr_t start, uintptr_t argument)');
export const pthread_join = lazily<(thread: HostPointer, result: null) => number>(
  'int pthread_join(uintptr_t thread, void *result)',
);
export const pthread_kill = lazily<(thread: HostPointer, signal: number) => number>(
  'int pthread_kill(uintptr_t thread, int signal)',
);
export const pthread_setaffinity_np = lazily<(thread: HostPointer, size: number, mask: Uint8Array) => number>(
  'int pthread_setaffinity_np(uintptr_t thread, size_t size, void *mask)',
);
export const getcontext = lazily<(context: HostPointer) => number>('int getcontext(uintptr_t context)');
/** libuv's main loop and the epoll fd it sleeps on: the node binary exports both. */
export const uv_default_loop = lazily<() => HostPointer>('uintptr_t uv_default_loop()');
export const uv_backend_fd = lazily<(loop: HostPointer) => number>('int uv_backend_fd(uintptr_t loop)');

/** `makecontext` for a function of `count` ≤ 8 machine words. */
export function makecontext(context: HostPointer, start: HostPointer, words: readonly bigint[]): void {
  const call = library.func('void makecontext(uintptr_t context, uintptr_t start, int count, ...)');
  call(context, start, words.length, ...words.flatMap((word) => ['uint64_t', word]));
}

/** Where a function of the C library (or of the node binary) lies, for threads that call it themselves. */
export function addressOf(name: string): HostPointer {
  return BigInt(koffi.address(library.symbol(name)));
}

/** The errno that the last failed call left. */
export function errno(): number {
  return koffi.errno();
}

/** The bytes at `pointer` … `pointer + length`, shared, not copied. Detach it (`transfer(0)`) before unmapping. */
export function viewOf(pointer: HostPointer, length: number): ArrayBuffer {
  return koffi.view(pointer, length);
}

/** Calls machine code at `pointer` that takes nothing and returns 64 bits. */
export function callCode(pointer: HostPointer): bigint {
  return BigInt(koffi.call(pointer, koffi.proto('uint64_t ()')));
}

/** libuv hands a new watcher to epoll in its next turn. While the main thread sleeps in KVM_RUN somebody must see to that. */
let onNewWatcher = (): void => {};
export function setNewWatcherListener(listener: () => void): void {
  onNewWatcher = listener;
}

/** Calls `ready` from the event loop whenever `fd` is readable, until the returned function is called. */
export function pollReadable(fd: number, ready: () => void): () => void {
  return pollFd(fd, { readable: true }, ready);
}

/** The same for writable. */
export function pollWritable(fd: number, ready: () => void): () => void {
  return pollFd(fd, { writable: true }, ready);
}

/** The same for either of them, or for hang-ups alone. */
export function pollFd(fd: number, events: { readable?: boolean; writable?: boolean }, ready: () => void): () => void {
  const handle = koffi.node.poll(fd, events, () => ready());
  onNewWatcher();
  return () => {
    handle.stop();
    handle.close();
  };
}

/**
 * Runs `action` with an address at which the kernel finds (and may change) `bytes`: for structs that point to others.
 * The bytes are copied to memory that does not move, and back.
 */
export function withPointer<T>(bytes: Uint8Array, action: (pointer: HostPointer) => T): T {
  const pointer = koffi.alloc('uint8_t', Math.max(bytes.length, 1));
  try {
    const shared = new Uint8Array(koffi.view(pointer, bytes.length));
    shared.set(bytes);
    const result = action(koffi.address(pointer));
    bytes.set(shared);
    shared.buffer.transfer(0);
    return result;
  } finally {
    koffi.free(pointer);
  }
}
