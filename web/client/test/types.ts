/** What the compiler must take and refuse; never run. */
import type { Billing, Client } from "@sevenleague/client";

export async function types(client: Client): Promise<unknown> {
  const page = await client.billing.listInvoices();
  const invoices: Billing.Invoice[] = page.items;
  for await (const { number } of client.billing.listInvoices.all()) number satisfies string | undefined;
  const { data, headers } = await client.billing.getInvoice.answer({ path: { id: "i" } });
  (await client.auth.removeMember({ path: { user_id: "u" } })) satisfies undefined;
  // @ts-expect-error: an invoice has an id.
  await client.billing.getInvoice();
  // @ts-expect-error: a page has at most 200 items, and the limit is a number.
  await client.billing.listInvoices({ query: { limit: "many" } });
  // @ts-expect-error: one invoice has no pages.
  client.billing.getInvoice.pages({ path: { id: "i" } });
  // @ts-expect-error: whoever edits says what they saw.
  await client.permission.editRole({ path: { id: "r" }, body: { name: "n", permissions: [] } });
  // @ts-expect-error: the key is an option of the call.
  await client.permission.createRole({ header: { "Idempotency-Key": "k" }, body: { name: "n", permissions: [] } });
  // @ts-expect-error: the session is the client's.
  await client.auth.refreshSession();
  return [invoices, data.lines, headers];
}
