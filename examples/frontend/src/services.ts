/** The section of services: what the catalog offers, and the tenant's instances with their state. */
import type { Client, Configurator } from "@sevenleague/client";
import { h, moment, table } from "./dom.js";

export async function services(client: Client, signal: AbortSignal): Promise<Node[]> {
  const offered = [];
  for await (const item of client.configurator.listServices.all({}, { signal })) {
    const modules = item.modules.map(({ title }) => title).join(", ");
    offered.push([item.title, item.version, modules || "–", `${item.price_per_hour} ${item.currency} an hour`]);
  }
  const own = [];
  for await (const instance of client.configurator.listInstances.all({}, { signal })) {
    const host = h("a", { href: instance.url }, instance.host);
    own.push([host, instance.service, state(instance), moment(instance.state_since), next(instance)]);
  }
  return [
    h("h1", {}, "Services"),
    h("h2", {}, "Instances"),
    h("section", { class: "card" }, table("Instances", ["Host", "Service", "State", "Since", ""], own)),
    h("h2", {}, "Catalog"),
    h("section", { class: "card" }, table("Catalog", ["Service", "Version", "Modules", "#Price"], offered)),
  ];
}

function state({ state }: Configurator.InstanceView): Node {
  return h("span", { class: `state ${state}` }, state.replaceAll("_", " "));
}

/** What the tenant has to do, if anything. */
function next({ state, reason, setup_code, host_proof }: Configurator.InstanceView): string {
  if (state === "suspended") return "Not served until the open invoices are paid";
  if (reason) return reason;
  if (setup_code) return `Setup code ${setup_code}`;
  return host_proof ? "Waits for a DNS record" : "";
}
