export function serve(options?: { folder?: string; port?: number; host?: string }): Promise<{
  server: import("node:http").Server;
  address: string;
}>;
