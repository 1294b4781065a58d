/** Calls back after waiting input has had its turn. A message to oneself is quicker than a timer and is not throttled. */
export function immediate(callback: (value: number) => void): (value: number) => void {
  if (typeof setImmediate === "function") return (value) => void setImmediate(callback, value);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent<number>) => callback(event.data);
  return (value) => port2.postMessage(value);
}
