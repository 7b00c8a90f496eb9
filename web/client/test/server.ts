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

export class Service {
  readonly seen: Seen[] = [];
  /** Seconds that an access token lives for. */
  expiresIn = 600;
  /** Access tokens that count. */
  readonly valid = new Set<string>();
  #tokens = 0;
  /** The refresh token that counts; `undefined` once the session has ended. */
  #refresh: string | undefined;
  readonly #handlers = new Map<string, Handler>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  static async start(): Promise<Service> {
    const service = new Service();
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    service.on("POST /v1/sessions", () => service.#logIn(201));
    service.on("POST /v1/sessions/refresh", ({ body }) => service.refreshed(body));
    service.on("DELETE /v1/sessions/current", () => {
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

  /** Ends the session. */
  revoke(): void {
    this.valid.clear();
    this.#refresh = undefined;
  }

  refreshed(body: unknown): Reply {
    const shown = (body as { refresh_token?: string } | undefined)?.refresh_token;
    if (!this.#refresh || shown !== this.#refresh) return problem(401, "session_ended");
    return this.#logIn(200);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #logIn(status: number): Reply {
    this.#tokens += 1;
    const access_token = `access-${this.#tokens}`;
    this.valid.add(access_token);
    this.#refresh = `refresh-${this.#tokens}`;
    const user = { id: "u", email: CREDENTIALS.email, display_name: "Ada" };
    const body = {
      access_token,
      token_type: "Bearer",
      expires_in: this.expiresIn,
      refresh_token: this.#refresh,
      session_id: "s",
      user,
      tenant: { id: "t", name: "Acme" },
      permissions: ["billing.readInvoices"],
    };
    return { status, body };
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
