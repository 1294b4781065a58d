/**
 * A WebSocket ethernet relay as v86's are: a binary message of one client is handed to all others. Prints its port.
 * Started by tests with the port to take (0 for any); the message `text` to it makes it send a text to all.
 */
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2] ?? 0) });
server.on("listening", () => process.stdout.write(`${server.address().port}\n`));
server.on("connection", (client) => {
  client.on("message", (data, isBinary) => {
    for (const other of server.clients) if (other !== client) other.send(data, { binary: isBinary });
  });
});
