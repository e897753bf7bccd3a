/*
 * The guest's half of the memory ordering tests between a vCPU and a host thread. Both sides run freely, without waiting
 * for each other in between, over words that only grow: so they meet at every distance, and what both wrote down tells
 * afterwards what was out of order. The mailbox is the page `window` (0x40090000 with RAM at 0x40000000), in lines of 64
 * bytes. Parameters are 64-bit words:
 *
 *   line  0 command    host: a number that differs from the last command's, written after the parameters (release)
 *   line  1 test       host: 1 the guest writes, the host reads; 2 the host writes, the guest reads; 3 both write; 0 ends
 *   line  2 barriers   host: 1 the guest uses a Linux driver's barriers, 0 plain accesses
 *   line  3 rounds     host: up to 65535, since the shared words have 16 bits, as in a virtqueue
 *   line  4 done       guest: the command's number when it has finished (release)
 *   line  5 violations guest: forbidden outcomes it saw
 *   line  6 seen       guest: how many messages it caught
 *   line  7 started    guest: the command's number when it begins (release); ready to take commands: ~0
 *   line  8 saw        guest: the address of saw[65536], 16 bits each
 *
 * The shared words, 16 bits each and a pair of lines apart, for CPUs that fetch lines in pairs; the host zeroes them:
 *
 *   line 16 data       message passing: what is announced = the round
 *   line 18 x          the guest's: the flag when it writes messages; its store in store buffering
 *   line 20 y          the host's: likewise
 *
 * Message passing: the writer stores data = r, then its flag = r. Who reads a flag and then data that is smaller has seen
 * them out of order. Store buffering: in its round r each side stores r to its word, then notes the other's word. If the
 * host noted less than j in its round i, it read before the guest's store j; if the guest noted less than i in its
 * round j, it read before the host's store i: both cannot be, when each side stores before it reads.
 */
#include "runtime/runtime.h"

enum { COMMAND, TEST, BARRIERS, ROUNDS, DONE, VIOLATIONS, SEEN, STARTED, SAW, DATA = 16, X = 18, Y = 20 };
enum { END, GUEST_WRITES, HOST_WRITES, STORE_BUFFERING };

static uint16_t saw[65536];

static volatile uint64_t *line(unsigned number) { return (volatile uint64_t *)(window + number * 64); }
static volatile uint16_t *word(unsigned number) { return (volatile uint16_t *)(window + number * 64); }

/* virtio_wmb(), virtio_rmb() and virtio_mb() as Linux has them on arm64 for a device that is software. */
#define write_barrier() asm volatile("dmb ishst" : : : "memory")
#define read_barrier() asm volatile("dmb ishld" : : : "memory")
#define full_barrier() asm volatile("dmb ish" : : : "memory")

/* Inlined with a constant: a branch in these loops would be time in which a store gets through. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* JavaScript looks less often than C can write: without a rest most messages would come and go unseen. */
#define REST_MAX 128

ALWAYS_INLINE void rest(unsigned round)
{
	for (unsigned left = round % REST_MAX; left; left--)
		asm volatile("" : : "r"(left) : "memory");
}

ALWAYS_INLINE void write_messages(unsigned rounds, bool barriers)
{
	for (unsigned round = 1; round <= rounds; round++) {
		*word(DATA) = round;
		if (barriers)
			write_barrier();
		*word(X) = round;
		rest(round);
	}
}

ALWAYS_INLINE void read_messages(unsigned rounds, bool barriers)
{
	uint64_t violations = 0, seen = 0;
	for (unsigned last = 0; last < rounds;) {
		unsigned flag = *word(Y);
		if (barriers)
			read_barrier();
		violations += *word(DATA) < flag;
		seen += flag != last;
		last = flag;
	}
	*line(VIOLATIONS) = violations;
	*line(SEEN) = seen;
}

ALWAYS_INLINE void buffer_stores(unsigned rounds, bool barriers)
{
	for (unsigned round = 1; round <= rounds; round++) {
		*word(X) = round;
		if (barriers)
			full_barrier();
		saw[round] = *word(Y);
	}
}

ALWAYS_INLINE void run(uint64_t test, unsigned rounds, bool barriers)
{
	if (test == GUEST_WRITES)
		write_messages(rounds, barriers);
	else if (test == HOST_WRITES)
		read_messages(rounds, barriers);
	else if (test == STORE_BUFFERING)
		buffer_stores(rounds, barriers);
}

void payload(void)
{
	uint64_t last = load_acquire(line(COMMAND));
	*line(SAW) = (uint64_t)saw;
	store_release(line(STARTED), ~0ull);
	for (;;) {
		uint64_t command;
		while ((command = load_acquire(line(COMMAND))) == last)
			;
		last = command;
		uint64_t test = *line(TEST), rounds = *line(ROUNDS);
		if (test == END)
			return;
		*line(VIOLATIONS) = 0;
		*line(SEEN) = 0;
		bool barriers = *line(BARRIERS);
		store_release(line(STARTED), command);
		if (barriers)
			run(test, rounds, true);
		else
			run(test, rounds, false);
		store_release(line(DONE), command);
	}
}
