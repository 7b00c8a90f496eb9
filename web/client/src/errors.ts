/** Errors: what a service refused, and what never got an answer. */

import type { ProblemCode } from "./generated/services.js";

/** One wrong field of a request. */
export interface FieldError {
  /** Path of the field in the body or query: `modules[0]`. */
  readonly field: string;
  /** Stable word for programs. */
  readonly code: string;
  /** Sentence for people. */
  readonly message: string;
}

/** A request that was refused (RFC 9457). */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  /** Stable word for programs: `host_taken`; `http_502` and the like where the answer is not a service's own. */
  readonly code: ProblemCode | (string & {});
  /** Address of the page about this problem, or `about:blank`. */
  readonly type: string;
  readonly title: string;
  /** Sentence for people. */
  readonly detail: string;
  /** The fields that are wrong, of a 422. */
  readonly errors: readonly FieldError[];
  /** What support finds the request by. */
  readonly requestId: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined;

  constructor(status: number, body: Partial<ProblemError>, requestId: string, retryAfter?: number) {
    const title = body.title ?? `HTTP ${status}`;
    super(body.detail ?? title);
    this.status = status;
    this.code = body.code ?? `http_${status}`;
    this.type = body.type ?? "about:blank";
    this.title = title;
    this.detail = this.message;
    this.errors = body.errors ?? [];
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/** A request without an answer: nobody knows whether it had its effect. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  /** What support finds the request by, if it arrived. */
  readonly requestId: string;

  constructor(message: string, requestId: string, cause: unknown) {
    super(message, { cause });
    this.requestId = requestId;
  }
}
