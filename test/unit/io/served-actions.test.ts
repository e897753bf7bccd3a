/** A display that QEMU's vhost-user-gpu serves, without a guest: what a driver draws on it is on the screenshot. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as gpu from '../../../src/abi/virtio-gpu.ts';
import { pack, type Struct, unpack, type Values } from '../../../src/base/layout.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import type { CreatedDevice } from '../../../src/io/protocol.ts';
import { DriverQueue } from '../../support/driver.ts';
import { GuestRam } from '../../support/guest-ram.ts';
import { DRIVER, ServedRig } from '../../support/served-rig.ts';
import { RAM_BASE } from '../../support/session-rig.ts';

const VHOST_USER_GPU = '/usr/lib/qemu/vhost-user-gpu';
const [WIDTH, HEIGHT] = [96, 64];
const RESOURCE = 7;

test.skipIf(!existsSync(VHOST_USER_GPU))('a driver draws, and begins anew', () => {
  using rig = new ServedRig();
  const command = JSON.stringify([VHOST_USER_GPU, '--socket-path', '{socket}']);
  rig.create(`{ type: gpu, width: ${WIDTH}, height: ${HEIGHT}, backend: { command: ${command} } }`);
  const { created } = rig.heard('created') as unknown as { created: CreatedDevice };
  const [call, kick] = [new EventFd(created.wires.calls[0]!), new EventFd(created.wires.kicks[0]!)];
  const ram = new GuestRam({ base: RAM_BASE, buffer: rig.ram.buffer, pointer: rig.ram.pointer });
  for (let round = 1; round <= 2; round++) {
    ram.release(0);
    rig.ram.bytes.fill(0);
    const [queue, cursor] = [new DriverQueue(ram, 16), new DriverQueue(ram, 16)];
    const setups = [queue, cursor].map(({ places }, index) => ({ index, ...places }));
    rig.device!.activate(setups, DRIVER, round);
    const say = <Layout extends Struct>(
      layout: Layout,
      values: Values<Layout>,
      more: Uint8Array = new Uint8Array(),
      room = 24,
    ) => {
      const request = queue.add({
        readable: [pack(layout, values), more].filter(({ length }) => length > 0),
        writable: [room],
      });
      queue.kick();
      kick.signal();
      rig.until(() => {
        call.take();
        return queue.take() !== undefined;
      }, 'an answer');
      return request.written();
    };
    const info = say(gpu.virtio_gpu_ctrl_hdr, { type: gpu.VIRTIO_GPU_CMD_GET_DISPLAY_INFO }, undefined, 408);
    const { pmodes } = unpack(gpu.virtio_gpu_resp_display_info, info);
    expect(unpack(gpu.virtio_gpu_display_one, pmodes.subarray(0, 24))).toMatchObject({
      ...{ 'r.width': WIDTH, 'r.height': HEIGHT, enabled: 1 },
    });

    const whole = { 'r.width': WIDTH, 'r.height': HEIGHT, resource_id: RESOURCE };
    const pixels = ram.allocate(WIDTH * HEIGHT * 4);
    ram.bytes.fill(16 * round, pixels - RAM_BASE, pixels - RAM_BASE + WIDTH * HEIGHT * 4);
    const addr = BigInt(pixels);
    const answers = [
      say(gpu.virtio_gpu_resource_create_2d, {
        ...{ 'hdr.type': gpu.VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, resource_id: RESOURCE },
        ...{ format: gpu.VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, width: WIDTH, height: HEIGHT },
      }),
      say(
        gpu.virtio_gpu_resource_attach_backing,
        { 'hdr.type': gpu.VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, resource_id: RESOURCE, nr_entries: 1 },
        pack(gpu.virtio_gpu_mem_entry, { addr, length: WIDTH * HEIGHT * 4 }),
      ),
      say(gpu.virtio_gpu_set_scanout, { 'hdr.type': gpu.VIRTIO_GPU_CMD_SET_SCANOUT, ...whole }),
      say(gpu.virtio_gpu_transfer_to_host_2d, { 'hdr.type': gpu.VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, ...whole }),
      say(gpu.virtio_gpu_resource_flush, { 'hdr.type': gpu.VIRTIO_GPU_CMD_RESOURCE_FLUSH, ...whole }),
    ];
    const types = answers.map((bytes) => unpack(gpu.virtio_gpu_ctrl_hdr, bytes).type);
    expect(types).toEqual(Array(5).fill(gpu.VIRTIO_GPU_RESP_OK_NODATA));

    // The answer to a flush does not wait for what it shows.
    const expected = Buffer.concat([
      Buffer.from(`P6\n${WIDTH} ${HEIGHT}\n255\n`),
      Buffer.alloc(WIDTH * HEIGHT * 3, 16 * round),
    ]);
    let shots = 0;
    rig.until(() => {
      const file = join(rig.folder, `${round}-${shots++}.ppm`);
      rig.device!.act('screenshot', file, round);
      return existsSync(file) && readFileSync(file).equals(expected);
    }, 'the picture');
    say(gpu.virtio_gpu_resource_unref, { 'hdr.type': gpu.VIRTIO_GPU_CMD_RESOURCE_UNREF, resource_id: RESOURCE });
    rig.reset();
  }
});
