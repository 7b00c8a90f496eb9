/** The client: every operation of every service, with what each call needs around it. */
import { type How, authBy } from "./auth.js";
import { ProblemError } from "./errors.js";
import type { LogInRequest, SecondFactorLogIn } from "./generated/auth.js";
import { ROUTES, type Services } from "./generated/services.js";
import { attempt } from "./http.js";
import type { Answer, CallOptions, Route } from "./operation.js";
import { pagesOf } from "./pages.js";
import { type Call, type Input, requestOf } from "./request.js";
import { DEFAULT_LIMITS, type RetryLimits, retrying } from "./retry.js";
import { type Keeping, type Listener, type Session, Sessions, type Tokens, type Whose } from "./session.js";
import { unlessAborted } from "./waiting.js";

/** The name of a service. */
export type ServiceName = keyof Services;

/** Asks the person to prove once more who they are. */
export interface StepUp {
  /** Codes of the 401 and 403 that ask for it. */
  codes: readonly string[];
  /** Gives whether it was done: then the request is tried once more. Requests at the same time share one. */
  verify(problem: ProblemError): Promise<boolean>;
}

/** How a client is made. */
export interface ClientOptions {
  /** Where each service is that is used, on the page's own host if there is none; auth is needed to sign in. */
  urls: Partial<Record<ServiceName, string>>;
  /** `cookie` where the page is on the same site as auth, else `memory`. */
  keep?: Keeping;
  /** An API key, or what gives an access token, in place of somebody who signs in. */
  token?: string | (() => string | Promise<string>);
  retry?: Partial<RetryLimits>;
  stepUp?: StepUp;
  /** In place of the global one. */
  fetch?: typeof fetch;
}

/** Every operation of every service, and the session they act in. */
export interface Client extends Services {
  /** Who is signed in, as far as this tab knows. */
  readonly session: Session | null;
  /** Signs somebody in, in all tabs. Rejects with a `SecondFactorRequiredError` who has to show a second factor. */
  signIn(credentials: LogInRequest, options?: { signal?: AbortSignal }): Promise<Session>;
  /** Signs them in by the challenge of that error and a proof. */
  completeSignIn(proved: SecondFactorLogIn, options?: { signal?: AbortSignal }): Promise<Session>;
  /** Lets them act in another tenant of theirs, in all tabs; rejects, and changes nothing, where they may not. */
  switchTenant(tenantId: string, options?: { signal?: AbortSignal }): Promise<Session>;
  /** Signs them out, in all tabs, when the service has ended the session; rejects if it could not be asked. */
  signOut(options?: { signal?: AbortSignal }): Promise<void>;
  /** The session that the cookie or another tab has, for a page that begins; `null` if nobody is signed in. */
  restore(options?: { signal?: AbortSignal }): Promise<Session | null>;
  /** Calls whenever somebody is signed in or out, in whichever tab; gives what ends that. */
  onSession(listener: Listener): () => void;
}

/** Makes a client. One a page is enough. */
export function createClient(options: ClientOptions): Client {
  const caller = new Caller(options);
  const { sessions } = caller;
  const services = Object.entries(ROUTES).map(([service, routes]) => [service, namespace(caller, service, routes)]);
  const session = {
    get session() {
      return sessions.current;
    },
    signIn: (credentials, { signal } = {}) => sessions.signIn(credentials, signal),
    completeSignIn: (proved, { signal } = {}) => sessions.completeSignIn(proved, signal),
    switchTenant: (tenantId, { signal } = {}) => sessions.switchTenant(tenantId, signal),
    signOut: ({ signal } = {}) => sessions.signOut(signal),
    restore: ({ signal } = {}) => sessions.restore(signal),
    onSession: (listener) => sessions.listen(listener),
  } satisfies Omit<Client, ServiceName>;
  return Object.defineProperties(Object.fromEntries(services), Object.getOwnPropertyDescriptors(session)) as Client;
}

function namespace(caller: Caller, service: string, routes: Record<string, Route>): object {
  const operations = Object.entries(routes).map(([name, route]) => {
    const answer = (input?: Input, options?: CallOptions, whose: Whose = {}) =>
      caller.call(service, route, input, options, whose);
    const data = async (input?: Input, options?: CallOptions, whose?: Whose) =>
      (await answer(input, options, whose)).data;
    return [name, Object.assign(data, { answer, ...pagesOf(data) })];
  });
  return Object.fromEntries(operations);
}

class Caller {
  readonly sessions: Sessions;
  readonly #options: ClientOptions;
  readonly #limits: RetryLimits;
  readonly #fetch: typeof fetch;
  #steppingUp: Promise<boolean> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.retry };
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
    const { keep = "cookie", urls } = options;
    const send = async (route: Route, input: Input, { access, signal, ...how }: How) => {
      const call = this.#request("auth", route, input, signal ? { signal } : {});
      return (await this.#send({ ...call, ...how, cookie: keep === "cookie" }, access)).data;
    };
    this.sessions = new Sessions(authBy(send), keep, urls.auth ?? "");
  }

  /** Calls an operation, from the first attempt to the last in one session: as whoever is signed in now. */
  async call(
    service: string,
    route: Route,
    input: Input = {},
    options: CallOptions = {},
    whose: Whose = {},
  ): Promise<Answer<unknown>> {
    const call = this.#request(service as ServiceName, route, input, options);
    let renewed = false;
    let steppedUp = false;
    for (;;) {
      const tokens = route.open ? undefined : await this.#tokens(whose, call.signal);
      try {
        return await this.#send(call, typeof tokens === "object" ? tokens.access : tokens);
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        if (!steppedUp && this.#asksForMore(error)) {
          steppedUp = true;
          if (!(await unlessAborted(this.#stepUp(error), call.signal))) throw error;
        } else if (error.status === 401 && typeof tokens === "object" && !renewed) {
          renewed = true;
          if (!(await this.sessions.renew(tokens, call.signal))) throw error;
        } else throw error;
      }
    }
  }

  #request(service: ServiceName, route: Route, input: Input, options: CallOptions): Call {
    const base = this.#options.urls[service];
    if (base === undefined) throw new TypeError(`createClient was given no URL of ${service}`);
    return requestOf(base, route, input, options);
  }

  #send(call: Call, token?: string): Promise<Answer<unknown>> {
    return retrying(() => attempt(this.#fetch, call, token), call.repeats, this.#limits, call.signal);
  }

  async #tokens(whose: Whose, signal?: AbortSignal): Promise<Tokens | string | undefined> {
    const { token } = this.#options;
    if (token === undefined) return this.sessions.tokens(whose, signal);
    return typeof token === "string" ? token : token();
  }

  #asksForMore({ status, code }: ProblemError): boolean {
    return (status === 401 || status === 403) && (this.#options.stepUp?.codes.includes(code) ?? false);
  }

  #stepUp(problem: ProblemError): Promise<boolean> {
    const verify = async () => (await this.#options.stepUp?.verify(problem)) ?? false;
    this.#steppingUp ??= verify().finally(() => (this.#steppingUp = undefined));
    return this.#steppingUp;
  }
}
