/** Types of operations: from what the generator knows of one to the function that calls it. */

/** Where an operation is, and how it may be called. */
export interface Route {
  readonly method: string;
  readonly path: string;
  /** It takes no access token. */
  readonly open?: boolean;
  /** It creates, and takes an `Idempotency-Key`. */
  readonly keyed?: boolean;
}

/** What a caller may say about one call. */
export interface CallOptions {
  /** Ends the call, whatever it is waiting for. */
  signal?: AbortSignal;
  /**
   * In place of the one that the client makes: the same for as long as the same thing is meant, 16 characters or more.
   * With `null` none is sent, and a `POST` is not repeated.
   */
  idempotencyKey?: string | null;
}

/** An answer with what stands around its body. */
export interface Answer<T> {
  readonly data: T;
  readonly status: number;
  /** Such as `ETag` and `Location`. */
  readonly headers: Headers;
}

/** An operation as a generator describes it. */
export interface Described {
  parameters: { path?: unknown; query?: unknown; header?: unknown };
  requestBody?: unknown;
  responses: unknown;
}

type Json<T> = T extends { content: { "application/json": infer B } } ? B : undefined;

/** The members of `T` that can be given at all. */
type Given<T> = { [K in keyof T as [Exclude<T[K], undefined>] extends [never] ? never : K]: T[K] };

/** Headers for the caller to give: the client sees to the others. */
type HeadersOf<H> = [keyof Omit<NonNullable<H>, "Idempotency-Key">] extends [never]
  ? unknown
  : {} extends Omit<NonNullable<H>, "Idempotency-Key">
    ? { header?: Omit<NonNullable<H>, "Idempotency-Key"> }
    : { header: Omit<NonNullable<H>, "Idempotency-Key"> };

type BodyOf<O> = O extends { requestBody: infer B }
  ? { body: Json<B> }
  : O extends { requestBody?: infer B }
    ? [NonNullable<B>] extends [never] ? unknown : { body?: Json<NonNullable<B>> }
    : unknown;

/** What an operation takes, by place: `path`, `query`, `header`, `body`. */
export type InputOf<O extends Described> = Given<Pick<O["parameters"], "path" | "query">> &
  HeadersOf<O["parameters"]["header"]> &
  BodyOf<O>;

type Succeeded<R> = { [S in keyof R & (200 | 201 | 202 | 204)]: Json<R[S]> }[keyof R & (200 | 201 | 202 | 204)];

/** What an operation gives when it succeeds; `undefined` where the answer has no body. */
export type DataOf<O extends Described> = Succeeded<O["responses"]>;

type Arguments<O extends Described> = {} extends InputOf<O>
  ? [input?: InputOf<O>, options?: CallOptions]
  : [input: InputOf<O>, options?: CallOptions];

/** Calls it. */
export interface Call<O extends Described> {
  /** Gives the body of the answer. Rejects with a `ProblemError` or a `NetworkError`. */
  (...args: Arguments<O>): Promise<DataOf<O>>;
  /** Gives status and headers as well. */
  answer(...args: Arguments<O>): Promise<Answer<DataOf<O>>>;
}

/** Walks through its pages. */
export interface Pages<O extends Described> {
  /** Every page from the given cursor on, each asked for when the loop gets there. */
  pages(...args: Arguments<O>): AsyncGenerator<DataOf<O>, void, undefined>;
}

/** Walks through its items. */
export interface Items<O extends Described, T> {
  /** Every item of every page, each page asked for when the loop gets there. */
  all(...args: Arguments<O>): AsyncGenerator<T, void, undefined>;
}

/** The function that calls an operation; a list can be walked as well. */
export type Operation<O extends Described> = Call<O> &
  (DataOf<O> extends { next_cursor?: unknown } ? Pages<O> : unknown) &
  (DataOf<O> extends { next_cursor?: unknown; items: readonly (infer T)[] } ? Items<O, T> : unknown);
