/** A small server that answers as the services are documented to: sessions with refresh tokens that rotate. */
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Client, type ClientOptions, createClient } from "@sevenleague/client";

export interface Seen {
  method: string;
  url: URL;
  headers: IncomingMessage["headers"];
  body: unknown;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** The connection ends in the middle of the body. */
  cut?: boolean;
}

type Handler = (request: Seen) => Reply | Promise<Reply>;

export const CREDENTIALS = { email: "ada@acme.test", password: "seven leagues at a stride" };
export const EVE = { ...CREDENTIALS, email: "eve@acme.test" };

interface Kept {
  id: string;
  email: string;
  tenant: keyof typeof TENANTS;
}

/** Those that everybody belongs to. */
const TENANTS = { t: "Acme", u: "Globex" };

export class Service {
  readonly seen: Seen[] = [];
  /** Seconds that an access token lives for. */
  expiresIn = 600;
  /** Access tokens that count. */
  readonly valid = new Set<string>();
  #tokens = 0;
  /** Sessions by the refresh token that counts. */
  readonly #sessions = new Map<string, Kept>();
  /** What the one browser keeps, which shows it where a request has no other. */
  #cookie = "";
  #used = "";
  readonly #handlers = new Map<string, Handler>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  static async start(): Promise<Service> {
    const service = new Service();
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    service.on("POST /v1/sessions", ({ body }) => service.logIn(body));
    service.on("POST /v1/sessions/refresh", ({ body }) => service.refreshed(body));
    service.on("DELETE /v1/sessions/current", ({ headers }) => {
      if (!service.#admits(headers.authorization)) return problem(401, "session_ended");
      service.revoke();
      return { status: 204 };
    });
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  client(options: Partial<ClientOptions> = {}): Client {
    const urls = { auth: this.url, permission: this.url, billing: this.url, configurator: this.url };
    return createClient({ urls, keep: "memory", ...options });
  }

  /** A client that somebody is signed in at. */
  async signedIn(options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = this.client(options);
    await client.signIn(CREDENTIALS);
    return client;
  }

  /** Answers requests to `METHOD /path` so; a list is answered one by one, the last one from then on. */
  on(route: string, handler: Handler | Reply[]): void {
    let turn = 0;
    const replies = (replies: Reply[]) => () => replies[Math.min(turn++, replies.length - 1)] ?? { status: 500 };
    this.#handlers.set(route, Array.isArray(handler) ? replies(handler) : handler);
  }

  /** Answers so to whoever shows a token that counts. */
  guarded(route: string, reply: Reply): void {
    this.on(route, ({ headers }) => (this.#admits(headers.authorization) ? reply : problem(401, "token_expired")));
  }

  /** Requests to that path. */
  to(path: string): Seen[] {
    return this.seen.filter(({ url }) => url.pathname === path);
  }

  /** Ends all sessions. */
  revoke(): void {
    this.valid.clear();
    this.#sessions.clear();
  }

  logIn(body: unknown): Reply {
    const { email } = body as { email: string };
    return { status: 201, body: this.#issue({ id: `session-${this.#tokens}`, email, tenant: "t" }) };
  }

  refreshed(body: unknown): Reply {
    const { refresh_token: shown = this.#cookie, tenant_id: tenant } = (body ?? {}) as Record<string, string>;
    const session = this.#sessions.get(shown);
    if (!session) return problem(401, "session_ended");
    if (tenant !== undefined && !(tenant in TENANTS)) return problem(403, "not_a_member");
    if (tenant) {
      session.tenant = tenant as Kept["tenant"];
      this.valid.clear();
    }
    this.#sessions.delete(shown);
    this.#used = shown;
    return { status: 200, body: this.#issue(session) };
  }

  /** The refresh token that was used last counts once more, for the same session. */
  forgive(): void {
    const session = this.#sessions.get(this.#cookie);
    if (session) this.#sessions.set(this.#used, session);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #issue(session: Kept): object {
    this.#tokens += 1;
    const access_token = `access-${this.#tokens}`;
    this.valid.add(access_token);
    this.#cookie = `refresh-${this.#tokens}`;
    this.#sessions.set(this.#cookie, session);
    return {
      access_token,
      token_type: "Bearer",
      expires_in: this.expiresIn,
      refresh_token: this.#cookie,
      session_id: session.id,
      user: { id: session.email, email: session.email, display_name: "Ada" },
      tenant: { id: session.tenant, name: TENANTS[session.tenant] },
      permissions: ["billing.readInvoices"],
    };
  }

  #admits(authorization = ""): boolean {
    return this.valid.has(authorization.replace("Bearer ", ""));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", this.url);
    const { method = "", headers } = request;
    const text = (await collect<Buffer>(request)).join("");
    const seen = { method, url, headers, body: text ? JSON.parse(text) : undefined };
    this.seen.push(seen);
    const handler = this.#handlers.get(`${method} ${url.pathname}`) ?? (() => problem(404, "not_found"));
    const { status, body, headers: own, cut } = await handler(seen);
    const answer = body === undefined ? "" : JSON.stringify(body);
    const type = status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(status, { "content-type": type, "x-request-id": headers["x-request-id"] ?? "", ...own });
    if (!cut) return void response.end(answer);
    response.write(answer.slice(0, 1));
    setTimeout(() => request.socket.destroy(), 10);
  }
}

/** Resolves as soon as `holds` does. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 10_000) throw new Error(`waited in vain for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A promise, and what resolves it. */
export function gate<T = void>(): { opened: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}

/** All that comes. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Reply {
  const title = `Status ${status}`;
  const body = { type: `/problems/${code}`, title, status, detail: `It is ${code}.`, code, request_id: "r" };
  return { status, headers, body };
}
