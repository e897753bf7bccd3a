/*
 * Devices that were passed through, as a driver uses them: QEMU's edu (docs/specs/edu.rst) with its registers, DMA, messages and wired
 * interrupt, and the memory of ivshmem (docs/specs/ivshmem-spec.rst). Says at the end what it read, for two ways of showing a BAR
 * to be compared.
 */
#include "runtime/runtime.h"

enum { EDU = 0x11e81234, IVSHMEM = 0x11101af4 };
enum { MSI = 5 };
enum { ID = 0x0, LIVENESS = 0x4, FACTORIAL = 0x8, STATUS = 0x20, IRQ_STATUS = 0x24, IRQ_RAISE = 0x60, IRQ_ACK = 0x64 };
enum { DMA_SOURCE = 0x80, DMA_TARGET = 0x88, DMA_COUNT = 0x90, DMA_COMMAND = 0x98, DMA_BUFFER = 0x40000 };
enum { STATUS_BUSY = 1, STATUS_INTERRUPT = 0x80, DMA_RUN = 1, DMA_FROM_DEVICE = 2, DMA_INTERRUPT = 4 };
enum { RAISED_BY_FACTORIAL = 1, RAISED_BY_DMA = 0x100, RAISED_BY_US = 0x2 };
enum { WAIT_MS = 20000, SETTLE_MS = 200, WORDS = 64, TRACED = 16 };

enum { UART_FR = 0x18, UART_RX_EMPTY = 1 << 4 };

static uint64_t edu;
static volatile unsigned messages, lines, raised;
static uint8_t memory[4096] __attribute__((aligned(4096)));

static void on_edu(unsigned interrupt)
{
	raised = read32(edu + IRQ_STATUS);
	write32(edu + IRQ_ACK, raised);
	if (interrupt >= LPI_FIRST)
		messages++;
	else
		lines++;
}

static void check_registers(unsigned devfn)
{
	check((read32(edu + ID) & 0xff) == 0xed, "edu says what it is: %x", read32(edu + ID));
	write32(edu + LIVENESS, 0x12345678);
	check(read32(edu + LIVENESS) == ~0x12345678u, "edu turns bits over");
	write32(edu + FACTORIAL, 10);
	check(wait_until(!(read32(edu + STATUS) & STATUS_BUSY), WAIT_MS), "edu counts");
	check(read32(edu + FACTORIAL) == 3628800, "10! is %u", read32(edu + FACTORIAL));

	uint64_t size, old = edu;
	pci_write(devfn, PCI_COMMAND, 2, 0);
	check(read32(old + ID) == 0, "without memory decoding it is nowhere");
	edu = pci_place(devfn, 0, &size);
	pci_write(devfn, PCI_COMMAND, 2, PCI_MEMORY | PCI_MASTER);
	check(size == 1 << 20 && edu != old, "its BAR has %lu bytes and moves", size);
	check((read32(edu + ID) & 0xff) == 0xed && read32(old + ID) == 0, "it is where it was moved to, and only there");
}

static bool run_dma(uint64_t source, uint64_t target, unsigned bytes, unsigned command)
{
	write64(edu + DMA_SOURCE, source);
	write64(edu + DMA_TARGET, target);
	write64(edu + DMA_COUNT, bytes);
	write64(edu + DMA_COMMAND, command | DMA_RUN);
	return wait_until(!(read32(edu + DMA_COMMAND) & DMA_RUN), WAIT_MS);
}

static void check_dma(void)
{
	volatile uint32_t *words = (volatile uint32_t *)memory;
	for (unsigned index = 0; index < WORDS; index++)
		words[index] = index * 0x01010101;
	dsb();
	bool ran = run_dma((uint64_t)memory, DMA_BUFFER, 4 * WORDS, 0) &&
		   run_dma(DMA_BUFFER, (uint64_t)memory + 2048, 4 * WORDS, DMA_FROM_DEVICE);
	unsigned wrong = 0;
	for (unsigned index = 0; index < WORDS; index++)
		wrong += words[512 + index] != index * 0x01010101;
	check(ran && wrong == 0, "DMA carries %u words to the device and back, %u wrong", WORDS, wrong);
}

static void check_messages(unsigned devfn)
{
	unsigned capability = pci_capability(devfn, MSI);
	if (!its_open()) {
		skip("there is no ITS, so no messages");
		return;
	}
	its_map(devfn, 0, LPI_FIRST);
	pci_write(devfn, capability + 4, 4, (uint32_t)its_doorbell());
	pci_write(devfn, capability + 8, 4, (uint32_t)(its_doorbell() >> 32));
	pci_write(devfn, capability + 12, 2, 0);
	pci_write(devfn, capability + 2, 2, pci_read(devfn, capability + 2, 2) | 1);
	write32(edu + STATUS, STATUS_INTERRUPT);
	write32(edu + FACTORIAL, 5);
	check(wait_until(messages == 1, WAIT_MS) && raised == RAISED_BY_FACTORIAL, "a message says that 5! is there: %u, %x", messages, raised);
	write32(edu + STATUS, 0);
	run_dma((uint64_t)memory, DMA_BUFFER, 64, DMA_INTERRUPT);
	check(wait_until(messages == 2, WAIT_MS) && raised == RAISED_BY_DMA, "a message says that DMA is over: %u, %x", messages, raised);
	for (unsigned round = 0; round < 100; round++) {
		write32(edu + IRQ_RAISE, RAISED_BY_US);
		if (!wait_until(messages == 3 + round, WAIT_MS))
			break;
	}
	wait_until(false, SETTLE_MS);
	check(messages == 102 && lines == 0, "100 more messages, exactly: %u in all, %u by the line", messages, lines);
	pci_write(devfn, capability + 2, 2, pci_read(devfn, capability + 2, 2) & ~1u);
}

static void check_line(unsigned devfn)
{
	unsigned interrupt = pci_interrupt(devfn), before = messages;
	gic_make_level(interrupt);
	gic_enable(interrupt);
	for (unsigned round = 0; round < 20; round++) {
		write32(edu + IRQ_RAISE, RAISED_BY_US);
		if (!wait_until(lines == 1 + round, WAIT_MS))
			break;
	}
	wait_until(false, SETTLE_MS);
	check(lines == 20 && messages == before, "interrupt %u comes by the line, 20 times: %u", interrupt, lines);
	pci_write(devfn, PCI_COMMAND, 2, PCI_MEMORY | PCI_MASTER | PCI_NO_LINE);
	write32(edu + IRQ_RAISE, RAISED_BY_US);
	wait_until(false, SETTLE_MS);
	check(lines == 20, "a line that is disabled is quiet");
	pci_write(devfn, PCI_COMMAND, 2, PCI_MEMORY | PCI_MASTER);
	check(wait_until(lines == 21, WAIT_MS), "and speaks when it is enabled: %u", lines);
	gic_disable(interrupt);
}

/* For somebody who watches the bus: which writes arrive, how wide, in which order. */
static void write_widths(void)
{
	for (unsigned round = 0; round < TRACED; round++) {
		write32(edu + LIVENESS, 0x1000 + round);
		write64(edu + DMA_SOURCE, 0x200000002000 + round);
		write32(edu + DMA_TARGET, 0x3000 + round);
	}
	print("WRITTEN %x\n", read32(edu + LIVENESS));
}

static void check_edu(unsigned devfn)
{
	uint64_t size;
	edu = pci_place(devfn, 0, &size);
	pci_write(devfn, PCI_COMMAND, 2, PCI_MEMORY | PCI_MASTER);
	if (bootargs_has("watch")) {
		print("WATCHING\n");
		check(wait_until(read32(edu + ID) == 0xffffffff, 100000), "GONE: registers read as ones");
		write32(edu + LIVENESS, 1);
		check(pci_read(devfn, 0, 4) == 0xffffffff, "configuration space too");
		return;
	}
	if (bootargs_has("widths")) {
		write_widths();
		return;
	}
	for (bool is_first = true; bootargs_has("dma-for-ever"); is_first = false) {
		/* Half of the buffer: up to its end is too far for QEMU 7.2, which then ends itself. */
		run_dma((uint64_t)memory, DMA_BUFFER, 2048, 0);
		run_dma(DMA_BUFFER, (uint64_t)memory, 2048, DMA_FROM_DEVICE);
		if (is_first)
			print("DMA for ever\n");
	}
	check_registers(devfn);
	check_dma();
	on_interrupt = on_edu;
	interrupts_on();
	check_messages(devfn);
	if (bootargs_has("no-line"))
		skip("the wired interrupt is not asked for");
	else
		check_line(devfn);
	interrupts_off();
}

/* Registers in a BAR that is smaller than a page, and memory in one that is not. */
static void check_ivshmem(unsigned devfn)
{
	uint64_t size, registers = pci_place(devfn, 0, &size);
	check(size == 256, "the registers of ivshmem have %lu bytes", size);
	uint64_t shared = pci_place(devfn, 2, &size);
	pci_write(devfn, PCI_COMMAND, 2, PCI_MEMORY);
	write32(registers, 0x55);
	check(read32(registers) == 0x55, "a register keeps what is written: %x", read32(registers));
	uint32_t sum = 0;
	for (unsigned offset = 0; offset < 8192 + 64; offset += 4)
		write32(shared + offset, 0);
	for (unsigned index = 0; index < WORDS; index++)
		write32(shared + 4 * index, index * 0x9e3779b9);
	write8(shared + 5, 0xa5);
	write64(shared + 4096, 0x1122334455667788);
	asm volatile("stp %0, %1, [%2]" : : "r"(1ull), "r"(2ull), "r"(shared + 8192) : "memory");
	write32(shared + size - 4, 0xcafe);
	for (unsigned offset = 0; offset < 8192 + 64; offset += 4)
		sum = sum * 31 + read32(shared + offset);
	uint64_t start = counter();
	for (unsigned round = 0; round < 200; round++)
		read32(shared + 4 * (round % WORDS));
	uint64_t reads = counter() - start;
	start = counter();
	for (unsigned round = 0; round < 200; round++)
		write32(shared + 4096 + 4 * (round % WORDS), round);
	uint64_t writes = counter() - start;
	check(read32(shared + size - 4) == 0xcafe, "its memory ends where its BAR does, at %lu", size);
	if (bootargs_has("hold")) {
		print("HOLDING\n");
		while (read32(uart + UART_FR) & UART_RX_EMPTY)
			relax();
	}
	print("SUM %x\n", sum);
	print("TICKS read %lu write %lu of %lu\n", reads / 200, writes / 200, frequency());
	pci_write(devfn, PCI_COMMAND, 2, 0);
}

void payload(void)
{
	gic_open();
	if (!pci_open()) {
		check(false, "there is no PCI");
		return;
	}
	int devfn = pci_find(EDU, 0);
	if (devfn >= 0)
		check_edu((unsigned)devfn);
	devfn = pci_find(IVSHMEM, 0);
	if (devfn >= 0)
		check_ivshmem((unsigned)devfn);
	if (bootargs_has("reboot"))
		psci(0x84000009 /* SYSTEM_RESET */, 0, 0, 0);
}
