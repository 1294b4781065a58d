/** Errors as sentences of the page. */
import { StateMismatchError } from "../../emulator/machine.ts";
import { expect, test } from "vitest";
import {
  FormatError,
  NO_SUCH_FILE,
  RefusedError,
  UnsupportedFormatError,
  storageErrorClasses,
  storageErrorFrom,
  type StorageRefusal,
} from "../../hypervisor-model/storage/errors.ts";
import { BadDefinitionError } from "../../hypervisor-model/virtual-machines/library.ts";
import { RefusedActionError } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import type { ValueRefusal } from "../../hypervisor-model/virtual-machines/reasons.ts";
import { errorOfParameters, failureParameters } from "../../hypervisor-model/virtual-machines/task-log.ts";
import { catalogues } from "../i18n/messages.ts";
import { sentenceFor } from "./failure.ts";

const ENGLISH = "words of the model that only a developer reads";
const inChinese = (error: unknown) => sentenceFor(error, "web-1", 64)(catalogues["zh-CN"]);
/** English prose: four words of small letters in a row. */
const PROSE = /\b[a-z]+ [a-z]+ [a-z]+ [a-z]+\b/;

const REFUSALS: StorageRefusal[] = [
  { key: "disk-in-machine", machine: "db-1" },
  { key: "disk-count", maximum: 2 },
  { key: "disk-size", disk: "system", sizeMiB: 64, maximumMiB: 65536 },
  { key: "disk-not-stored" },
  { key: "snapshot-without-memory", snapshot: "clean" },
  { key: "snapshot-unreadable", snapshot: "clean" },
  { key: "linked-clones", clones: "web-2, web-3" },
  { key: "template-snapshots-only", machine: "db-1" },
  { key: "template-needs-snapshot" },
  { key: "template-unchanged" },
  { key: "already-here" },
];

test.each(REFUSALS)(
  "The refusal $key is a Chinese sentence with its names, after crossing a thread",
  (refusal) => {
    const { name, message, found, expected } = new RefusedError(ENGLISH, "x", "y");
    const sentence = inChinese(storageErrorFrom({ name, message, found, expected, refusal }));
    expect(sentence).toMatch(/\p{Script=Han}/u);
    expect(sentence).not.toMatch(PROSE);
    const { key: _, ...names } = refusal;
    for (const value of Object.values(names)) expect(sentence).toContain(String(value));
  },
);

test("Every storage error but the base class has a sentence without the model's words", () => {
  for (const Class of storageErrorClasses.slice(1)) {
    const refusal: StorageRefusal = { key: "template-unchanged" };
    const error = Class === RefusedError ? new RefusedError(ENGLISH, "", "", refusal) : new Class(ENGLISH);
    expect(inChinese(error), error.name).not.toContain(ENGLISH);
    expect(sentenceFor(error, "web-1", 64)(catalogues.en), error.name).not.toContain(ENGLISH);
  }
});

test.each([
  "KernelImageError (no-kernel)",
  "KernelImageError (damaged)",
  "KernelImageError (too-large)",
  "KernelImageError (command-line-too-long)",
  "NoSuchMachineError",
  "MachineEndedError",
  "MachineConfigError",
  "MachineSpecError",
  "MediumError",
  "EngineMismatchError",
  "EngineUnavailableError",
  "AgentTimeoutError",
  "AgentLostError",
  "StateMismatchError",
  "CompileError",
  "RangeError",
])("%s, of which a thread gives the name alone, has a sentence without the model's words", (name) => {
  const error = Object.assign(new Error(ENGLISH), { name });
  expect(inChinese(error)).not.toContain(ENGLISH);
});

test("An image with a feature that is not supported names the feature", () => {
  const sentence = inChinese(new UnsupportedFormatError(ENGLISH, "LUKS encryption"));
  expect(sentence).toContain("LUKS encryption");
});

test("An image that stands on another file names that file", () => {
  expect(inChinese(new FormatError(ENGLISH, NO_SUCH_FILE, "disk-s001.vmdk"))).toContain("disk-s001.vmdk");
});

test("A refused definition is told in Chinese with the field and the values", () => {
  const reason: ValueRefusal = { key: "too-small", minimum: 32, found: "16" };
  const sentence = inChinese(new BadDefinitionError([{ path: "memoryMiB", reason }]));
  expect(sentence).toContain("memoryMiB: 至少为 32，却是 16");
});

test("A saved state that does not fit is told with the part that differs, through a thread too", () => {
  const error = new StateMismatchError("memory", "64 MiB", "128 MiB");
  const through = Object.assign(new Error(error.message), { name: error.name });
  for (const each of [error, through]) expect(inChinese(each)).toMatch(/memory 为 64 MiB.*为 128 MiB/);
});

test("What was found and what was expected stands beside the sentence", () => {
  const sentence = inChinese(new FormatError(ENGLISH, "2^40", "2^9 to 2^21 bytes"));
  expect(sentence).toContain("2^40");
  expect(sentence).toContain("2^9 to 2^21 bytes");
});

test("A failure that comes back from the task log says the same as when it happened", () => {
  const errors = [
    new FormatError(ENGLISH, "10 bytes", "20 bytes", "cut-short"),
    new RefusedError(ENGLISH, "", "", { key: "disk-in-machine", machine: "db-1" }),
    new RefusedActionError("web-1", "power-on", { key: "has-clones", clones: "web-2" }),
    new Error("anything"),
  ];
  for (const error of errors) {
    const again = errorOfParameters(failureParameters(error));
    for (const m of [catalogues["zh-CN"], catalogues.en])
      expect(sentenceFor(again, "web-1", 64)(m)).toBe(sentenceFor(error, "web-1", 64)(m));
  }
});
