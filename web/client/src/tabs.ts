/** Tabs of one page: one of them at a time does what concerns all, and tells the others. */
import { sleep } from "./waiting.js";

/** How long the lock outlives the work, in ms: whoever gets it next has heard what was told. */
const LINGER = 50;
/** The lock is waited for so long, in ms: a tab that hangs keeps it. Two refreshes at once are forgiven by auth. */
const LONGEST_WAIT = 10_000;

/** `T` is what tabs tell each other. */
export interface Tabs<T> {
  /** Runs the work while no other tab runs any, as far as those do not hang. */
  alone<R>(work: () => Promise<R>): Promise<R>;
  tell(message: T): void;
  /** Whether there may be others. */
  readonly many: boolean;
}

/** Links the tabs in which `name` is the same; in a program that is no page there is only itself. */
export function openTabs<T>(name: string, hear: (message: T) => void): Tabs<T> {
  // Servers have channels, too, and there they would lead from one user to another.
  const { document, navigator, BroadcastChannel } = globalThis as Partial<typeof globalThis>;
  if (!document || !navigator?.locks || !BroadcastChannel) return oneTab();
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }) => hear(data as T);
  return {
    alone: (work) =>
      new Promise((resolve, reject) => {
        const run = async () => {
          const done = work();
          done.then(resolve, reject);
          await done.catch(() => undefined);
          await sleep(LINGER);
        };
        // What was granted never fails; what was not is done without the lock.
        navigator.locks.request(name, { signal: AbortSignal.timeout(LONGEST_WAIT) }, run).catch(run);
      }),
    tell: (message) => channel.postMessage(message),
    many: true,
  };
}

function oneTab(): Tabs<never> {
  let last: Promise<unknown> = Promise.resolve();
  return {
    alone: (work) => {
      const next = last.then(work);
      last = next.catch(() => undefined);
      return next;
    },
    tell: () => undefined,
    many: false,
  };
}
