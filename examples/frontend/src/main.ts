/** The page: who is signed in decides what is shown, the address decides which section. */
import { NetworkError, type Session, createClient } from "@sevenleague/client";
import { byId, say } from "./dom.js";
import { clear, show } from "./errors.js";
import { field, onSubmit } from "./form.js";
import { invoices } from "./invoices.js";
import { members } from "./members.js";
import { permissions } from "./permissions.js";
import { services } from "./services.js";

const SECTIONS = { "#members": members, "#permissions": permissions, "#services": services, "#invoices": invoices };
type Address = keyof typeof SECTIONS;

const OFFLINE = "You are offline.";

const client = createClient({ urls: await (await fetch("/services.json")).json() });
/** Which section is shown, and to whom; this is known while they have to sign in again. */
let shown: Address | undefined;
let shownTo: string | undefined;
/** What was typed, by field, when the session ended: the same person finds it again. */
let typed = new Map<string, string>();
/** Ends what a section that was left still asks for. */
let left = new AbortController();
/** What could not be loaded for want of a network. */
let waiting: (() => unknown) | undefined;

function address(): Address {
  return location.hash in SECTIONS ? (location.hash as Address) : "#members";
}

async function showSection(): Promise<void> {
  left.abort();
  const { signal } = (left = new AbortController());
  const hash = address();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === hash) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  clear();
  say("Loading …");
  waiting = undefined;
  try {
    const content = await SECTIONS[hash](client, signal);
    byId("view").replaceChildren(...content);
    shown = hash;
    for (const input of inputs()) input.value = typed.get(input.id) ?? input.value;
    typed = new Map();
    say(navigator.onLine ? "" : OFFLINE);
  } catch (error) {
    if (signal.aborted || !client.session) return;
    clearView();
    if (error instanceof NetworkError) waiting = showSection;
    show(error, showSection);
  }
}

function inputs(): HTMLInputElement[] {
  return [...byId("view").querySelectorAll("input")];
}

function clearView(): void {
  byId("view").replaceChildren();
  shown = undefined;
  say("");
}

function onSession(session: Session | null): void {
  byId("sign-in").hidden = session !== null;
  byId("app").hidden = byId("account").hidden = session === null;
  if (!session) {
    left.abort();
    if (shownTo && shown) typed = new Map(inputs().map(({ id, value }) => [id, value]));
    // Nothing of theirs stays in the page for whoever comes next.
    clearView();
    byId("who").textContent = "";
    if (shownTo) say("Your session has ended. Sign in again to go on.");
    byId("email").focus();
    return;
  }
  byId("who").textContent = `${session.user.display_name}, ${session.tenant.name}`;
  clear();
  say("");
  const whose = `${session.user.id} ${session.tenant.id}`;
  if (shownTo !== whose) typed = new Map();
  shownTo = whose;
  clearView();
  void showSection();
}

async function signOut(): Promise<void> {
  const whose = shownTo;
  try {
    shownTo = undefined;
    await client.signOut();
    typed = new Map();
  } catch (error) {
    shownTo = whose;
    show(error, signOut);
  }
}

async function begin(): Promise<void> {
  try {
    if (!(await client.restore())) onSession(null);
  } catch (error) {
    if (error instanceof NetworkError) waiting = begin;
    show(error, begin);
  }
}

const signIn = byId("sign-in").querySelector("form") as HTMLFormElement;
signIn.querySelector(".fields")?.append(
  field({ id: "email", name: "email", label: "E-mail address", type: "email", autocomplete: "username" }),
  field({
    id: "password",
    name: "password",
    label: "Password",
    type: "password",
    autocomplete: "current-password",
  }),
);
onSubmit(signIn, async ({ email = "", password = "" }) => {
  await client.signIn({ email, password });
  signIn.reset();
});
byId("sign-out").addEventListener("click", signOut);
client.onSession(onSession);
addEventListener("hashchange", async () => {
  await showSection();
  byId("view").focus();
});
addEventListener("online", () => {
  if (byId("status").textContent === OFFLINE) say("");
  waiting?.();
});
addEventListener("offline", () => say(OFFLINE));
await begin();
