/** Refreshes without an answer: for how long the same one may be sent again. */
import { ProblemError, RefreshUnansweredError } from "./errors.js";

/** No attempt begins later than so many ms after the first; auth forgives a second use of a token for 60 s. */
const LATEST_ATTEMPT = 40_000;

/** The first attempt of a refresh that got no answer, or has none yet. */
export interface Sent {
  /** The access token that it was to replace: one goes with each refresh token. */
  readonly stale: string;
  /** By this device's clock. */
  readonly at: number;
}

export class Unanswered {
  #sent: Sent | null = null;
  readonly #tell: (sent: Sent | null) => void;

  /** `tell` says it to the other tabs, which share the refresh token. */
  constructor(tell: (sent: Sent | null) => void) {
    this.#tell = tell;
  }

  /** What another tab sent. */
  hear(sent: Sent | null): void {
    this.#sent = sent;
  }

  /** Whoever asks for it has the refresh sent, however late. */
  forget(): void {
    this.#sent = null;
  }

  /** Makes an attempt at replacing `stale`, or rejects with a `RefreshUnansweredError` because it is too late. */
  async attempt<T>(stale: string, send: () => Promise<T>): Promise<T> {
    const repeated = this.#sent?.stale === stale;
    if (this.#sent && repeated && Date.now() - this.#sent.at > LATEST_ATTEMPT) throw new RefreshUnansweredError();
    // A device without any network sends nothing.
    if (!repeated && globalThis.navigator?.onLine !== false) this.#note({ stale, at: Date.now() });
    try {
      return await send();
    } catch (error) {
      if (!repeated && isOfService(error)) this.#note(null);
      throw error;
    }
  }

  #note(sent: Sent | null): void {
    this.#sent = sent;
    this.#tell(sent);
  }
}

/** Whether auth itself refused it; a proxy may have lost auth's answer. */
function isOfService(error: unknown): boolean {
  return error instanceof ProblemError && !error.code.startsWith("http_");
}
