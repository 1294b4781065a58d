/**
 * What can go wrong in storage. Each error has a `name` that a message catalogue can be keyed by, and says what was
 * found and what was expected. They cross threads by name (see store-port.ts), so every class is listed in
 * `storageErrorClasses`.
 */

/** What a class of errors does not tell apart and a user wants to know. */
export type StorageProblem =
  "cut-short" | "encrypted" | "extent-alone" | "not-a-bundle" | "parent-changed" | "parent-moved";

export class StorageError extends Error {
  override name = "StorageError";
  readonly found: string;
  readonly expected: string;
  readonly problem: StorageProblem | undefined;
  constructor(message: string, found = "", expected = "", problem?: StorageProblem) {
    super(message);
    this.found = found;
    this.expected = expected;
    this.problem = problem;
  }
}

/** The browser's quota or the disk is full. What was stored before is unchanged. */
export class StorageFullError extends StorageError {
  override name = "StorageFullError";
}

/** There is no store to open: IndexedDB missing or denied, folder not writable. */
export class StorageUnavailableError extends StorageError {
  override name = "StorageUnavailableError";
}

/** Somebody else holds the store or the machine. */
export class InUseError extends StorageError {
  override name = "InUseError";
}

/** A document that the change relies on is gone. Nothing was changed. */
export class ConflictError extends StorageError {
  override name = "ConflictError";
  static missing(collection: string, key: string): ConflictError {
    return new ConflictError(
      `${collection} "${key}" is gone, so nothing was changed`,
      "nothing",
      `${collection}/${key}`,
    );
  }
}

/** Stored data does not have the form, the version or the digest it should have. */
export class DamagedError extends StorageError {
  override name = "DamagedError";
}

/** The store was written by a newer version of this program. */
export class NewerVersionError extends StorageError {
  override name = "NewerVersionError";
}

/** There is no such disk, snapshot, state… */
export class NotFoundError extends StorageError {
  override name = "NotFoundError";
}

/** Which rule refuses it, with what the sentence needs; the page has a text for each in each language. */
export type StorageRefusal =
  | { key: "disk-in-machine"; machine: string }
  | { key: "disk-count"; maximum: number }
  | { key: "disk-size"; disk: string; sizeMiB: number; maximumMiB: number }
  | { key: "disk-not-stored" }
  | { key: "snapshot-without-memory"; snapshot: string }
  | { key: "snapshot-unreadable"; snapshot: string }
  | { key: "linked-clones"; clones: string }
  | { key: "template-snapshots-only"; machine: string }
  | { key: "template-needs-snapshot" }
  | { key: "template-unchanged" }
  | { key: "already-here" };

/** A rule of snapshots, clones or templates forbids it. `found` names what stands in the way. */
export class RefusedError extends StorageError {
  override name = "RefusedError";
  readonly refusal?: StorageRefusal;
  constructor(message: string, found?: string, expected?: string, refusal?: StorageRefusal) {
    super(message, found, expected);
    this.refusal = refusal;
  }
}

/** The user ended it early. What was stored before is unchanged. */
export class CancelledError extends StorageError {
  override name = "CancelledError";
}

/** A child layer was made for a parent whose content identification (CID) was another one. */
export class ParentModifiedError extends StorageError {
  override name = "ParentModifiedError";
}

/** What a `FormatError` has found where another file belongs to the one that was given. */
export const NO_SUCH_FILE = "no such file";

/** A file from outside cannot be read as what it claims to be. */
export class FormatError extends StorageError {
  override name = "FormatError";
}

/** A file from outside is well formed but uses something that is not supported, such as encryption. */
export class UnsupportedFormatError extends StorageError {
  override name = "UnsupportedFormatError";
}

export const storageErrorClasses = [
  StorageError,
  StorageFullError,
  StorageUnavailableError,
  InUseError,
  ConflictError,
  DamagedError,
  NewerVersionError,
  NotFoundError,
  RefusedError,
  CancelledError,
  ParentModifiedError,
  FormatError,
  UnsupportedFormatError,
] as const;

/** The same error again after it crossed a thread, where only plain data arrives. */
export function storageErrorFrom(plain: {
  name: string;
  message: string;
  found?: string;
  expected?: string;
  refusal?: StorageRefusal;
  problem?: StorageProblem;
}): Error {
  if (plain.name === "RefusedError")
    return new RefusedError(plain.message, plain.found, plain.expected, plain.refusal);
  for (const Class of storageErrorClasses) {
    if (Class.name !== plain.name) continue;
    const error = new Class(plain.message, plain.found, plain.expected);
    return plain.problem === undefined ? error : Object.assign(error, { problem: plain.problem });
  }
  const error = new Error(plain.message);
  error.name = plain.name;
  return error;
}
