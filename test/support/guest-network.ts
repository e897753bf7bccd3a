/** The network of a guest whose card is behind passt. */
import type { GuestShell } from './guest-shell.ts';

/** eth0 gets an address and a route by DHCP. */
export async function takeAddress(shell: GuestShell): Promise<void> {
  await shell.run(
    `echo '#!/bin/sh' >/tmp/dhcp; echo 'ip addr add $ip/$mask dev $interface; ip route add default via $router' >>/tmp/dhcp; chmod +x /tmp/dhcp`,
  );
  await shell.run('ip link set lo up; ip link set eth0 up; udhcpc -n -q -t 20 -i eth0 -s /tmp/dhcp');
}
