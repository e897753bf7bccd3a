/** The users of this host that back-ends belong to. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import { getuid } from '../host/libc.ts';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** passwd(5): name, password, uid, gid. A number need not stand there. */
export function findUser(name: string, keyPath: string): User {
  const entries = readFileSync('/etc/passwd', 'utf8').split('\n');
  const entry = entries.map((line) => line.split(':')).find((fields) => fields[0] === name || fields[2] === name);
  const isNumber = /^\d+$/.test(name);
  if (!entry && !isNumber) throw new ConfigError(`There is no user ${name} on this host: create it`, { keyPath });
  return { uid: Number(entry?.[2] ?? name), gid: Number(entry?.[3] ?? name) };
}

/** Only root does something as, or for, another user than itself. `doing`: "start a program as". */
export function checkRights({ uid }: User, doing: string, name: string, keyPath: string): void {
  if (getuid() === 0 || getuid() === uid) return;
  throw new ConfigError(`Only root can ${doing} ${name}: run orko-vmm as root, or leave this key out`, { keyPath });
}
