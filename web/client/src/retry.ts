/** Retries: which failures are tried again, when, and for how long. */
import { NetworkError, ProblemError } from "./errors.js";
import { sleep } from "./waiting.js";

/** How much is tried before a failure is the caller's. */
export interface RetryLimits {
  /** Attempts, the first one included. */
  attempts: number;
  /** No attempt begins later than so many ms after the first. */
  within: number;
}

/** Whether a request that failed so is sent again. */
export type Repeats = (error: unknown) => boolean;

export const DEFAULT_LIMITS: RetryLimits = { attempts: 4, within: 20_000 };
/** The first wait without a `Retry-After` is at most this, in ms; each next one at most twice the one before. */
const FIRST_WAIT = 200;
const LONGEST_WAIT = 5_000;
/** Refusals that pass by themselves. */
const PASSING = [408, 425, 429, 502, 503, 504];
/** Refusals by a service that has done nothing. */
const NOTHING_DONE = [429, 503];

/** For what has no other effect a second time than the first. */
export const passing: Repeats = (error) =>
  error instanceof NetworkError ? error.passing : error instanceof ProblemError && PASSING.includes(error.status);

/** For what must not be done twice: not if an answer was lost. */
export const refused: Repeats = (error) => error instanceof ProblemError && NOTHING_DONE.includes(error.status);

/** For what only its caller may send again. */
export const never: Repeats = () => false;

/** Runs `attempt` until it succeeds, fails for good, or the limits are reached: then with its last error. */
export async function retrying<T>(
  attempt: () => Promise<T>,
  repeats: Repeats,
  limits: RetryLimits,
  signal?: AbortSignal,
): Promise<T> {
  const began = Date.now();
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      if (made >= limits.attempts || !repeats(error)) throw error;
      const wait = pause(error, made);
      if (Date.now() + wait - began > limits.within) throw error;
      await sleep(wait, signal);
    }
  }
}

/** Full jitter, so that those who failed together do not come back together; after what `Retry-After` asks for. */
function pause(error: unknown, made: number): number {
  const asked = error instanceof ProblemError ? (error.retryAfter ?? 0) * 1000 : 0;
  return asked + Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (made - 1));
}
