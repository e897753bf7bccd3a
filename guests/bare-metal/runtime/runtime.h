/*
 * What every payload builds on: device access, output, the device tree, PSCI and the interrupt controller. A payload is one
 * C file with `void payload(void)`; it prints `PASS …` and `FAIL …` lines through check() and is powered off when it returns.
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* One plain load or store each: no pairs, no write-back, so that a hypervisor gets a valid syndrome (ESR_ELx.ISV). */
static inline uint32_t read32(uint64_t address)
{
	uint32_t value;
	asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static inline uint8_t read8(uint64_t address)
{
	uint32_t value;
	asm volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
	return (uint8_t)value;
}

static inline void write32(uint64_t address, uint32_t value)
{
	asm volatile("str %w0, [%1]" : : "r"(value), "r"(address) : "memory");
}

static inline void write8(uint64_t address, uint8_t value)
{
	asm volatile("strb %w0, [%1]" : : "r"(value), "r"(address) : "memory");
}

static inline void write64(uint64_t address, uint64_t value)
{
	asm volatile("str %0, [%1]" : : "r"(value), "r"(address) : "memory");
}

/* Shared words between CPUs and with the host. */
static inline uint64_t load_acquire(const volatile uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void store_release(volatile uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

#define read_sysreg(name) ({ uint64_t value_; asm volatile("mrs %0, " name : "=r"(value_) : : "memory"); value_; })
#define write_sysreg(name, value) asm volatile("msr " name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define isb() asm volatile("isb" : : : "memory")
#define dsb() asm volatile("dsb sy" : : : "memory")
#define wfi() asm volatile("dsb sy\n\twfi" : : : "memory")
#define relax() asm volatile("yield" : : : "memory")
#define interrupts_on() asm volatile("msr daifclr, #2" : : : "memory")
#define interrupts_off() asm volatile("msr daifset, #2" : : : "memory")

/* runtime.c */
extern uint8_t window[];                       /* the page at WINDOW_OFFSET */
void payload(void);
void check(bool passed, const char *format, ...); /* one PASS or FAIL line, counted */
void skip(const char *format, ...);               /* what this machine cannot show */
extern unsigned failures;
/* Set while a payload expects synchronous aborts: the faulting instruction is skipped and counted. */
extern volatile bool aborts_are_skipped;
extern volatile unsigned aborts_skipped;
/* Of the last one: ESR_EL1 and FAR_EL1. */
extern volatile uint64_t abort_syndrome, abort_address;
/* Where an SVC of EL0 leads: to this address at EL1. */
extern uint64_t svc_return;
/* The handler of every interrupt but spurious ones; acknowledged before, completed after. */
typedef void interrupt_handler(unsigned interrupt);
extern interrupt_handler *volatile on_interrupt;
/* Turns a CPU on: it runs work(index) and then turns itself off. The result of CPU_ON is returned. */
int64_t start_cpu(unsigned index, void (*work)(unsigned index));

/* print.c */
extern uint64_t uart;
void put(char character);
void print(const char *format, ...); /* %s %c %u %d %x, l for 64 bits */
void print_list(const char *format, va_list arguments);

/* fdt.c: the blob that x0 pointed to */
void fdt_open(const void *blob);
uint64_t fdt_address(void);
uint64_t fdt_bytes(void);
int fdt_compatible(const char *compatible);                 /* node offset or -1 */
int fdt_node(const char *name);                             /* by its name without unit address, or -1 */
const void *fdt_property(int node, const char *name, unsigned *bytes);
bool fdt_reg(int node, unsigned index, uint64_t *address, uint64_t *size);
unsigned fdt_cpus(uint64_t *mpidrs, unsigned countMax);
/* Interrupt number as the GIC counts (SPI + 32, PPI + 16) of the n-th entry of a node's `interrupts`. */
int fdt_interrupt(int node, unsigned index);
bool bootargs_has(const char *word);

/* paging.c: address spaces with pages of 2^bits bytes; the address at which 64 KiB unit `unit` is seen */
#define PAGING_ALIASES (32ull << 30)
#define PAGING_UNIT 0x10000
#define PAGING_ALIAS(unit) (PAGING_ALIASES + (uint64_t)(unit) * PAGING_UNIT)
#define PAGING_HIGH(address) ((address) | 0xfffffff000000000)
enum { PAGING_DEVICE, PAGING_NORMAL, PAGING_NONCACHEABLE };
#define PAGING_EL0 (1ull << 6)
#define PAGING_READ_ONLY (1ull << 7)
bool paging_has(unsigned bits);
void paging_begin(unsigned bits);
void paging_map(unsigned unit, uint64_t address, unsigned attribute, uint64_t flags);
void paging_enable(void);

/* instruction.S: one instruction with these registers */
struct context {
	uint64_t x[31];
	uint64_t sp;
	uint64_t v[32][2];
	uint64_t return_address;
};
extern uint32_t instruction_code[], instruction_slot[], instruction_svc[], instruction_end[];
/* instruction.c: the copy that is run, in memory that can be written: what EL0 has to have mapped, PAGING_UNIT bytes */
extern uint32_t instruction_page[];
void instruction_open(void); /* on each CPU, before the others: vectors too */
void instruction_put(uint32_t word);
void copy_context(struct context *to, const struct context *from);
void run_at_el1(struct context *context, const void *code, uint64_t without_mmu);
void run_at_el0(struct context *context, const void *code, const void *svc);

/* psci.c */
void psci_open(void);
int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
void psci_system_off(void) __attribute__((noreturn));

/* gic.c */
unsigned gic_open(void); /* 2 or 3, 0 when there is none; sets up the distributor and this CPU */
void gic_open_cpu(void);
void gic_enable(unsigned interrupt);
void gic_make_level(unsigned interrupt); /* an SPI, while it is disabled */
void gic_disable(unsigned interrupt);
bool gic_pending(unsigned interrupt);
void gic_send_sgi(unsigned interrupt, uint64_t mpidr, unsigned index);
uint32_t gic_acknowledge(void);
unsigned gic_number(uint32_t acknowledged); /* the interrupt in it */
void gic_complete(uint32_t acknowledged);
void gic_enable_messages(uint64_t properties, uint64_t pending); /* GICR_PROPBASER, GICR_PENDBASER */

/* its.c: message-signalled interrupts of a GICv3 */
#define LPI_FIRST 8192
bool its_open(void); /* false when there is none */
void its_map(unsigned device, unsigned event, unsigned interrupt); /* interrupt: LPI_FIRST or one of the next few */
uint64_t its_doorbell(void);

/* pci.c: functions of bus 0 */
enum { PCI_COMMAND = 0x4, PCI_MEMORY = 1 << 1, PCI_MASTER = 1 << 2, PCI_NO_LINE = 1 << 10 }; /* the command register */
bool pci_open(void);
int pci_find(uint32_t id, unsigned after); /* devfn of the next function after devfn `after`, or -1 */
uint32_t pci_read(unsigned devfn, unsigned offset, unsigned bytes);
void pci_write(unsigned devfn, unsigned offset, unsigned bytes, uint32_t value);
unsigned pci_capability(unsigned devfn, unsigned id); /* its offset, or 0 */
uint64_t pci_place(unsigned devfn, unsigned bar, uint64_t *size); /* puts a BAR into the 32-bit window */
unsigned pci_interrupt(unsigned devfn); /* of its pin, as the GIC counts */

/* The virtual counter and its timer, PPI 11 */
#define TIMER_INTERRUPT 27
#define SPURIOUS_INTERRUPT 1020
static inline uint64_t counter(void) { isb(); return read_sysreg("cntvct_el0"); }
static inline uint64_t frequency(void) { return read_sysreg("cntfrq_el0"); }
static inline void timer_after(uint64_t ticks)
{
	write_sysreg("cntv_cval_el0", counter() + ticks);
	write_sysreg("cntv_ctl_el0", 1);
	isb();
}
static inline void timer_stop(void) { write_sysreg("cntv_ctl_el0", 0); isb(); }
/* Spins until the condition holds or the milliseconds are over; its value is the condition's. */
#define wait_until(condition, milliseconds) ({ \
	uint64_t deadline_ = counter() + frequency() / 1000 * (milliseconds); \
	while (!(condition) && counter() < deadline_) relax(); \
	(bool)(condition); })

#endif
