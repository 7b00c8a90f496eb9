/**
 * The client of the Sevenleague platform.
 *
 * @packageDocumentation
 */
export { type Client, type ClientOptions, type ServiceName, type StepUp, createClient } from "./client.js";
export {
  type FieldError,
  NetworkError,
  ProblemError,
  SecondFactorRequiredError,
  SessionChangedError,
} from "./errors.js";
export type { Answer, Call, CallOptions, DataOf, Described, InputOf, Items, Operation, Pages } from "./operation.js";
export type { RetryLimits } from "./retry.js";
export type { Keeping, Listener, Session } from "./session.js";
export type { ProblemCode, Services } from "./generated/services.js";
export type * from "./generated/bodies.js";
