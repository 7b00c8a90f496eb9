/** The session: signed in, kept so by refreshes in the background, and the same in all tabs. */
import { ProblemError } from "./errors.js";
import type { LogIn, LogInRequest } from "./generated/auth.js";
import { type Tabs, openTabs } from "./tabs.js";
import { sleep, unlessAborted } from "./waiting.js";

/** An access token is renewed when so much of its life is left, at most `LONGEST_MARGIN` ms. */
const MARGIN = 0.1;
const LONGEST_MARGIN = 30_000;
/** How long another tab has to say that it is signed in, in ms. */
const OTHER_TABS = 200;

/** Who is signed in, and where. */
export type Session = Omit<LogIn, "access_token" | "refresh_token" | "token_type" | "expires_in">;

/** Where the refresh token is: in auth's cookie, or in the page's memory. */
export type Keeping = "cookie" | "memory";

/** What a session lives by. */
export interface Tokens {
  readonly session: Session;
  readonly access: string;
  /** By this device's clock, which need not be right. */
  readonly renewAt: number;
  readonly expiresAt: number;
  readonly refresh?: string;
}

/** What tabs tell each other. */
type Message = { tokens: Tokens } | { ended: string } | { ask: true } | { answer: Tokens };

/** The operations of auth that make and end sessions. */
export interface Auth {
  logIn(credentials: LogInRequest, signal?: AbortSignal): Promise<LogIn>;
  refresh(token: string | undefined): Promise<LogIn>;
  logOut(access: string, signal?: AbortSignal): Promise<unknown>;
}

/** Hears who is signed in, or that nobody is any more. */
export type Listener = (session: Session | null) => void;

export class Sessions {
  /** `undefined` until somebody asked, `null` while nobody is signed in. */
  #tokens: Tokens | null | undefined;
  #renewing: Promise<void> | undefined;
  readonly #listeners = new Set<Listener>();
  readonly #tabs: Tabs<Message>;
  readonly #auth: Auth;
  readonly #keeping: Keeping;

  constructor(auth: Auth, keeping: Keeping, name: string) {
    this.#auth = auth;
    this.#keeping = keeping;
    this.#tabs = openTabs(`sevenleague ${keeping} ${name}`, (message) => this.#hear(message));
  }

  get current(): Session | null {
    return this.#tokens?.session ?? null;
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async signIn(credentials: LogInRequest, signal?: AbortSignal): Promise<Session> {
    const made = this.#tabs.alone(async () => this.#adopt(await this.#auth.logIn(credentials, signal)));
    return (await unlessAborted(made, signal)).session;
  }

  /** Ends the session at the service, then here; a session that had ended is no error. */
  async signOut(signal?: AbortSignal): Promise<void> {
    const tokens = await this.tokens(signal);
    if (!tokens) return;
    try {
      await this.#auth.logOut(tokens.access, signal);
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
      // Maybe it was the access token only.
      const renewed = await this.renew(tokens, signal).catch(nobodyIf401);
      if (renewed) await this.#auth.logOut(renewed.access, signal);
    }
    this.#end(tokens.session.session_id);
  }

  /** The session that a cookie or another tab still has. */
  async restore(signal?: AbortSignal): Promise<Session | null> {
    if (!this.#tokens) await this.renew(undefined, signal).catch(nobodyIf401);
    return this.current;
  }

  /** Tokens that are good for a while; none if nobody is signed in. */
  async tokens(signal?: AbortSignal): Promise<Tokens | undefined> {
    const tokens = this.#tokens;
    if (tokens === null) return undefined;
    if (tokens && Date.now() < tokens.renewAt) return tokens;
    try {
      return await this.renew(tokens, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (isUnauthorized(error)) return undefined;
      // While auth is away, what is still good will do.
      if (tokens && Date.now() < tokens.expiresAt) return tokens;
      throw error;
    }
  }

  /** Tokens in place of `stale`: one refresh, however many ask for it, in however many tabs. */
  async renew(stale: Tokens | undefined, signal?: AbortSignal): Promise<Tokens | undefined> {
    if (this.#isStill(stale)) {
      this.#renewing ??= this.#tabs.alone(() => this.#refresh(stale)).finally(() => (this.#renewing = undefined));
      await unlessAborted(this.#renewing, signal);
    }
    return this.#tokens ?? undefined;
  }

  #isStill(stale: Tokens | undefined): boolean {
    return (this.#tokens ?? undefined)?.access === stale?.access;
  }

  async #refresh(stale: Tokens | undefined): Promise<void> {
    // Another tab may have done it while this one waited.
    if (!this.#isStill(stale)) return;
    if (this.#keeping === "memory" && !stale) return this.#askOthers();
    try {
      this.#adopt(await this.#auth.refresh(stale?.refresh));
    } catch (error) {
      if (isUnauthorized(error)) this.#end(stale?.session.session_id ?? "");
      throw error;
    }
  }

  async #askOthers(): Promise<void> {
    this.#tabs.tell({ ask: true });
    if (this.#tabs.many) await sleep(OTHER_TABS);
    this.#tokens ??= null;
  }

  #adopt(answer: LogIn): Tokens {
    const { access_token: access, refresh_token, token_type: _, expires_in, ...session } = answer;
    const life = expires_in * 1000;
    const expiresAt = Date.now() + life;
    const renewAt = expiresAt - Math.min(life * MARGIN, LONGEST_MARGIN);
    const refresh = this.#keeping === "memory" ? { refresh: refresh_token } : {};
    const tokens = { session, access, renewAt, expiresAt, ...refresh };
    this.#set(tokens);
    this.#tabs.tell({ tokens });
    return tokens;
  }

  #end(session: string): void {
    this.#set(null);
    this.#tabs.tell({ ended: session });
  }

  #hear(message: Message): void {
    if ("tokens" in message) this.#set(message.tokens);
    else if ("ended" in message && this.current?.session_id === message.ended) this.#set(null);
    else if ("ask" in message && this.#tokens) this.#tabs.tell({ answer: this.#tokens });
    else if ("answer" in message && !this.#tokens) this.#set(message.answer);
  }

  #set(tokens: Tokens | null): void {
    const before = this.#tokens;
    this.#tokens = tokens;
    if (before?.session.session_id === tokens?.session.session_id && before !== undefined) return;
    for (const listener of this.#listeners) listener(tokens?.session ?? null);
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 401;
}

function nobodyIf401(error: unknown): undefined {
  if (!isUnauthorized(error)) throw error;
}
