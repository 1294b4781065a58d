/** English texts of what leads out of the laboratory. */
export const outside = {
  title: (network: string) => `Join ${network} to others`,
  lanName: "Name of the LAN",
  joinTabs: "Join other tabs",
  tabs: (lan: string) => `other tabs, LAN “${lan}”`,
  relay: "Address of the relay (ws:// or wss://)",
  joinRelay: "Join by a relay",
  warning:
    "Over a relay, frames leave this computer: whoever is on the same relay can read and answer them. Guests have no passwords. Use only a relay that you trust.",
  agree: "I have read this and want to use a relay.",
  agreeFirst: "Read the warning and agree first.",
  state: {
    connecting: "connecting",
    open: "connected",
    waiting: "not reached, trying again",
    closed: "closed",
  },
  frames: (sent: string, received: string) => `${sent} frames out, ${received} in`,
  leave: "Leave",
  notJoined: (detail: string) => `It could not be joined: ${detail}`,
  scenario: "Scenario file",
  scenarioHint:
    "Networks, machines and, as steps, the faults of now in one file, the same that the command line plays (ringside run).",
  export: "Export the laboratory",
  import: "Import a scenario…",
  leftOut: (machines: string) => `Left out, as they start from their own disks: ${machines}.`,
  imported: (machines: string) => `Networks taken over, machines added: ${machines}.`,
  stepsLeft: (steps: string) => `The file's ${steps} steps are played by the command line, not here.`,
  refused: (file: string, detail: string) =>
    `“${file}” was refused: ${detail.replace(/\.$/, "")}. Nothing was changed.`,
  overtaken: "Another tab has just changed the networks: import it again.",
  needsMedia: (machine: string) =>
    `${machine} starts from a file of its own: make it with the wizard. Nothing was changed.`,
  nameTaken: (machine: string) => `There is a machine called ${machine} already. Nothing was changed.`,
};
