/**
 * The SPI controller: linux/virtio_spi.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u32, u8, struct } from '../base/layout.ts';

export const VIRTIO_SPI_TRANS_OK = 0;
export const VIRTIO_SPI_PARAM_ERR = 1;
export const VIRTIO_SPI_TRANS_ERR = 2;

export const virtio_spi_config = struct(32, {
  cs_max_number: u8(0),
  cs_change_supported: u8(1),
  tx_nbits_supported: u8(2),
  rx_nbits_supported: u8(3),
  bits_per_word_mask: u32(4),
  mode_func_supported: u32(8),
  max_freq_hz: u32(12),
  max_word_delay_ns: u32(16),
  max_cs_setup_ns: u32(20),
  max_cs_hold_ns: u32(24),
  max_cs_inactive_ns: u32(28),
});

export const spi_transfer_head = struct(32, {
  chip_select_id: u8(0),
  bits_per_word: u8(1),
  cs_change: u8(2),
  tx_nbits: u8(3),
  rx_nbits: u8(4),
  reserved: bytes(5, 3),
  mode: u32(8),
  freq: u32(12),
  word_delay_ns: u32(16),
  cs_setup_ns: u32(20),
  cs_delay_hold_ns: u32(24),
  cs_change_delay_inactive_ns: u32(28),
});

export const spi_transfer_result = struct(1, {
  result: u8(0),
});
