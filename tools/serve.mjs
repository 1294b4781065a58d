/** A static file server for dist/page on localhost: no dependency, no directory listing, nothing outside its folder. */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./install.mjs";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** The file for a request path, or undefined when there is none inside `folder`. */
function fileFor(folder, urlPath) {
  let path;
  try {
    path = normalize(decodeURIComponent(urlPath.split(/[?#]/)[0]));
  } catch {
    return undefined;
  }
  if (path.includes("\0")) return undefined;
  const file = join(folder, path.endsWith(sep) || path.endsWith("/") ? join(path, "index.html") : path);
  if (!file.startsWith(folder + sep)) return undefined;
  const status = statSync(file, { throwIfNoEntry: false });
  return status?.isFile() ? { file, size: status.size, modified: status.mtime } : undefined;
}

/** Resolves to `{ server, address }` once it listens; `port` 0 takes any free one. */
export function serve({ folder = join(root, "dist/page"), port = 0, host = "127.0.0.1" } = {}) {
  const server = createServer((request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    const found = fileFor(folder, request.url ?? "/");
    if (!found) {
      response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("not found\n");
      return;
    }
    const tag = `"${found.size.toString(16)}-${Math.floor(found.modified.getTime()).toString(16)}"`;
    const headers = {
      "content-type": TYPES[extname(found.file)] ?? "application/octet-stream",
      "content-length": found.size,
      "cache-control": "no-cache",
      etag: tag,
      "x-content-type-options": "nosniff",
    };
    if (request.headers["if-none-match"] === tag) {
      response.writeHead(304, { etag: tag }).end();
      return;
    }
    response.writeHead(200, headers);
    if (request.method === "HEAD") response.end();
    else createReadStream(found.file).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const { port: taken } = server.address();
      resolve({ server, address: `http://localhost:${taken}/` });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await serve({ port: Number(process.argv[2] ?? 0) });
  console.log(address);
}
