/** The section of permissions: who may do what. */
import type { Client } from "@sevenleague/client";
import { h } from "./dom.js";
import { show } from "./errors.js";

export async function permissions(client: Client, signal: AbortSignal): Promise<Node[]> {
  const described = new Map<string, string>();
  for await (const { name, text } of client.permission.listPermissions.all({}, { signal })) {
    described.set(name, text);
  }
  const select = h("select", { id: "member" });
  for await (const { user_id, display_name, email } of client.auth.listMembers.all({}, { signal })) {
    select.append(h("option", { value: `user:${user_id}` }, `${display_name} (${email})`));
  }
  const list = h("div", { "aria-live": "polite" });
  let earlier = new AbortController();
  const update = async () => {
    // What comes late of somebody who was chosen before must not stand under this one's name.
    earlier.abort();
    earlier = new AbortController();
    const both = AbortSignal.any([signal, earlier.signal]);
    list.replaceChildren(h("p", {}, "Loading …"));
    const path = { principal: select.value };
    const rows = [];
    const held = client.permission.listPrincipalPermissions.all({ path }, { signal: both });
    for await (const { name } of held) {
      rows.push(h("dt", {}, h("code", {}, name)), h("dd", { class: "soft" }, described.get(name) ?? ""));
    }
    list.replaceChildren(h("p", {}, `${rows.length / 2} permissions`), h("dl", {}, ...rows));
  };
  const change = (): Promise<void> => update().catch((error: unknown) => show(error, change));
  select.addEventListener("change", change);
  await update();
  const chosen = h("div", { class: "field" }, h("label", { for: "member" }, "Member"), select);
  return [h("h1", {}, "Who may do what"), h("section", { class: "card" }, chosen, list)];
}
