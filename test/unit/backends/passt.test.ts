import { expect, test } from 'vitest';
import { FORWARD, passtArguments } from '../../../src/backends/passt.ts';
import { net } from '../../../src/config/devices/net.ts';

test('passtArguments: the socket, the MTU, a port option for each forward', () => {
  const forward = ['tcp:8022:22', 'udp:127.0.0.1:5353:53', 'tcp:[::1]:8080:80'];
  const words = passtArguments({ mtu: 1400, forward });
  expect(words.join(' ')).toContain('--foreground --quiet --fd 3 --mtu 1400');
  expect(words.slice(-6)).toEqual([
    ...['--tcp-ports', '8022:22'],
    ...['--udp-ports', '127.0.0.1/5353:53'],
    ...['--tcp-ports', '::1/8080:80'],
  ]);
});

test('what the config takes as a forward, passt is told in its own words', () => {
  const { pattern } = net.keys.forward;
  for (const text of ['tcp:8022:22', 'udp:10.0.0.1:1:2', 'tcp:[fe80::1]:1:2', 'sctp:1:2', 'tcp:22', 'tcp:a:1:2', '']) {
    expect([text, FORWARD.test(text)]).toEqual([text, pattern.test(text)]);
  }
});
