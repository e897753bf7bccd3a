/** The exit codes of orko-vmm, all of them. The documents and `--help` print this table. */

/** 10–13 say how a guest ended; from 64 on they follow sysexits.h where it has a word for it. */
export const EXIT = {
  OK: 0,
  GUEST_PANIC: 10,
  GUEST_CRASH: 11,
  GUEST_RESET: 12,
  STOPPED: 13,
  BACK_END: 20,
  USAGE: 64,
  CONFIG: 65,
  NO_SUCH_VM: 66,
  HOST: 69,
  BUG: 70,
  NESTED: 71,
  INTERRUPTED: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  OK: 'the guest powered itself off, or the command did its work',
  GUEST_PANIC: 'the guest reported a panic (on-panic: exit)',
  GUEST_CRASH: 'the guest cannot go on: KVM gave a vCPU back with an error, which is shown with its registers',
  GUEST_RESET: 'the guest asked for a reset (on-reboot: exit)',
  STOPPED: 'the VM was stopped hard: a second signal, the stop timeout, or `orko-vmm ctl NAME stop`',
  BACK_END: 'a vhost-user back-end cannot be used, has failed a check, or does not do what a recording says',
  USAGE: 'the command line is wrong',
  CONFIG: 'the config is wrong, or a file that it names',
  NO_SUCH_VM: 'no VM of this name runs, or nothing answers on its control socket',
  HOST: 'the host cannot do it: a system call failed or a capability is missing',
  BUG: 'a bug in orko-vmm',
  NESTED: 'the nested machine ended on its own (QEMU, or the Linux in it)',
  INTERRUPTED: 'a command other than a running VM was interrupted',
};

/** Rows of `code meaning`, in order of the codes. */
export function exitCodeRows(): readonly { readonly code: number; readonly meaning: string }[] {
  return (Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => ({
    code: EXIT[name],
    meaning: EXIT_MEANINGS[name],
  }));
}
