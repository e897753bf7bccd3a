/**
 * The GPIO controller: linux/virtio_gpio.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u8, struct } from '../base/layout.ts';

export const VIRTIO_GPIO_F_IRQ = 0;
export const VIRTIO_GPIO_MSG_GET_NAMES = 1;
export const VIRTIO_GPIO_MSG_GET_DIRECTION = 2;
export const VIRTIO_GPIO_MSG_SET_DIRECTION = 3;
export const VIRTIO_GPIO_MSG_GET_VALUE = 4;
export const VIRTIO_GPIO_MSG_SET_VALUE = 5;
export const VIRTIO_GPIO_MSG_IRQ_TYPE = 6;
export const VIRTIO_GPIO_STATUS_OK = 0;
export const VIRTIO_GPIO_STATUS_ERR = 1;
export const VIRTIO_GPIO_DIRECTION_NONE = 0;
export const VIRTIO_GPIO_DIRECTION_OUT = 1;
export const VIRTIO_GPIO_DIRECTION_IN = 2;
export const VIRTIO_GPIO_IRQ_TYPE_NONE = 0;
export const VIRTIO_GPIO_IRQ_TYPE_EDGE_RISING = 1;
export const VIRTIO_GPIO_IRQ_TYPE_EDGE_FALLING = 2;
export const VIRTIO_GPIO_IRQ_TYPE_EDGE_BOTH = 3;
export const VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH = 4;
export const VIRTIO_GPIO_IRQ_TYPE_LEVEL_LOW = 8;
export const VIRTIO_GPIO_IRQ_STATUS_INVALID = 0;
export const VIRTIO_GPIO_IRQ_STATUS_VALID = 1;

export const virtio_gpio_config = struct(8, {
  ngpio: u16(0),
  padding: bytes(2, 2),
  gpio_names_size: u32(4),
});

export const virtio_gpio_request = struct(8, {
  type: u16(0),
  gpio: u16(2),
  value: u32(4),
});

export const virtio_gpio_response = struct(2, {
  status: u8(0),
  value: u8(1),
});

export const virtio_gpio_response_get_names = struct(1, {
  status: u8(0),
  value: bytes(1, 0),
});

export const virtio_gpio_irq_request = struct(2, {
  gpio: u16(0),
});

export const virtio_gpio_irq_response = struct(1, {
  status: u8(0),
});
