/** Elements, and what is said to people who do not see them. */

type Child = Node | string;
type Properties = Record<string, string | boolean | ((event: Event) => unknown)>;

/** An element; a function becomes a listener, `true` an attribute without a value, text stays text. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The element that the page has under this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element;
}

/** Says what happened, without taking the focus. */
export function say(text: string): void {
  byId("status").textContent = text;
}

/** A table; columns that begin with `#` are of numbers. */
export function table(caption: string, columns: string[], rows: Child[][]): HTMLElement {
  const kind = (column: string) => (column.startsWith("#") ? { class: "number" } : {});
  const label = (column: string) => column.replace("#", "");
  const head = columns.map((column) => h("th", { scope: "col", ...kind(column) }, label(column)));
  const cell = (content: Child, column = "") => h("td", { "data-label": label(column), ...kind(column) }, content);
  const body = rows.map((cells) => h("tr", {}, ...cells.map((content, n) => cell(content, columns[n]))));
  const empty = h("tr", {}, h("td", { colspan: String(columns.length), class: "soft" }, "None yet."));
  const all = h("table", { "aria-label": caption }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body));
  if (rows.length === 0) all.tBodies[0]?.append(empty);
  return h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": caption }, all);
}

const numbers = new Intl.NumberFormat();
const point = numbers.formatToParts(0.5).find(({ type }) => type === "decimal")?.value ?? ".";

/** A decimal with all of its digits, as people here write it. */
export function decimal(value: string): string {
  const [whole = "", fraction = ""] = value.split(".");
  const digits = fraction.replace(/0+$/, "");
  return numbers.format(whole as Intl.StringNumericLiteral) + (digits && point + digits);
}

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A moment, as people here write it. */
export function moment(iso: string): HTMLElement {
  return h("time", { datetime: iso }, dates.format(new Date(iso)));
}

/** An amount in the currency's minor unit, as people here write it. */
export function money(minor: number, currency: string): string {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  // As text, it is formatted exactly.
  return format.format(`${minor}e-${digits}` as Intl.StringNumericLiteral);
}
