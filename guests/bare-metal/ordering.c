/*
 * The guest's half of two litmus tests between a vCPU and a host thread. The mailbox is the page `window` (0x40090000 with RAM at
 * 0x40000000); every word is 64 bits, little-endian, on a cache line of its own (offset = line × 64):
 *
 *   line  0 command    host: a number that differs from the last command's, written after the parameters (release)
 *   line  1 test       host: 1 guest writes, host reads (message passing); 2 host writes, guest reads; 3 store buffering; 0 ends
 *   line  2 barriers   host: 1 the guest uses barriers, 0 plain accesses
 *   line  3 rounds     host
 *   line  4 done       guest: the command's number when it has finished (release)
 *   line  5 violations guest: forbidden outcomes it saw
 *   line  6 ready      guest: prints READY and writes 1 once it waits for commands
 *   line  8 data       message passing: the writer's payload = the round
 *   line  9 flag       message passing: = the round, written after data
 *   line 10 ack        message passing: the reader's answer = the round; the writer waits for it
 *   line 12 hostTurn   store buffering: host is at the start of this round (release)
 *   line 13 guestTurn  store buffering: guest is at the start of this round (release)
 *   line 14 x          store buffering: the guest's store = the round
 *   line 15 y          store buffering: the host's store = the round
 *   line 16, 17 guestSaw  what the guest read from y in an even, odd round
 *   line 18, 19 hostSaw   what the host read from x in an even, odd round
 *
 * Rounds count from 1 and the host zeroes lines 8 to 19 before a command. Message passing: reading flag = r and then data < r
 * is forbidden. Store buffering: both write r, then read the other's word; both reading less than r is forbidden with
 * barriers (with plain accesses it is what a store buffer shows). In store buffering both wait until the other's turn
 * is r before round r, and look at the other's sight of round r − 1 then; after the last round both take turn rounds + 1.
 */
#include "runtime/runtime.h"

enum { COMMAND, TEST, BARRIERS, ROUNDS, DONE, VIOLATIONS, READY, DATA = 8, FLAG, ACK, HOST_TURN = 12, GUEST_TURN, X, Y, GUEST_SAW, HOST_SAW = 18 };
enum { END, GUEST_WRITES, HOST_WRITES, STORE_BUFFERING };

static volatile uint64_t *line(unsigned number) { return (volatile uint64_t *)(window + number * 64); }

#define barrier() asm volatile("dmb ish" : : : "memory")

static void write_messages(uint64_t rounds, bool barriers)
{
	for (uint64_t round = 1; round <= rounds; round++) {
		*line(DATA) = round;
		if (barriers)
			store_release(line(FLAG), round);
		else
			*line(FLAG) = round;
		while (load_acquire(line(ACK)) != round)
			;
	}
}

static uint64_t read_messages(uint64_t rounds, bool barriers)
{
	uint64_t violations = 0;
	for (uint64_t round = 1; round <= rounds; round++) {
		while ((barriers ? load_acquire(line(FLAG)) : *line(FLAG)) != round)
			;
		violations += *line(DATA) != round;
		store_release(line(ACK), round);
	}
	return violations;
}

static uint64_t buffer_stores(uint64_t rounds, bool barriers)
{
	uint64_t violations = 0;
	for (uint64_t round = 1; round <= rounds + 1; round++) {
		store_release(line(GUEST_TURN), round);
		while (load_acquire(line(HOST_TURN)) < round)
			;
		uint64_t last = round - 1;
		violations += last && *line(GUEST_SAW + last % 2) < last && *line(HOST_SAW + last % 2) < last;
		if (round > rounds)
			break;
		*line(X) = round;
		if (barriers)
			barrier();
		*line(GUEST_SAW + round % 2) = *line(Y);
	}
	return violations;
}

void payload(void)
{
	uint64_t last = load_acquire(line(COMMAND));
	print("MAILBOX address=0x%lx\n", (uint64_t)window);
	store_release(line(READY), 1);
	print("READY\n");
	for (;;) {
		uint64_t command;
		while ((command = load_acquire(line(COMMAND))) == last)
			relax();
		last = command;
		uint64_t test = *line(TEST), rounds = *line(ROUNDS), violations = 0;
		bool barriers = *line(BARRIERS);
		if (test == GUEST_WRITES)
			write_messages(rounds, barriers);
		else if (test == HOST_WRITES)
			violations = read_messages(rounds, barriers);
		else if (test == STORE_BUFFERING)
			violations = buffer_stores(rounds, barriers);
		*line(VIOLATIONS) = violations;
		store_release(line(DONE), command);
		print("RESULT command=%lu test=%lu barriers=%u rounds=%lu violations=%lu\n", command, test, barriers, rounds, violations);
		if (test == END)
			return;
	}
}
