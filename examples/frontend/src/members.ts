/** The section of members: who is in the tenant, who is invited, and a form that invites. */
import type { Client } from "@sevenleague/client";
import { h, moment, say, table } from "./dom.js";
import { field, onSubmit } from "./form.js";

export async function members(client: Client, signal: AbortSignal): Promise<Node[]> {
  const people = [];
  for await (const { display_name, email, joined_at } of client.auth.listMembers.all({}, { signal })) {
    people.push([display_name, email, moment(joined_at)]);
  }
  const invited = h("div", {}, await invitations(client, signal));
  const form = h(
    "form",
    { class: "card row", novalidate: true, "aria-label": "Invite somebody" },
    field({ id: "invited", name: "email", label: "E-mail address", type: "email" }),
    h("button", { type: "submit" }, "Invite"),
  );
  onSubmit(form, async ({ email = "" }) => {
    await client.auth.inviteMember({ body: { email, return_to: `${location.origin}/` } }, { signal });
    form.reset();
    say(`${email} is invited.`);
    invited.replaceChildren(await invitations(client, signal));
  });
  return [
    h("h1", {}, "Members"),
    h("section", { class: "card" }, table("Members", ["Name", "Address", "Since"], people)),
    h("h2", {}, "Invite somebody"),
    form,
    h("h2", {}, "Invited"),
    h("section", { class: "card" }, invited),
  ];
}

async function invitations(client: Client, signal: AbortSignal): Promise<Node> {
  const rows = [];
  for await (const { email, inviter, expires_at } of client.auth.listInvitations.all({}, { signal })) {
    rows.push([email, inviter, moment(expires_at)]);
  }
  return table("Invited", ["Address", "By", "Until"], rows);
}
