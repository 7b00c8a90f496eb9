// Size of the client in a page: bundled, minified, compressed; fails above the limit.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Bytes, compressed by gzip: what a page may well pay for the client. */
const LIMIT = 12_000;

const entry = new URL("../dist/index.js", import.meta.url).pathname;
const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: "esm", write: false });
const [{ contents }] = outputFiles;
const size = gzipSync(contents, { level: 9 }).length;
console.log(`client: ${contents.length} bytes minified, ${size} compressed, of ${LIMIT}`);
process.exitCode = size > LIMIT ? 1 : 0;
