/** One attempt at a request: the exchange, and the answer or its error. */
import { NetworkError, ProblemError } from "./errors.js";
import type { Answer } from "./operation.js";
import type { Call } from "./request.js";

/** An attempt is given up after so long, in ms; services answer within 30 s, whatever happens. */
const LONGEST_ATTEMPT = 35_000;
/** Statuses of answers that lead elsewhere (RFC 9110 §15.4); there, body and token would be somebody else's. */
const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Sends it once. Rejects with a `ProblemError`, a `NetworkError`, the signal's reason, or at once with a `TypeError` if
 * `token` cannot be sent.
 */
export async function attempt(fetch: typeof globalThis.fetch, call: Call, token?: string): Promise<Answer<unknown>> {
  const { url, route, body, requestId, signal, cookie } = call;
  const sent = new Headers(call.headers);
  if (token) sent.set("Authorization", `Bearer ${token}`);
  const limit = AbortSignal.timeout(call.longest ?? LONGEST_ATTEMPT);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: route.method,
      headers: sent,
      ...(body === undefined ? {} : { body }),
      // The answer to a refresh has the next cookie, also for a page that is left meanwhile.
      ...(cookie ? { credentials: "include", keepalive: true } : {}),
      // Unlike "error", this tells a redirect from a broken connection.
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    const why = limit.aborted ? "did not answer in time" : "could not be reached";
    throw new NetworkError(`${new URL(url).host} ${why}`, requestId, error);
  }
  const { status, headers } = response;
  if (response.type === "opaqueredirect" || REDIRECTS.includes(status)) {
    const why = "answered with a redirect, which is not followed";
    throw new NetworkError(`${new URL(url).host} ${why}`, requestId, undefined, false);
  }
  const data = parsed(text, headers);
  if (response.ok && (data !== undefined || status === 204)) return { data, status, headers };
  const id = headers.get("X-Request-Id") ?? requestId;
  const problem: { type?: unknown } = response.ok ? {} : (data ?? {});
  throw new ProblemError(status, { ...problem, type: typeOf(problem, url) }, id, retryAfter(headers));
}

/** The JSON in an answer; `undefined` if it is of another type, as a proxy's own page is. */
function parsed(text: string, headers: Headers): object | undefined {
  if (!/\bjson\b/.test(headers.get("Content-Type") ?? "")) return undefined;
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "object" && data !== null ? data : undefined;
  } catch {
    return undefined;
  }
}

/** Where the page of a problem is; services say so relative to the request (RFC 9457 §3.1.1). */
function typeOf({ type }: { type?: unknown }, url: string): string {
  const page = typeof type === "string" && URL.canParse(type, url) ? new URL(type, url) : undefined;
  return page && /^https?:$/.test(page.protocol) ? page.href : "about:blank";
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
