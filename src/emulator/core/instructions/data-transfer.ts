/** MOV, XCHG, LEA, MOVZX, MOVSX, CMOVcc, SETcc, BSWAP, XLAT, sign extension (Intel SDM volume 2). */
import { condition } from "../cpu/flags.ts";
import { EAX, EBX, EDX } from "../cpu/registers.ts";
import type { Family, Form } from "./family.ts";
import { ADDRESS_32, type Handler } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";

const movRegister32: Handler = (cpu, op) => {
  cpu.r[op.rm] = cpu.r[op.reg];
  return op.next;
};
const movLoad32: Handler = (cpu, op) => {
  const r = cpu.r;
  const offset = (r[op.base] + (r[op.index] << op.scale) + op.displacement) & op.addressMask;
  r[op.reg] = cpu.read32(op.segment, offset);
  return op.next;
};
const movStore32: Handler = (cpu, op) => {
  const r = cpu.r;
  const offset = (r[op.base] + (r[op.index] << op.scale) + op.displacement) & op.addressMask;
  cpu.write32(op.segment, offset, r[op.reg]);
  return op.next;
};

function bindMov(form: Form): Handler | undefined {
  const a = accessOf(form.width);
  switch (form.operands) {
    case "Ev,Gv":
    case "Eb,Gb":
      if (form.width === 32) return form.memory ? movStore32 : movRegister32;
      if (!form.memory) {
        return (cpu, op) => {
          a.set(cpu, op.rm, a.get(cpu, op.reg));
          return op.next;
        };
      }
      return (cpu, op) => {
        a.store(cpu, op.segment, address(cpu, op), a.get(cpu, op.reg));
        return op.next;
      };
    case "Gv,Ev":
    case "Gb,Eb":
      if (form.width === 32 && form.memory) return movLoad32;
      return (cpu, op) => {
        const value = form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
        a.set(cpu, op.reg, value);
        return op.next;
      };
    case "AL,Ob":
    case "eAX,Ov":
      return (cpu, op) => {
        a.set(cpu, EAX, a.load(cpu, op.segment, op.displacement));
        return op.next;
      };
    case "Ob,AL":
    case "Ov,eAX":
      return (cpu, op) => {
        a.store(cpu, op.segment, op.displacement, a.get(cpu, EAX));
        return op.next;
      };
    case "Zb,Ib":
    case "Zv,Iz":
    case "Eb,Ib":
    case "Ev,Iz":
      return (cpu, op) => {
        if (form.memory) a.store(cpu, op.segment, address(cpu, op), op.immediate);
        else a.set(cpu, op.rm, op.immediate);
        return op.next;
      };
    default:
      return undefined;
  }
}

function bindXchg(form: Form): Handler {
  const a = accessOf(form.width);
  const accumulator = form.row.operands[1].kind === "*";
  return (cpu, op) => {
    const register = accumulator ? EAX : op.reg;
    const own = a.get(cpu, register);
    if (form.memory) {
      const other = a.update(cpu, op.segment, address(cpu, op));
      a.writeBack(cpu, own);
      a.set(cpu, register, other);
    } else {
      a.set(cpu, register, a.get(cpu, op.rm));
      a.set(cpu, op.rm, own);
    }
    return op.next;
  };
}

function bindExtend(form: Form, signed: boolean): Handler {
  const bits = form.row.operands[1].width === "b" ? 8 : 16;
  const source = accessOf(bits);
  const target = accessOf(form.width);
  const shift = 32 - bits;
  return (cpu, op) => {
    const value = form.memory ? source.load(cpu, op.segment, address(cpu, op)) : source.get(cpu, op.rm);
    target.set(cpu, op.reg, signed ? (value << shift) >> shift : value);
    return op.next;
  };
}

const family: Record<string, Family[string]> = {
  mov: bindMov,
  xchg: bindXchg,
  movzx: (form) => bindExtend(form, false),
  movsx: (form) => bindExtend(form, true),
  lea: (form) => {
    const a = accessOf(form.width);
    return (cpu, op) => {
      a.set(cpu, op.reg, address(cpu, op));
      return op.next;
    };
  },
  bswap: (form) => (cpu, op) => {
    const value = cpu.r[op.rm];
    // Undefined in Intel's manual; processors leave 0.
    if (!form.wide) cpu.r16[op.rm * 2] = 0;
    else cpu.r[op.rm] = (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
    return op.next;
  },
  xlatb: () => (cpu, op) => {
    const mask = (op.flags & ADDRESS_32) !== 0 ? -1 : 0xffff;
    cpu.r8[0] = cpu.read8(op.segment, (cpu.r[EBX] + cpu.r8[0]) & mask);
    return op.next;
  },
  cbw: (form) => (cpu, op) => {
    if (form.wide) cpu.r[EAX] = (cpu.r[EAX] << 16) >> 16;
    else cpu.r16[EAX] = (cpu.r[EAX] << 24) >> 24;
    return op.next;
  },
  cwd: (form) => (cpu, op) => {
    if (form.wide) cpu.r[EDX] = cpu.r[EAX] >> 31;
    else cpu.r16[EDX * 2] = (cpu.r[EAX] << 16) >> 31;
    return op.next;
  },
  nop: ({ row }) => {
    // 0Fh 0Dh with a register: AMD's processors take it for no instruction.
    if (row.map === 1 && row.opcode === 0x0d) return undefined;
    return (_, op) => op.next;
  },
  pause: () => (_, op) => op.next,
};

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
CONDITIONS.forEach((name, number) => {
  family[`set${name}`] = (form) => (cpu, op) => {
    const value = condition(cpu.r, number) ? 1 : 0;
    if (form.memory) cpu.write8(op.segment, address(cpu, op), value);
    else cpu.r8[op.rm] = value;
    return op.next;
  };
  family[`cmov${name}`] = (form) => {
    const a = accessOf(form.width);
    return (cpu, op) => {
      const value = form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
      if (condition(cpu.r, number)) a.set(cpu, op.reg, value);
      return op.next;
    };
  };
});

export const dataTransfer: Family = family;
