/* Output through the PL011's data register, polled, and a small printf. */
#include "runtime.h"

/* Until the device tree has been read: the address of QEMU's virt machine, which orko-vmm shares. */
uint64_t uart = 0x09000000;

enum { DR = 0x00, FR = 0x18, FR_TXFF = 1 << 5 };

void put(char character)
{
	if (character == '\n')
		put('\r');
	while (read32(uart + FR) & FR_TXFF)
		relax();
	write32(uart + DR, (uint8_t)character);
}

static void put_number(uint64_t value, unsigned base)
{
	char digits[20];
	unsigned count = 0;
	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (count)
		put(digits[--count]);
}

void print_list(const char *format, va_list arguments)
{
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		bool is_long = *++format == 'l';
		if (is_long)
			format++;
		if (*format == 's') {
			for (const char *text = va_arg(arguments, const char *); *text; text++)
				put(*text);
		} else if (*format == 'c') {
			put((char)va_arg(arguments, int));
		} else if (*format == 'd') {
			int64_t value = is_long ? va_arg(arguments, int64_t) : va_arg(arguments, int);
			if (value < 0)
				put('-');
			put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
		} else {
			uint64_t value = is_long ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned);
			put_number(value, *format == 'x' ? 16 : 10);
		}
	}
}

void print(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
}
