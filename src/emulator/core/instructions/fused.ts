/**
 * A comparison and the conditional branch behind it in one call: about every sixth instruction is such a branch, and calling
 * an instruction's function costs more than most of them do. They stay two instructions to everything that counts or stops:
 * where the branch may not follow at once, the comparison comes back to the loop as it does alone (hot.ts).
 */
import type { Cpu } from "../cpu/cpu.ts";
import { overflowFlag, parityFlag, signFlag } from "../cpu/flags.ts";
import { EAX, FLAG_CARRY, FLAG_RESULT } from "../cpu/registers.ts";
import { and32, and8, dec32, sub32, sub8 } from "./alu.ts";
import { branch, hotForm, JUMPS } from "./hot.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { address } from "./operands.ts";

/** `jump` is a conditional branch whose `reg` is its condition. In flat code it cannot fault. */
function then(cpu: Cpu, jump: Instruction): Instruction | null {
  if (cpu.left < 2 || !cpu.flatCode) return jump;
  cpu.left--;
  const { r } = cpu;
  let taken: boolean;
  switch (jump.reg) {
    case 0:
      taken = overflowFlag(r) !== 0;
      break;
    case 1:
      taken = overflowFlag(r) === 0;
      break;
    case 2:
      taken = r[FLAG_CARRY] < 0;
      break;
    case 3:
      taken = r[FLAG_CARRY] >= 0;
      break;
    case 4:
      taken = r[FLAG_RESULT] === 0;
      break;
    case 5:
      taken = r[FLAG_RESULT] !== 0;
      break;
    case 6:
      taken = r[FLAG_CARRY] < 0 || r[FLAG_RESULT] === 0;
      break;
    case 7:
      taken = r[FLAG_CARRY] >= 0 && r[FLAG_RESULT] !== 0;
      break;
    case 8:
      taken = signFlag(r) !== 0;
      break;
    case 9:
      taken = signFlag(r) === 0;
      break;
    case 10:
      taken = parityFlag(r) !== 0;
      break;
    case 11:
      taken = parityFlag(r) === 0;
      break;
    case 12:
      taken = signFlag(r) !== overflowFlag(r);
      break;
    case 13:
      taken = signFlag(r) === overflowFlag(r);
      break;
    case 14:
      taken = r[FLAG_RESULT] === 0 || signFlag(r) !== overflowFlag(r);
      break;
    default:
      taken = r[FLAG_RESULT] !== 0 && signFlag(r) === overflowFlag(r);
  }
  return taken ? branch(cpu, jump) : jump.next;
}

/** By the keys of hot.ts. */
const PAIRS: Record<string, Handler> = {
  "cmp Ev,Gv 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return then(cpu, op.next!);
  },
  "cmp Ev,Gv 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.read32(op.segment, address(cpu, op)), cpu.r[op.reg]);
    return then(cpu, op.next!);
  },
  "cmp Gv,Ev 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return then(cpu, op.next!);
  },
  "cmp Gv,Ev 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.reg], cpu.read32(op.segment, address(cpu, op)));
    return then(cpu, op.next!);
  },
  "cmp Ev,Ibs 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.rm], op.immediate);
    return then(cpu, op.next!);
  },
  "cmp Ev,Ibs 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.read32(op.segment, address(cpu, op)), op.immediate);
    return then(cpu, op.next!);
  },
  "cmp Ev,Iz 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.rm], op.immediate);
    return then(cpu, op.next!);
  },
  "cmp Ev,Iz 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.read32(op.segment, address(cpu, op)), op.immediate);
    return then(cpu, op.next!);
  },
  "cmp eAX,Iz 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[EAX], op.immediate);
    return then(cpu, op.next!);
  },
  "cmp Eb,Ib 8 r": (cpu, op) => {
    sub8(cpu.r, cpu.r8[op.rm], op.immediate & 0xff);
    return then(cpu, op.next!);
  },
  "cmp Eb,Ib 8 m": (cpu, op) => {
    sub8(cpu.r, cpu.read8(op.segment, address(cpu, op)), op.immediate & 0xff);
    return then(cpu, op.next!);
  },
  "cmp AL,Ib 8 r": (cpu, op) => {
    sub8(cpu.r, cpu.r8[0], op.immediate & 0xff);
    return then(cpu, op.next!);
  },
  "cmp Eb,Gb 8 r": (cpu, op) => {
    sub8(cpu.r, cpu.r8[op.rm], cpu.r8[op.reg]);
    return then(cpu, op.next!);
  },
  "test Ev,Gv 32 r": (cpu, op) => {
    and32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return then(cpu, op.next!);
  },
  "test Eb,Gb 8 r": (cpu, op) => {
    and8(cpu.r, cpu.r8[op.rm], cpu.r8[op.reg]);
    return then(cpu, op.next!);
  },
  "test Eb,Ib 8 r": (cpu, op) => {
    and8(cpu.r, cpu.r8[op.rm], op.immediate & 0xff);
    return then(cpu, op.next!);
  },
  "test Eb,Ib 8 m": (cpu, op) => {
    and8(cpu.r, cpu.read8(op.segment, address(cpu, op)), op.immediate & 0xff);
    return then(cpu, op.next!);
  },
  "test AL,Ib 8 r": (cpu, op) => {
    and8(cpu.r, cpu.r8[0], op.immediate & 0xff);
    return then(cpu, op.next!);
  },
  "dec Zv 32 r": (cpu, op) => {
    cpu.r[op.rm] = dec32(cpu.r, cpu.r[op.rm]);
    return then(cpu, op.next!);
  },
};

const FUSED = new Map(Object.entries(PAIRS).map(([key, handler]) => [hotForm(key), handler]));
const CONDITIONS = new Map(JUMPS.map((handler, condition) => [handler, condition]));

/** Makes `op` and the `next` of its block one call, if they are such a pair. */
export function fuse(op: Instruction, next: Instruction): void {
  const condition = CONDITIONS.get(next.execute);
  if (condition === undefined) return;
  const pair = FUSED.get(op.execute);
  if (pair === undefined) return;
  next.reg = condition;
  op.execute = pair;
}
