/** Connections found by their two ports. Both have 32 bits, so no number holds them together. */

/** Which of its device's connections it is. */
export interface Ports {
  readonly hostPort: number;
  readonly guestPort: number;
}

/** Ports of the host that connect to the guest: where Firecracker has them, apart from those that services use. */
const HOST_PORT_FIRST = 2 ** 30;
const HOST_PORT_COUNT = 2 ** 30;

export class PortTable<Entry extends Ports> {
  /** By the host's port, then the guest's. */
  readonly #entries = new Map<number, Map<number, Entry>>();
  #nextHostPort = 0;

  get({ hostPort, guestPort }: Ports): Entry | undefined {
    return this.#entries.get(hostPort)?.get(guestPort);
  }

  set(entry: Entry): void {
    const row = this.#entries.get(entry.hostPort) ?? new Map<number, Entry>();
    this.#entries.set(entry.hostPort, row.set(entry.guestPort, entry));
  }

  delete({ hostPort, guestPort }: Ports): void {
    const row = this.#entries.get(hostPort);
    if (row?.delete(guestPort) && row.size === 0) this.#entries.delete(hostPort);
  }

  /** A port of the host that has no connection to `guestPort`; one that was used lately comes last. */
  freeHostPort(guestPort: number): number {
    let hostPort: number;
    do hostPort = HOST_PORT_FIRST + (this.#nextHostPort++ % HOST_PORT_COUNT);
    while (this.get({ hostPort, guestPort }));
    return hostPort;
  }
}
