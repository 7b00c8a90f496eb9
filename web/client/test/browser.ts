/** A browser with tabs in this process: the locks and the channel that they share, and tabs that hang. */
import type { Client } from "@sevenleague/client";

type Hear = (event: { data: unknown }) => void;

export class Tab {
  readonly client: Client;
  onmessage: Hear | undefined;
  /** What came while the tab hung. */
  #late: (() => void)[] | undefined;

  constructor(make: (tab: Tab) => Client) {
    this.client = make(this);
  }

  /** From now on the tab hears nothing. */
  hang(): void {
    this.#late = [];
  }

  /** Now it hears what it has missed. */
  wake(): void {
    const late = this.#late ?? [];
    this.#late = undefined;
    for (const hear of late) hear();
  }

  deliver(data: unknown): void {
    const hear = () => this.onmessage?.({ data });
    if (this.#late) this.#late.push(hear);
    else setImmediate(hear);
  }
}

export class Browser {
  readonly #tabs: Tab[] = [];
  #last: Promise<unknown> = Promise.resolve();

  /** Opens a tab whose page makes its client so. */
  open(make: () => Client): Tab {
    const tabs = this.#tabs;
    const tab = new Tab((tab) => {
      class BroadcastChannel {
        set onmessage(hear: Hear) {
          tab.onmessage = hear;
        }
        postMessage(message: unknown) {
          const data = structuredClone(message);
          for (const other of tabs) if (other !== tab) other.deliver(data);
        }
      }
      const locks = { request: this.#request.bind(this) };
      return withGlobals({ document: {}, navigator: { locks }, BroadcastChannel }, make);
    });
    tabs.push(tab);
    return tab;
  }

  /** A tab takes the lock and keeps it for ever. */
  holdLock(): void {
    void this.#request("", { signal: new AbortController().signal }, () => new Promise(() => undefined));
  }

  async #request(_: string, { signal }: { signal: AbortSignal }, work: () => Promise<unknown>): Promise<unknown> {
    const before = this.#last;
    const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const done = Promise.race([before, aborted]).then(work);
    this.#last = Promise.all([before, done.catch(() => undefined)]);
    aborted.catch(() => undefined);
    return done;
  }
}

/** Runs `work` where these are global. */
export function withGlobals<T>(globals: Record<string, unknown>, work: () => T): T {
  const names = Object.keys(globals);
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  for (const name of names) Object.defineProperty(globalThis, name, { value: globals[name], configurable: true });
  try {
    return work();
  } finally {
    for (const [n, name] of names.entries()) {
      const descriptor = before[n];
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete (globalThis as Record<string, unknown>)[name];
    }
  }
}
