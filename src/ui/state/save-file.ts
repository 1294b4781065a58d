/** Hands a file to the browser's downloads. */
export function saveFile(name: string, bytes: Uint8Array | string, type = "application/octet-stream"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes as BlobPart], { type }));
  link.download = name;
  link.click();
  // The download has been taken over by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
