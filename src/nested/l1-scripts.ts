/** The few scripts and settings that turn unpacked Debian packages into L1, the Arm host; all run inside it. */

/** What L1 prints on its serial console once sshd listens. */
export const READY_MARK = 'orko-l1-ready';

/** /init of the initramfs: the packages' image is the lower half of the root, memory the upper. */
export const INITRAMFS_INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod $module; done
/bin/busybox mount -t tmpfs -o mode=755,size=90% upper /upper
/bin/busybox mkdir /upper/data /upper/work
/bin/busybox mount -t ext4 -o ro /dev/vda /lower
/bin/busybox mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /root
/bin/busybox mount -t ext4 -o ro /dev/vdb /root/usr/lib/modules
/bin/busybox mount -o move /dev /root/dev
/bin/busybox mount -t tmpfs -o mode=755 run /root/run
/bin/busybox cp -a /settings/. /root/
exec /bin/busybox switch_root /root /usr/bin/busybox init
`;

/** BusyBox's init reaps orphans and starts sshd again should a test kill it. sshd's start overlaps with the mounts. */
export const INITTAB = `::sysinit:/usr/bin/busybox mkdir -p /run/sshd
::respawn:/usr/sbin/sshd -D -e
::once:/etc/orko-l1-start
::ctrlaltdel:/usr/bin/busybox poweroff -f
`;

/**
 * Mounts and network (QEMU's user network: 10.0.2.0/24, gateway .2, name server .3). It says so once sshd
 * listens too: that is when its pid file appears.
 */
export const START_SCRIPT = `#!/usr/bin/busybox sh
export PATH=/usr/sbin:/usr/bin
alias mount='busybox mount' ip='busybox ip'
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777,size=80% tmp /tmp
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debug /sys/kernel/debug
mkdir -p /run/lock
# As udev would have it.
chown root:kvm /dev/kvm
chmod 660 /dev/kvm
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
busybox hostname orko-l1
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
until [ -s /run/sshd.pid ]; do busybox usleep 50000; done
echo ${READY_MARK} >/dev/console
`;

/** One connection carries every command; its sessions are many and none of them is a login. */
export const SSHD_CONFIG = `HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxSessions 500
MaxStartups 100
AllowStreamLocalForwarding yes
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8
`;

/** Accounts that packages would have made in scripts we do not run. */
export const PASSWD = `root:x:0:0:root:/root:/bin/bash
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
user:x:1000:1000:user:/tmp:/bin/bash
`;

export const GROUP = `root:x:0:
tty:x:5:
kvm:x:104:
nogroup:x:65534:
user:x:1000:
`;
