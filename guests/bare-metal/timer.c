/* The virtual counter runs forward at its stated frequency, and its timer interrupts twenty times, never early. */
#include "runtime/runtime.h"

enum { ROUNDS = 20, COUNTER_READS = 100000 };

static volatile unsigned interrupts;
static volatile unsigned early;

static void on_timer(unsigned interrupt)
{
	if (interrupt != TIMER_INTERRUPT)
		return;
	if (counter() < read_sysreg("cntv_cval_el0"))
		early++;
	timer_stop();
	interrupts++;
}

void payload(void)
{
	uint64_t hertz = frequency();
	check(hertz >= 1000000 && hertz <= 1000000000, "frequency=%lu", hertz);

	uint64_t before = counter(), last = before;
	unsigned backwards = 0;
	for (unsigned read = 0; read < COUNTER_READS; read++) {
		uint64_t now = counter();
		backwards += now < last;
		last = now;
	}
	check(!backwards && last > before, "counter advanced by %lu in %u reads, backwards=%u", last - before, COUNTER_READS,
	      backwards);

	if (!gic_open()) {
		check(false, "no interrupt controller in the device tree");
		return;
	}
	on_interrupt = on_timer;
	gic_enable(TIMER_INTERRUPT);
	interrupts_on();
	uint64_t latest = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned seen = interrupts;
		timer_after(hertz / 100);
		uint64_t due = read_sysreg("cntv_cval_el0");
		if (!wait_until(interrupts > seen, 5000))
			break;
		uint64_t late = counter() - due;
		latest = late > latest ? late : latest;
	}
	check(interrupts == ROUNDS && !early, "timer interrupts=%u of %u, early=%u, latest by %lu us", interrupts, ROUNDS, early,
	      latest * 1000000 / hertz);

	unsigned seen = interrupts;
	timer_after(hertz / 50);
	while (interrupts == seen)
		wfi();
	check(true, "wfi was ended by the timer");
	timer_stop();
	check(!wait_until(interrupts > seen + 1, 50), "a stopped timer is silent");
}
