/** One attempt at a request: the URL, the exchange, and the answer or its error. */
import { NetworkError, ProblemError } from "./errors.js";
import type { Answer, CallOptions, Route } from "./operation.js";

/** An attempt is given up after so long, in ms; services answer within 30 s, whatever happens. */
const LONGEST_ATTEMPT = 35_000;

/** What an operation is called with, by place. */
export interface Input {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  header?: Record<string, string>;
  body?: unknown;
}

/** A request that may be sent more than once. */
export interface Call extends CallOptions {
  readonly route: Route;
  readonly url: string;
  readonly input: Input;
  readonly requestId: string;
  /** A second time has no other effect than the first. */
  readonly repeatable: boolean;
  /** Whether the cookie goes with it. */
  readonly cookie?: boolean;
}

/** The address of an operation at the service `base`. */
export function urlOf(base: string, route: Route, { path, query }: Input): string {
  const filled = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path?.[name])));
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return base.replace(/\/+$/, "") + filled + (search.size ? `?${search}` : "");
}

/** Sends it once. Rejects with a `ProblemError`, a `NetworkError` or the signal's reason. */
export async function attempt(fetch: typeof globalThis.fetch, call: Call, token?: string): Promise<Answer<unknown>> {
  const { url, route, input, requestId, signal, cookie } = call;
  const limit = AbortSignal.timeout(LONGEST_ATTEMPT);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: route.method,
      headers: headersOf(call, token),
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      // The answer to a refresh has the next cookie, also for a page that is left meanwhile.
      ...(cookie ? { credentials: "include", keepalive: true } : {}),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    const why = limit.aborted ? "did not answer in time" : "could not be reached";
    throw new NetworkError(`${new URL(url).host} ${why}`, requestId, error);
  }
  const { status, headers } = response;
  const data = parsed(text, headers);
  if (response.ok && (data !== undefined || text === "")) return { data, status, headers };
  const id = headers.get("X-Request-Id") ?? requestId;
  const problem: Partial<ProblemError> = response.ok ? {} : (data ?? {});
  throw new ProblemError(status, { ...problem, type: typeOf(problem, url) }, id, retryAfter(headers));
}

function headersOf({ input, idempotencyKey, requestId }: Call, token?: string): Record<string, string> {
  return {
    Accept: "application/json, application/problem+json",
    "X-Request-Id": requestId,
    ...(input.body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {}),
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...input.header,
  };
}

/** The JSON in an answer; `undefined` if it is of another type, as a proxy's own page is. */
function parsed(text: string, headers: Headers): object | undefined {
  try {
    return /\bjson\b/.test(headers.get("Content-Type") ?? "") ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Where the page of a problem is; services say so relative to the request (RFC 9457 §3.1.1). */
function typeOf({ type }: Partial<ProblemError>, url: string): string {
  return type && URL.canParse(type, url) ? new URL(type, url).href : "about:blank";
}

/** Seconds, from either form of `Retry-After` (RFC 9110 §10.2.3). */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("Retry-After");
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  // By the clock of whoever wrote it, where that can be read.
  const now = Date.parse(headers.get("Date") ?? "") || Date.now();
  const seconds = (Date.parse(value) - now) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds));
}
