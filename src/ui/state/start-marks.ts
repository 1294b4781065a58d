/** Marks on the browser's timeline (User Timing), with the machine's id: what `ringside bench start` measures between. */
export const MACHINE_STARTS = "machine-starts";
export const GUEST_ANSWERS = "guest-answers";
