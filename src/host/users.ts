/** The users of this host (passwd(5): name, password, uid, gid). */
import { HostFiles } from './host-files.ts';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The user of that name, or number, which need not stand in the file; undefined where there is no such user. */
export function findUser(name: string, files = new HostFiles()): User | undefined {
  const entries = (files.text('/etc/passwd') ?? '').split('\n').map((line) => line.split(':'));
  const entry = entries.find((fields) => fields[0] === name || fields[2] === name);
  if (!entry && !/^\d+$/.test(name)) return undefined;
  return { uid: Number(entry?.[2] ?? name), gid: Number(entry?.[3] ?? name) };
}
