/** The section of invoices: what is owed, and the raw rows that each line is made of. */
import type { Billing, Client } from "@sevenleague/client";
import { decimal, h, moment, money, table } from "./dom.js";
import { show } from "./errors.js";

export async function invoices(client: Client, signal: AbortSignal): Promise<Node[]> {
  const detail = h("div", { "aria-live": "polite" });
  const rows = [];
  for await (const invoice of client.billing.listInvoices.all({}, { signal })) {
    const open = (): Promise<void> =>
      lines(client, invoice.id, signal).then(
        (shown) => detail.replaceChildren(...shown),
        (error: unknown) => show(error, open),
      );
    const button = h("button", { type: "button", class: "quiet", click: open }, numbered(invoice));
    const total = money(invoice.total_minor, invoice.currency);
    rows.push([button, moment(invoice.period_start), moment(invoice.period_end), total, payment(invoice)]);
  }
  const list = table("Invoices", ["Number", "From", "Until", "#Total", "Payment"], rows);
  return [h("h1", {}, "Invoices"), h("section", { class: "card" }, list), detail];
}

/** An invoice gets its number a moment after it is written. */
function numbered({ number }: { number?: string }): string {
  return number ? `Invoice ${number}` : "Invoice, number follows";
}

/** Whether it is paid, or until when it is to be. */
function payment({ payment_state, due_at }: Billing.Invoice): Node | string {
  return payment_state === "open" && due_at ? h("span", {}, "due ", moment(due_at)) : payment_state;
}

async function lines(client: Client, id: string, signal: AbortSignal): Promise<Node[]> {
  const invoice = await client.billing.getInvoice({ path: { id } }, { signal });
  const proof = h("div", { "aria-live": "polite" });
  const rows = invoice.lines.map((line) => {
    const explained = (): Promise<void> =>
      explain(client, id, line, signal).then(
        (shown) => proof.replaceChildren(...shown),
        (error: unknown) => show(error, explained),
      );
    const name = `Explain ${line.name}`;
    const button = h("button", { type: "button", class: "quiet", "aria-label": name, click: explained }, "Explain");
    const quantity = `${decimal(line.quantity)} ${line.unit}`;
    return [line.description, quantity, prices(line), money(line.amount_minor, line.currency), button];
  });
  const sum = (title: string, minor: number) => [title, "", "", money(minor, invoice.currency), ""];
  const adjusted = (pays: boolean) =>
    invoice.adjustments
      .filter(({ kind }) => pays === (kind === "credit" || kind === "carry_forward"))
      .map(({ title, amount_minor }) => sum(title, amount_minor));
  const taxes = invoice.taxes.map(({ percent, country, reason, tax_minor }) =>
    sum(reason ?? `VAT ${decimal(percent)} % (${country})`, tax_minor),
  );
  // Credits pay what is left with the tax.
  const all = [...rows, ...adjusted(false), ...taxes, ...adjusted(true), sum("Total", invoice.total_minor)];
  const list = table(numbered(invoice), ["Line", "#Quantity", "#Price", "#Amount", ""], all);
  return [h("h2", {}, numbered(invoice)), h("section", { class: "card" }, list), proof];
}

/** What a unit costs; one of several tiers, of each. */
function prices(line: Billing.Line): string {
  return line.components.map((component) => decimal(component.unit_price)).join(", ");
}

/** The first page of raw rows; the next ones when somebody asks. */
async function explain(client: Client, id: string, line: Billing.Line, signal: AbortSignal): Promise<Node[]> {
  const path = { id, line_id: line.id };
  const page = (query: { cursor?: string } = {}) => client.billing.explainInvoiceLine({ path, query }, { signal });
  const first = await page();
  const verdict = first.equal ? "The raw rows add up to the line." : "The raw rows do not add up to the line.";
  const rows = h("section", { class: "card" }, h("p", { class: "state" }, verdict), raw(first.raw));
  let next = first.next_cursor;
  const more = async (): Promise<void> => {
    if (!next || button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      const { raw: inputs, next_cursor } = await page({ cursor: next });
      rows.insertBefore(raw(inputs), button);
      next = next_cursor;
      if (!next) button.remove();
    } catch (error) {
      // A page that failed is asked for again.
      show(error, more);
    } finally {
      button.setAttribute("aria-disabled", "false");
    }
  };
  const button = h("button", { type: "button", class: "quiet", click: more }, "More rows");
  if (next) rows.append(button);
  return [h("h2", {}, `Why ${money(line.amount_minor, line.currency)} for ${line.name}`), rows];
}

function raw(inputs: Billing.Input[]): HTMLElement {
  const rows = inputs.map((input) =>
    input.kind === "interval"
      ? [input.host, moment(input.from), moment(input.until), `${decimal(input.seconds)} s`]
      : [input.key, moment(input.occurred_at), "", decimal(input.quantity)],
  );
  return table("Raw rows", ["What", "From", "Until", "#Quantity"], rows);
}
