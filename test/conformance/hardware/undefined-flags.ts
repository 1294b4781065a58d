/**
 * Flags that Intel's manual leaves undefined, by instruction: those are not compared. The table the core keeps to instead
 * stands in src/emulator/core/cpu/flags.ts.
 *
 * | instructions                  | not compared                                    |
 * |-------------------------------|-------------------------------------------------|
 * | AND OR XOR TEST               | AF                                              |
 * | shifts, count > 0             | AF; count > 1: OF; SHL SHR count > width: CF    |
 * | rotates, count > 1            | OF                                              |
 * | SHLD SHRD, count > 0          | AF; count > 1: OF; count > width: all, result   |
 * | MUL IMUL                      | SF ZF AF PF                                     |
 * | DIV IDIV                      | all                                             |
 * | AAA AAS                       | OF SF ZF PF                                     |
 * | AAM AAD                       | OF AF CF                                        |
 * | DAA DAS                       | OF                                              |
 * | BSF BSR                       | all but ZF                                      |
 * | BT BTS BTR BTC                | OF SF AF PF                                     |
 * | an instruction that faulted   | none                                            |
 */
import {
  FLAG_AF,
  FLAG_CF,
  FLAG_OF,
  FLAG_PF,
  FLAG_SF,
  FLAG_ZF,
} from "../../../src/emulator/core/cpu/registers.ts";

const ALL = FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF;
const RESULT = FLAG_SF | FLAG_ZF | FLAG_PF;

const BY_MNEMONIC: Readonly<Record<string, number>> = {
  and: FLAG_AF,
  or: FLAG_AF,
  xor: FLAG_AF,
  test: FLAG_AF,
  mul: RESULT | FLAG_AF,
  imul: RESULT | FLAG_AF,
  div: ALL,
  idiv: ALL,
  aaa: FLAG_OF | RESULT,
  aas: FLAG_OF | RESULT,
  aam: FLAG_OF | FLAG_AF | FLAG_CF,
  aad: FLAG_OF | FLAG_AF | FLAG_CF,
  daa: FLAG_OF,
  das: FLAG_OF,
  bsf: ALL & ~FLAG_ZF,
  bsr: ALL & ~FLAG_ZF,
  bt: FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF,
  bts: FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF,
  btr: FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF,
  btc: FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF,
};

const SHIFTS = new Set(["shl", "shr", "sal", "sar"]);
const ROTATES = new Set(["rol", "ror", "rcl", "rcr"]);

/** `count` is that of a shift, already taken modulo 32; `width` its operand's. */
export function undefinedFlags(mnemonic: string, count: number, width: number): number {
  if (ROTATES.has(mnemonic)) return count > 1 ? FLAG_OF : 0;
  if (SHIFTS.has(mnemonic)) {
    if (count === 0) return 0;
    return FLAG_AF | (count > 1 ? FLAG_OF : 0) | (mnemonic !== "sar" && count > width ? FLAG_CF : 0);
  }
  if (mnemonic === "shld" || mnemonic === "shrd") {
    if (count === 0) return 0;
    return count > width ? ALL : FLAG_AF | (count > 1 ? FLAG_OF : 0);
  }
  return BY_MNEMONIC[mnemonic] ?? 0;
}
