/*
 * The PL011 (Arm DDI 0183): identification, flags, FIFO, transmit interrupt, loopback with its receive interrupts. With `echo`
 * in the boot arguments it then prints `ECHO READY` and returns every byte, interrupt-driven, until EOT (0x04), and prints
 * `ECHO bytes=N crc32=X` over what came before the EOT.
 */
#include "runtime/runtime.h"

enum { DR = 0x0, RSR = 0x4, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, PERIPH_ID0 = 0xfe0, PCELL_ID0 = 0xff0 };
enum { FR_RXFE = 1 << 4, FR_TXFF = 1 << 5, FR_RXFF = 1 << 6, FR_TXFE = 1 << 7 };
enum { LCR_H_FEN = 1 << 4, LCR_H_8BIT = 3 << 5 };
enum { CR_UARTEN = 1 << 0, CR_LBE = 1 << 7, CR_TXE = 1 << 8, CR_RXE = 1 << 9 };
enum { INT_RX = 1 << 4, INT_TX = 1 << 5, INT_RT = 1 << 6, INT_ALL = 0x7ff };
enum { EOT = 4 };

static unsigned interrupt_number;
static volatile unsigned interrupts;

static uint32_t get(unsigned offset) { return read32(uart + offset); }
static void set(unsigned offset, uint32_t value) { write32(uart + offset, value); }

static void check_identification(void)
{
	uint32_t peripheral = 0, cell = 0;
	for (unsigned index = 0; index < 4; index++) {
		peripheral |= (get(PERIPH_ID0 + index * 4) & 0xff) << index * 8;
		cell |= (get(PCELL_ID0 + index * 4) & 0xff) << index * 8;
	}
	/* The revision (bits 23:20) may differ: r1p5 is 3, r1p4 and earlier 1. */
	check((peripheral & 0xff0fffff) == 0x00041011, "peripheral id=0x%x", peripheral);
	check(cell == 0xb105f00d, "cell id=0x%x", cell);
}

static void check_registers(void)
{
	set(IBRD, 0x1234);
	set(FBRD, 0x2a);
	check(get(IBRD) == 0x1234 && get(FBRD) == 0x2a, "divisors keep their value");
	set(IBRD, 13);
	set(FBRD, 1);
	set(LCR_H, LCR_H_8BIT | LCR_H_FEN);
	check(get(LCR_H) == (LCR_H_8BIT | LCR_H_FEN), "LCR_H keeps its value");
	set(IFLS, 0x12);
	check(get(IFLS) == 0x12, "IFLS keeps its value");
	set(CR, CR_UARTEN | CR_TXE | CR_RXE);
	check(get(CR) == (CR_UARTEN | CR_TXE | CR_RXE), "CR keeps its value");
	check(wait_until(get(FR) & FR_TXFE, 5000) && !(get(FR) & FR_TXFF), "transmitter drains");
}

static void on_uart(unsigned interrupt)
{
	if (interrupt == interrupt_number) {
		interrupts++;
		set(IMSC, 0);
	}
}

static void check_transmit_interrupt(void)
{
	set(ICR, INT_ALL);
	check(!(get(MIS)), "no interrupt is pending while all are masked");
	set(IMSC, INT_TX);
	put('\n');
	check(wait_until(interrupts == 1, 5000), "transmit interrupt");
	check(get(RIS) & INT_TX && !get(MIS), "masking hides it from MIS, not from RIS");
	set(ICR, INT_TX);
	check(!(get(RIS) & INT_TX), "ICR clears it");
}

static void check_loopback(void)
{
	while (!(get(FR) & FR_RXFE))
		get(DR);
	set(ICR, INT_ALL);
	set(CR, CR_UARTEN | CR_TXE | CR_RXE | CR_LBE);
	if (!(get(CR) & CR_LBE)) {
		skip("no loopback");
		return;
	}
	set(DR, 0x55);
	if (!wait_until(!(get(FR) & FR_RXFE), 1000)) {
		set(CR, CR_UARTEN | CR_TXE | CR_RXE);
		skip("no loopback");
		return;
	}
	unsigned timeout = wait_until(get(RIS) & INT_RT, 1000);
	uint32_t first = get(DR);
	bool is_empty = get(FR) & FR_RXFE;
	for (unsigned value = 0; value < 16; value++)
		set(DR, value);
	bool level = wait_until(get(RIS) & INT_RX, 1000);
	unsigned matching = 0;
	for (unsigned value = 0; value < 16 && wait_until(!(get(FR) & FR_RXFE), 1000); value++)
		matching += get(DR) == value;
	bool cleared = !(get(RIS) & INT_RX);
	set(CR, CR_UARTEN | CR_TXE | CR_RXE);
	check(first == 0x55 && is_empty, "loopback of one byte=0x%x", first);
	check(timeout, "receive timeout interrupt");
	check(level && cleared, "receive interrupt at the FIFO's level, gone when it is empty");
	check(matching == 16, "loopback of 16 bytes, matching=%u", matching);
}

static uint32_t crc32_byte(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (unsigned bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	return crc;
}

static void echo(void)
{
	uint32_t crc = 0xffffffff;
	unsigned bytes = 0;
	set(ICR, INT_ALL);
	print("ECHO READY\n");
	for (;;) {
		/* IMSC is cleared by the handler; wfi with interrupts masked still wakes, so none is missed between the two. */
		interrupts_off();
		set(IMSC, INT_RX | INT_RT);
		while (get(FR) & FR_RXFE) {
			wfi();
			interrupts_on();
			isb();
			interrupts_off();
			set(IMSC, INT_RX | INT_RT);
		}
		interrupts_on();
		while (!(get(FR) & FR_RXFE)) {
			uint8_t byte = (uint8_t)get(DR);
			if (byte == EOT) {
				print("\nECHO bytes=%u crc32=%x\n", bytes, ~crc);
				return;
			}
			crc = crc32_byte(crc, byte);
			bytes++;
			while (get(FR) & FR_TXFF)
				relax();
			set(DR, byte);
		}
	}
}

void payload(void)
{
	check_identification();
	check_registers();
	int number = fdt_interrupt(fdt_compatible("arm,pl011"), 0);
	check(gic_open() && number >= 32, "interrupt %d", number);
	interrupt_number = (unsigned)number;
	on_interrupt = on_uart;
	gic_enable(interrupt_number);
	interrupts_on();
	check_transmit_interrupt();
	check_loopback();
	if (bootargs_has("echo")) {
		echo();
		check(interrupts > 1, "echo was driven by interrupts");
	}
	set(IMSC, 0);
}
