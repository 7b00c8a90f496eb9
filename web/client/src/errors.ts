/** Errors: what a service refused, what never got an answer, and whose session is another one now. */

import type { SecondFactorRequired } from "./generated/auth.js";
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
  /** Address of the page about this problem (`http:` or `https:`), or `about:blank`. */
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

  /** `body` is what came, whatever that is; members of another type than documented are as if they were missing. */
  constructor(status: number, body: { [K in keyof ProblemError]?: unknown }, requestId: string, retryAfter?: number) {
    const title = textOr(`HTTP ${status}`, body.title);
    super(textOr(title, body.detail));
    this.status = status;
    this.code = textOr(`http_${status}`, body.code);
    this.type = textOr("about:blank", body.type);
    this.title = title;
    this.detail = this.message;
    this.errors = Array.isArray(body.errors) ? body.errors.filter(isFieldError) : [];
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/** The password was right, and a second factor has to complete the sign-in: give it to `completeSignIn`. */
export class SecondFactorRequiredError extends Error {
  override readonly name = "SecondFactorRequiredError";
  /** The challenge, and by what it can be answered. */
  readonly asked: SecondFactorRequired;

  constructor(asked: SecondFactorRequired) {
    super("A second factor is needed to sign in.");
    this.asked = asked;
  }
}

/** A request without an answer of its service: nobody knows whether it had its effect. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  /** What support finds the request by, if it arrived. */
  readonly requestId: string;
  /** Whether another try may succeed; not after a redirect, which is never followed. */
  readonly passing: boolean;

  constructor(message: string, requestId: string, cause: unknown, passing = true) {
    super(message, { cause });
    this.requestId = requestId;
    this.passing = passing;
  }
}

/** A call or a list that went no further, because somebody else, or nobody, is signed in by now. */
export class SessionChangedError extends Error {
  override readonly name = "SessionChangedError";

  constructor() {
    super("Somebody else, or nobody, is signed in by now: what was begun before was not finished.");
  }
}

function textOr(otherwise: string, given: unknown): string {
  return typeof given === "string" ? given : otherwise;
}

function isFieldError(given: Partial<FieldError> | null): boolean {
  return [given?.field, given?.code, given?.message].every((member) => typeof member === "string");
}
