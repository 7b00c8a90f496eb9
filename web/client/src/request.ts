/** A request as it will be sent: everything about it that can be wrong is found before anything leaves. */
import type { CallOptions, Route } from "./operation.js";
import { type Repeats, never, passing } from "./retry.js";

/** What an operation is called with, by place. */
export interface Input {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  header?: Record<string, string>;
  body?: unknown;
}

/** A request, sent once or more often. */
export interface Call {
  readonly route: Route;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly requestId: string;
  readonly signal: AbortSignal | undefined;
  /** After which failures it is sent again. */
  readonly repeats: Repeats;
  /** Whether the cookie goes with it. */
  readonly cookie?: boolean;
  /** An attempt is given up after so long, in ms; without it, after as long as any. */
  readonly longest?: number;
}

/** The request for an operation at the service `base`. Throws a `TypeError` about what cannot be sent. */
export function requestOf(base: string, route: Route, input: Input, options: CallOptions): Call {
  const { idempotencyKey = crypto.randomUUID(), signal } = options;
  const key = route.keyed ? idempotencyKey : null;
  const requestId = crypto.randomUUID();
  const body = input.body === undefined ? undefined : JSON.stringify(input.body);
  const headers = new Headers({
    Accept: "application/json, application/problem+json",
    "X-Request-Id": requestId,
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(key ? { "Idempotency-Key": key } : {}),
    ...input.header,
  });
  const repeats = route.method !== "POST" || key ? passing : never;
  return { route, url: urlOf(base, route, input), headers, body, requestId, signal, repeats };
}

/** The address of an operation; a `base` without a host is on the page's own. */
function urlOf(base: string, route: Route, { path, query }: Input): string {
  const filled = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(segment(name, path?.[name])));
  const url = new URL(base.replace(/\/+$/, "") + filled, globalThis.location?.href);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) url.searchParams.append(name, String(value));
  }
  return url.href;
}

/** A path parameter, if it leads to the operation it is meant for. */
function segment(name: string, value: unknown): string {
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  // By `.` and `..`, and by no text at all, another operation would be called.
  if (/^\.{0,2}$|\p{Surrogate}/u.test(text)) throw new TypeError(`the path parameter ${name} must not be "${value}"`);
  return text;
}
