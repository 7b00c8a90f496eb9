// Static server of the example page: its files, where the services are, and a policy that lets it reach nothing else.
//
//     ORIGIN=http://127.0.0.1:3000 SERVICES='{"auth": "http://127.0.0.1:8001", …}' node server.js
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const { ORIGIN = "", SERVICES = "{}" } = process.env;
const origin = new URL(ORIGIN);
const services = JSON.parse(SERVICES);

const FILES = {
  "/": ["public/index.html", "text/html; charset=utf-8"],
  "/style.css": ["public/style.css", "text/css; charset=utf-8"],
  "/icon.svg": ["public/icon.svg", "image/svg+xml"],
  "/main.js": ["dist/main.js", "text/javascript; charset=utf-8"],
  "/main.js.map": ["dist/main.js.map", "application/json"],
};
const HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${Object.values(services).join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "Cache-Control": "no-cache",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

async function answer(path) {
  if (path === "/services.json") return [200, "application/json", JSON.stringify(services)];
  const [file, type] = FILES[path] ?? [];
  if (!file) return [404, "text/plain", "There is no such page.\n"];
  return [200, type, await readFile(new URL(file, import.meta.url))];
}

const server = createServer(async (request, response) => {
  try {
    // By another name of this machine it would be another site, and auth's cookie would stay away.
    if (request.headers.host !== origin.host) {
      response.writeHead(307, { Location: origin.href }).end();
      return;
    }
    const [status, type, body] = await answer(new URL(request.url, origin).pathname);
    response.writeHead(status, { ...HEADERS, "Content-Type": type }).end(body);
  } catch (error) {
    console.error("A file could not be served:", error);
    response.writeHead(500, HEADERS).end();
  }
});
server.listen(Number(origin.port), origin.hostname, () => console.log(`The page is at ${origin.href}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)) && server.closeAllConnections());
