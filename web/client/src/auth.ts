/** The operations of auth that make and end sessions: how each is sent, and after what it is sent again. */
import type { LogIn, LogInRequest, SecondFactorLogIn, SecondFactorRequired } from "./generated/auth.js";
import { SESSION_ROUTES } from "./generated/services.js";
import type { Route } from "./operation.js";
import type { Call, Input } from "./request.js";
import { passing, refused } from "./retry.js";

/** An attempt at a refresh is given up after so long, in ms: soon enough for another within auth's grace. */
const LONGEST_REFRESH = 15_000;

export interface Auth {
  logIn(credentials: LogInRequest, signal?: AbortSignal): Promise<LogIn | SecondFactorRequired>;
  completeLogIn(proved: SecondFactorLogIn, signal?: AbortSignal): Promise<LogIn>;
  refresh(token?: string, tenant?: string): Promise<LogIn>;
  logOut(access: string, signal?: AbortSignal): Promise<unknown>;
}

/** What is said about one of them. */
export interface How extends Pick<Call, "repeats" | "longest"> {
  readonly signal?: AbortSignal | undefined;
  readonly access?: string;
}

/** These operations, sent by `send`. */
export function authBy(send: (route: Route, input: Input, how: How) => Promise<unknown>): Auth {
  const { logIn, logInWithSecondFactor, refreshSession, logOut } = SESSION_ROUTES;
  return {
    // Sent again after a lost answer, it would leave a session that nobody has.
    logIn: (body, signal) =>
      send(logIn, { body }, { signal, repeats: refused }) as Promise<LogIn | SecondFactorRequired>,
    completeLogIn: (body, signal) =>
      send(logInWithSecondFactor, { body }, { signal, repeats: refused }) as Promise<LogIn>,
    refresh: (token, tenant) => {
      const body = { ...(token && { refresh_token: token }), ...(tenant && { tenant_id: tenant }) };
      const input = token || tenant ? { body } : {};
      return send(refreshSession, input, { longest: LONGEST_REFRESH, repeats: passing }) as Promise<LogIn>;
    },
    logOut: (access, signal) => send(logOut, {}, { signal, access, repeats: passing }),
  };
}
