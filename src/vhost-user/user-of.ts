/** The user that a key of the config names. */
import { ConfigError } from '../base/errors.ts';
import { getuid } from '../host/libc.ts';
import { findUser, type User } from '../host/users.ts';

/** `rootDoes`: what only root can do for another user than itself, as in "start a program as"; absent where anybody can. */
export function userOf(name: string, keyPath: string, rootDoes?: string): User {
  const user = findUser(name);
  if (!user) throw new ConfigError(`There is no user ${name} on this host: create it`, { keyPath });
  if (rootDoes !== undefined && getuid() !== 0 && getuid() !== user.uid) {
    const remedy = 'run orko-vmm as root, or leave this key out';
    throw new ConfigError(`Only root can ${rootDoes} ${name}: ${remedy}`, { keyPath });
  }
  return user;
}
