/** A small HTTP/1.1 server for static pages (RFC 9112): GET and HEAD, one request a connection. */
import type { TcpConnection, TcpEvents } from "./tcp-connection.ts";

export type Pages = Record<string, { contentType: string; body: string }>;

const MAX_REQUEST = 8192;
const encoder = new TextEncoder();

export function httpService(pages: Pages): () => TcpEvents {
  return () => {
    let request = "";
    let answered = false;
    return {
      data(connection, bytes) {
        if (answered) return;
        for (const byte of bytes) request += String.fromCharCode(byte);
        if (request.length > MAX_REQUEST)
          answered = respond(connection, 431, "text/plain", "too large\n", false);
        else if (/\r?\n\r?\n/.test(request)) answered = answer(connection, request, pages);
      },
      ended: (connection) => connection.close(),
    };
  };
}

function answer(connection: TcpConnection, request: string, pages: Pages): true {
  const [method, target = "", version = ""] = request.slice(0, request.search(/\r?\n/)).split(" ");
  const head = method === "HEAD";
  if (!version.startsWith("HTTP/1.")) return respond(connection, 400, "text/plain", "bad request\n", false);
  if (method !== "GET" && !head) return respond(connection, 405, "text/plain", "method not allowed\n", head);
  const path = target.replace(/^http:\/\/[^/]*/, "").replace(/[?#].*$/, "") || "/";
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return respond(connection, 404, "text/plain", `no page ${path}\n`, head);
  return respond(connection, 200, page.contentType, page.body, head);
}

const REASONS: Record<number, string> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
};

function respond(
  connection: TcpConnection,
  status: number,
  contentType: string,
  body: string,
  head: boolean,
): true {
  const bytes = encoder.encode(body);
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    "Server: ringside",
    `Content-Type: ${contentType}`,
    `Content-Length: ${bytes.length}`,
    "Connection: close",
  ];
  connection.write(encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
  if (!head) connection.write(bytes);
  connection.close();
  return true;
}
