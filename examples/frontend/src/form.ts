/** Forms: labelled fields, faults beside them, and nothing typed is lost when something fails. */
import { ProblemError } from "@sevenleague/client";
import { h } from "./dom.js";
import { clear, show } from "./errors.js";

/** A field of a form. */
export interface Field {
  /** Unique on the page. */
  id: string;
  name: string;
  label: string;
  type?: string;
  autocomplete?: AutoFill;
}

/** A labelled input, with a place for its fault. */
export function field({ id, name, label, type = "text", autocomplete = "off" }: Field): HTMLElement {
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    h("input", { id, name, type, autocomplete, required: true, "aria-describedby": `${id}-fault` }),
    h("p", { id: `${id}-fault`, class: "fault" }),
  );
}

/** Calls `send` with what was filled in. What the service finds wrong is shown at its field. */
export function onSubmit(form: HTMLFormElement, send: (values: Record<string, string>) => Promise<unknown>): void {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button?.getAttribute("aria-disabled") === "true") return;
    mark(form, {});
    clear();
    button?.setAttribute("aria-disabled", "true");
    try {
      await send(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])));
    } catch (error) {
      const faults = error instanceof ProblemError ? error.errors : [];
      const shown = mark(form, Object.fromEntries(faults.map(({ field, message }) => [field, message])));
      if (!shown) show(error);
    } finally {
      button?.setAttribute("aria-disabled", "false");
    }
  });
}

/** Writes the faults beside their fields, and leads to the first one; whether there was one. */
function mark(form: HTMLFormElement, faults: Record<string, string>): boolean {
  const inputs = [...form.querySelectorAll("input")];
  for (const input of inputs) {
    const fault = faults[input.name];
    input.setAttribute("aria-invalid", String(fault !== undefined));
    const place = document.getElementById(`${input.id}-fault`);
    if (place) place.textContent = fault ? `This ${fault}.` : "";
  }
  const first = inputs.find((input) => faults[input.name] !== undefined);
  first?.focus();
  return first !== undefined;
}
