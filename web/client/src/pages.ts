/** Lists: page after page, or item after item. */
import type { CallOptions } from "./operation.js";
import type { Input } from "./request.js";
import type { Whose } from "./session.js";

type Call = (input: Input, options: CallOptions | undefined, whose: Whose) => Promise<unknown>;

interface Page {
  items?: unknown[];
  next_cursor?: string | null;
}

/** What walks through the list that `call` gives a page of, all of it in one session. */
export function pagesOf(call: Call) {
  async function* pages(input: Input = {}, options?: CallOptions) {
    const whose: Whose = {};
    const seen = new Set([input.query?.["cursor"]]);
    let query = input.query ?? {};
    for (;;) {
      const page = (await call({ ...input, query }, options, whose)) as Page;
      yield page;
      const cursor = page.next_cursor;
      if (!cursor) return;
      if (seen.has(cursor)) throw new Error("The list goes in a circle: a page names one before it as the next.");
      seen.add(cursor);
      query = { ...query, cursor };
    }
  }
  async function* all(input?: Input, options?: CallOptions) {
    for await (const page of pages(input, options)) yield* page.items ?? [];
  }
  return { pages, all };
}
