/** The session: signed in, kept so by refreshes in the background, and the same in all tabs. */
import type { Auth } from "./auth.js";
import { ProblemError, SecondFactorRequiredError, SessionChangedError } from "./errors.js";
import type { LogIn, LogInRequest, SecondFactorLogIn } from "./generated/auth.js";
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
type Message =
  | { signedIn: Tokens }
  | { renewed: Tokens }
  | { ended: string }
  | { ask: string }
  | { answer: Tokens; to: string };

/** Hears who is signed in, or that nobody is any more. */
export type Listener = (session: Session | null) => void;

/** The one session, in one tenant, in which something is done from its beginning to its end. */
export interface Whose {
  /** Unknown until the first tokens are asked for; empty if nobody is signed in. */
  id?: string;
}

export class Sessions {
  /** `undefined` until somebody asked, `null` while nobody is signed in. */
  #tokens: Tokens | null | undefined;
  #renewing: Promise<void> | undefined;
  /** The question to other tabs that is still open. */
  #question: string | undefined;
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

  /** @throws SecondFactorRequiredError if the password is not enough: nobody is signed in then. */
  signIn(credentials: LogInRequest, signal?: AbortSignal): Promise<Session> {
    const logIn = async () => {
      const answer = await this.#auth.logIn(credentials, signal);
      if ("challenge" in answer) throw new SecondFactorRequiredError(answer);
      return answer;
    };
    return this.#begin(logIn, signal);
  }

  completeSignIn(proved: SecondFactorLogIn, signal?: AbortSignal): Promise<Session> {
    return this.#begin(() => this.#auth.completeLogIn(proved, signal), signal);
  }

  #begin(logIn: () => Promise<LogIn>, signal?: AbortSignal): Promise<Session> {
    const made = this.#tabs.alone(async () => {
      const tokens = this.#tokensOf(await logIn());
      this.#set(tokens);
      this.#tabs.tell({ signedIn: tokens });
      return tokens.session;
    });
    return unlessAborted(made, signal);
  }

  /**
   * The session goes on in that tenant, in all tabs, and calls that began in the one before are given up.
   * @throws ProblemError `not_a_member` or `step_up_required`: it stays where it is then.
   */
  async switchTenant(tenant: string, signal?: AbortSignal): Promise<Session> {
    await this.#unexpired(signal);
    return unlessAborted(
      this.#tabs.alone(() => this.#goTo(tenant)),
      signal,
    );
  }

  async #goTo(tenant: string): Promise<Session> {
    const before = this.#tokens ?? undefined;
    let tokens: Tokens;
    try {
      tokens = this.#tokensOf(await this.#auth.refresh(before?.refresh, tenant));
    } catch (error) {
      if (isUnauthorized(error) && sameSession(this.#tokens, before)) this.#end(before);
      throw error;
    }
    // Whoever signed in or out meanwhile is right.
    if (!sameSession(this.#tokens, before)) throw new SessionChangedError();
    this.#set(tokens);
    this.#tabs.tell({ signedIn: tokens });
    return tokens.session;
  }

  /** Ends the session at the service, then here; a session that had ended is no error. */
  async signOut(signal?: AbortSignal): Promise<void> {
    const before = this.#tokens ?? undefined;
    await this.#unexpired(signal).catch(nobodyIfOver);
    const tokens = this.#tokens;
    // Whoever signed in meanwhile stays so.
    if (!tokens || (before && !sameSession(tokens, before))) return;
    try {
      await this.#auth.logOut(tokens.access, signal);
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
      // Maybe it was the access token only, or the session has gone on in another tenant.
      await this.renew(tokens, signal).catch(nobodyIfOver);
      const renewed = this.#tokens;
      if (renewed && sameSession(renewed, tokens)) await this.#auth.logOut(renewed.access, signal);
    }
    this.#end(tokens);
  }

  /** The session that a cookie or another tab still has. */
  async restore(signal?: AbortSignal): Promise<Session | null> {
    const tokens = this.#tokens ?? undefined;
    if (!tokens || Date.now() >= tokens.expiresAt) await this.renew(tokens, signal).catch(nobodyIfOver);
    return this.current;
  }

  /** Tokens of that session that have not expired; none if nobody is signed in. */
  async tokens(whose: Whose, signal?: AbortSignal): Promise<Tokens | undefined> {
    if (this.#tokens !== undefined) whose.id ??= idOf(this.#tokens);
    const tokens = await this.#unexpired(signal);
    whose.id ??= idOf(tokens);
    if (whose.id !== idOf(tokens)) throw new SessionChangedError();
    return tokens;
  }

  async #unexpired(signal?: AbortSignal): Promise<Tokens | undefined> {
    const tokens = this.#tokens;
    if (tokens === null) return undefined;
    const now = Date.now();
    if (tokens && now < tokens.expiresAt) {
      // Nobody waits for what is not needed yet; if it fails, the next call begins it again.
      if (now >= tokens.renewAt) this.renew(tokens).catch(() => undefined);
      return tokens;
    }
    try {
      return await this.renew(tokens, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!tokens && isUnauthorized(error)) return undefined;
      throw error;
    }
  }

  /**
   * Tokens in place of `stale`, of the same session; none if that is over. One refresh, however many ask for it, in
   * however many tabs.
   */
  async renew(stale: Tokens | undefined, signal?: AbortSignal): Promise<Tokens | undefined> {
    if (this.#isStill(stale)) {
      this.#renewing ??= this.#tabs.alone(() => this.#refresh(stale)).finally(() => (this.#renewing = undefined));
      await unlessAborted(this.#renewing, signal);
    }
    const tokens = this.#tokens ?? undefined;
    return !stale || idOf(stale) === idOf(tokens) ? tokens : undefined;
  }

  #isStill(stale: Tokens | undefined): boolean {
    return this.#tokens?.access === stale?.access;
  }

  async #refresh(stale: Tokens | undefined): Promise<void> {
    // Another tab may have done it while this one waited.
    if (!this.#isStill(stale)) return;
    if (this.#keeping === "memory" && !stale) return this.#askOthers();
    let tokens: Tokens | undefined;
    try {
      tokens = this.#tokensOf(await this.#auth.refresh(stale?.refresh));
    } catch (error) {
      if (!this.#isStill(stale)) return;
      if (isUnauthorized(error)) this.#end(stale);
      throw error;
    }
    // Whoever signed in or out meanwhile is right.
    if (!this.#isStill(stale)) return;
    const told = stale && idOf(stale) !== idOf(tokens) ? { signedIn: tokens } : { renewed: tokens };
    this.#set(tokens);
    this.#tabs.tell(told);
  }

  async #askOthers(): Promise<void> {
    if (this.#tabs.many) {
      this.#question = crypto.randomUUID();
      this.#tabs.tell({ ask: this.#question });
      await sleep(OTHER_TABS);
      this.#question = undefined;
    }
    this.#tokens ??= null;
  }

  #tokensOf(answer: LogIn): Tokens {
    const { access_token: access, refresh_token, token_type: _, expires_in, ...session } = answer;
    const life = expires_in * 1000;
    const expiresAt = Date.now() + life;
    const renewAt = expiresAt - Math.min(life * MARGIN, LONGEST_MARGIN);
    const refresh = this.#keeping === "memory" ? { refresh: refresh_token } : {};
    return { session, access, renewAt, expiresAt, ...refresh };
  }

  /** Ends that session, or finds that nobody has one; whoever else is signed in stays so. */
  #end(tokens: Tokens | undefined): void {
    const ended = tokens?.session.session_id ?? "";
    if ((this.current?.session_id ?? "") === ended) this.#set(null);
    this.#tabs.tell({ ended });
  }

  #hear(message: Message): void {
    if ("signedIn" in message) this.#set(message.signedIn);
    else if ("renewed" in message && this.#awaits(message.renewed)) this.#set(message.renewed);
    else if ("ended" in message && this.current?.session_id === message.ended) this.#set(null);
    else if ("ask" in message && this.#tokens) this.#tabs.tell({ answer: this.#tokens, to: message.ask });
    else if ("answer" in message && !this.#tokens && message.to === this.#question) this.#set(message.answer);
  }

  /** A renewal that comes late, from a tab that hung, must not bring back who was signed in then. */
  #awaits(renewed: Tokens): boolean {
    return idOf(this.#tokens) === idOf(renewed) || (this.#tokens === undefined && this.#keeping === "cookie");
  }

  #set(tokens: Tokens | null): void {
    const before = this.#tokens;
    this.#tokens = tokens;
    if (before !== undefined && idOf(before) === idOf(tokens)) return;
    for (const listener of this.#listeners) listener(tokens?.session ?? null);
  }
}

/** Whether both are of one session, in whichever tenants. */
function sameSession(one: Tokens | null | undefined, other: Tokens | undefined): boolean {
  return one?.session.session_id === other?.session.session_id;
}

/** Which session that is, and in which tenant; empty for none. */
function idOf(tokens: Tokens | null | undefined): string {
  return tokens ? `${tokens.session.session_id} ${tokens.session.tenant.id}` : "";
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 401;
}

function nobodyIfOver(error: unknown): undefined {
  if (!isUnauthorized(error) && !(error instanceof SessionChangedError)) throw error;
}
