/**
 * The opcode table: one line for each encoding, in the notation of the opcode maps of Intel's Software Developer's Manual
 * (volume 2, appendix A). It is the documentation of what this CPU executes, and the only source of the decoder, the
 * disassembler and the assembler.
 *
 * A line is `encoding mnemonic operands notes`, empty operands written `-`.
 *
 * Encoding: opcode bytes in hexadecimal, then
 *   `/r` a ModR/M byte, `/0`..`/7` a ModR/M byte whose reg field is part of the opcode, `+r` a register in the low three bits,
 *   `=xx` a ModR/M byte of that very value, `=xx+` the same for a group of eight (the low three bits are a register);
 *   in front of it `np:` `66:` `f3:` `f2:` the prefix that is part of the opcode (none of those prefixes for `np:`).
 * Mnemonic: `a/b` stands for operand size 16 / 32, or for address size 16 / 32 with the note `asz`.
 * Operands: the letter says where (E rm register or memory, G reg field, M rm memory only, R rm register only, S segment
 *   register, C and D control and debug register, I immediate, J relative target, O offset without ModR/M, A far pointer,
 *   X string source, Y string destination, Z register in the opcode; P/Q/N MMX register or memory, V/W/U XMM likewise,
 *   F x87 register), the rest how wide (b byte, w word, d doubleword, q, dq, v word or doubleword by operand size, z the
 *   same for immediates, p far pointer 16:16 or 16:32, a two of v, s pseudo-descriptor, bs sign-extended byte; after `Mf`
 *   d, q, t (80 bits), e (environment), s (environment and stack), x (512 bytes of FXSAVE)). Names in capitals are the registers themselves, eAX means AX or EAX.
 * Notes: `lock` may take LOCK with a memory operand, `rep` and `repcc` take a repeat prefix, `end` ends a decoded block,
 *   `asz` the mnemonic goes by address size, `undocumented` no mnemonic in Intel's manual.
 */

const ARITHMETIC = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"];
const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const SHIFTS = ["rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"];

const hex = (value: number): string => value.toString(16).padStart(2, "0");

function arithmeticLines(): string[] {
  const lines: string[] = [];
  ARITHMETIC.forEach((name, i) => {
    const lock = name === "cmp" ? "" : " lock";
    lines.push(
      `${hex(i * 8)}/r ${name} Eb,Gb${lock}`,
      `${hex(i * 8 + 1)}/r ${name} Ev,Gv${lock}`,
      `${hex(i * 8 + 2)}/r ${name} Gb,Eb`,
      `${hex(i * 8 + 3)}/r ${name} Gv,Ev`,
      `${hex(i * 8 + 4)} ${name} AL,Ib`,
      `${hex(i * 8 + 5)} ${name} eAX,Iz`,
      `80/${i} ${name} Eb,Ib${lock}`,
      `81/${i} ${name} Ev,Iz${lock}`,
      `82/${i} ${name} Eb,Ib${lock}`,
      `83/${i} ${name} Ev,Ibs${lock}`,
    );
  });
  return lines;
}

function conditionLines(): string[] {
  return CONDITIONS.flatMap((name, i) => [
    `${hex(0x70 + i)} j${name} Jb`,
    `0f${hex(0x80 + i)} j${name} Jz`,
    `0f${hex(0x90 + i)}/r set${name} Eb`,
    `0f${hex(0x40 + i)}/r cmov${name} Gv,Ev`,
  ]);
}

function shiftLines(): string[] {
  return SHIFTS.flatMap((name, i) => [
    `c0/${i} ${name} Eb,Ib`,
    `c1/${i} ${name} Ev,Ib`,
    `d0/${i} ${name} Eb,1`,
    `d1/${i} ${name} Ev,1`,
    `d2/${i} ${name} Eb,CL`,
    `d3/${i} ${name} Ev,CL`,
  ]);
}

const INTEGER = `
06 push ES
07 pop ES end
0e push CS
16 push SS
17 pop SS end
1e push DS
1f pop DS end
27 daa -
2f das -
37 aaa -
3f aas -
40+r inc Zv
48+r dec Zv
50+r push Zv
58+r pop Zv
60 pusha/pushad -
61 popa/popad -
62/r bound Gv,Ma
63/r arpl Ew,Gw
68 push Iz
69/r imul Gv,Ev,Iz
6a push Ibs
6b/r imul Gv,Ev,Ibs
6c insb Yb,DX rep,end
6d insw/insd Yv,DX rep,end
6e outsb DX,Xb rep,end
6f outsw/outsd DX,Xv rep,end
84/r test Eb,Gb
85/r test Ev,Gv
86/r xchg Eb,Gb lock
87/r xchg Ev,Gv lock
88/r mov Eb,Gb
89/r mov Ev,Gv
8a/r mov Gb,Eb
8b/r mov Gv,Ev
8c/r mov Ev,Sw
8d/r lea Gv,M
8e/r mov Sw,Ew end
8f/0 pop Ev
90 nop -
f3:90 pause - end
91 xchg Zv,eAX
92 xchg Zv,eAX
93 xchg Zv,eAX
94 xchg Zv,eAX
95 xchg Zv,eAX
96 xchg Zv,eAX
97 xchg Zv,eAX
98 cbw/cwde -
99 cwd/cdq -
9a call Ap end
9b wait -
9c pushf/pushfd - end
9d popf/popfd - end
9e sahf -
9f lahf -
a0 mov AL,Ob
a1 mov eAX,Ov
a2 mov Ob,AL
a3 mov Ov,eAX
a4 movsb Yb,Xb rep
a5 movsw/movsd Yv,Xv rep
a6 cmpsb Xb,Yb repcc
a7 cmpsw/cmpsd Xv,Yv repcc
a8 test AL,Ib
a9 test eAX,Iz
aa stosb Yb,AL rep
ab stosw/stosd Yv,eAX rep
ac lodsb AL,Xb rep
ad lodsw/lodsd eAX,Xv rep
ae scasb AL,Yb repcc
af scasw/scasd eAX,Yv repcc
b0+r mov Zb,Ib
b8+r mov Zv,Iz
c2 ret Iw end
c3 ret - end
c4/r les Gv,Mp end
c5/r lds Gv,Mp end
c6/0 mov Eb,Ib
c7/0 mov Ev,Iz
c8 enter Iw,Ib
c9 leave -
ca retf Iw end
cb retf - end
cc int3 - end
cd int Ib end
ce into - end
cf iret/iretd - end
d4 aam Ib
d5 aad Ib
d6 salc - undocumented
d7 xlatb -
d8/r esc Ed
d9/r esc Ed
da/r esc Ed
db/r esc Ed
dc/r esc Ed
dd/r esc Ed
de/r esc Ed
df/r esc Ed
e0 loopne Jb
e1 loope Jb
e2 loop Jb
e3 jcxz/jecxz Jb asz
e4 in AL,Ib end
e5 in eAX,Ib end
e6 out Ib,AL end
e7 out Ib,eAX end
e8 call Jz end
e9 jmp Jz end
ea jmp Ap end
eb jmp Jb end
ec in AL,DX end
ed in eAX,DX end
ee out DX,AL end
ef out DX,eAX end
f1 int1 - end
f4 hlt - end
f5 cmc -
f6/0 test Eb,Ib
f6/1 test Eb,Ib
f6/2 not Eb lock
f6/3 neg Eb lock
f6/4 mul Eb
f6/5 imul Eb
f6/6 div Eb
f6/7 idiv Eb
f7/0 test Ev,Iz
f7/1 test Ev,Iz
f7/2 not Ev lock
f7/3 neg Ev lock
f7/4 mul Ev
f7/5 imul Ev
f7/6 div Ev
f7/7 idiv Ev
f8 clc -
f9 stc -
fa cli - end
fb sti - end
fc cld -
fd std -
fe/0 inc Eb lock
fe/1 dec Eb lock
ff/0 inc Ev lock
ff/1 dec Ev lock
ff/2 call Ev end
ff/3 call Mp end
ff/4 jmp Ev end
ff/5 jmp Mp end
ff/6 push Ev
0f00/0 sldt Ev
0f00/1 str Ev
0f00/2 lldt Ew
0f00/3 ltr Ew
0f00/4 verr Ew
0f00/5 verw Ew
0f01/0 sgdt Ms
0f01/1 sidt Ms
0f01/2 lgdt Ms
0f01/3 lidt Ms
0f01/4 smsw Ev
0f01/6 lmsw Ew end
0f01/7 invlpg Mb end
0f01=d8 vmrun - end
0f01=d9 vmmcall - end
0f01=da vmload - end
0f01=db vmsave - end
0f01=dc stgi - end
0f01=dd clgi - end
0f01=de skinit - end
0f01=df invlpga - end
0f02/r lar Gv,Ew
0f03/r lsl Gv,Ew
0f06 clts - end
0f08 invd - end
0f09 wbinvd - end
0f0b ud2 -
0f0d/r prefetchw Mb
0f0d/r nop Rv
0f18/0 prefetchnta Mb
0f18/1 prefetcht0 Mb
0f18/2 prefetcht1 Mb
0f18/3 prefetcht2 Mb
0f18/0 nop Rv
0f18/1 nop Rv
0f18/2 nop Rv
0f18/3 nop Rv
0f18/4 nop Ev
0f18/5 nop Ev
0f18/6 nop Ev
0f18/7 nop Ev
0f19/r nop Ev
0f1a/r nop Ev
0f1b/r nop Ev
0f1c/r nop Ev
0f1d/r nop Ev
0f1e/r nop Ev
0f1f/r nop Ev
0f20/r mov Rd,Cd
0f21/r mov Rd,Dd
0f22/r mov Cd,Rd end
0f23/r mov Dd,Rd end
0f30 wrmsr - end
0f31 rdtsc - end
0f32 rdmsr - end
0f33 rdpmc - end
0f34 sysenter - end
0f35 sysexit - end
0fa0 push FS
0fa1 pop FS end
0fa2 cpuid - end
0fa3/r bt Ev,Gv
0fa4/r shld Ev,Gv,Ib
0fa5/r shld Ev,Gv,CL
0fa8 push GS
0fa9 pop GS end
0fab/r bts Ev,Gv lock
0fac/r shrd Ev,Gv,Ib
0fad/r shrd Ev,Gv,CL
0faf/r imul Gv,Ev
0fb0/r cmpxchg Eb,Gb lock
0fb1/r cmpxchg Ev,Gv lock
0fb2/r lss Gv,Mp end
0fb3/r btr Ev,Gv lock
0fb4/r lfs Gv,Mp end
0fb5/r lgs Gv,Mp end
0fb6/r movzx Gv,Eb
0fb7/r movzx Gv,Ew
0fb9/r ud1 Gv,Ev
0fba/4 bt Ev,Ib
0fba/5 bts Ev,Ib lock
0fba/6 btr Ev,Ib lock
0fba/7 btc Ev,Ib lock
0fbb/r btc Ev,Gv lock
0fbc/r bsf Gv,Ev
0fbd/r bsr Gv,Ev
0fbe/r movsx Gv,Eb
0fbf/r movsx Gv,Ew
0fc0/r xadd Eb,Gb lock
0fc1/r xadd Ev,Gv lock
0fc7/1 cmpxchg8b Mq lock
np:0fc7/6 rdrand Rv
66:0fc7/6 rdrand Rv
0fc8+r bswap Zv
0fff/r ud0 Gv,Ev
`;

/** All lines: the integer instructions here; a family with many (x87, MMX, SSE) keeps its own and adds them in decode-map.ts. */
export const INTEGER_LINES: readonly string[] = [
  ...arithmeticLines(),
  ...conditionLines(),
  ...shiftLines(),
  ...INTEGER.trim().split("\n"),
];

/** What of the instruction an operand is. */
export interface Operand {
  /** The notation as written in the table. */
  readonly text: string;
  /** Its first letter, or `*` for a register named by itself. */
  readonly kind: string;
  /** The rest: how wide. */
  readonly width: string;
}

export type OpcodePrefix = "any" | "np" | "66" | "f3" | "f2";

export interface OpcodeRow {
  readonly line: string;
  readonly prefix: OpcodePrefix;
  /** 0 for one-byte opcodes, 1 for those after 0Fh. */
  readonly map: 0 | 1;
  readonly opcode: number;
  /** "none", "r" any ModR/M, "digit" reg field fixed, "exact" the whole byte, "exact-register" the upper five bits, "plus" +r. */
  readonly form: "none" | "r" | "digit" | "exact" | "exact-register" | "plus";
  /** The fixed reg field or ModR/M byte. */
  readonly extension: number;
  readonly mnemonic: string;
  /** The mnemonic with operand (or address) size 16 and 32. */
  readonly mnemonics: readonly [string, string];
  readonly operands: readonly Operand[];
  readonly notes: ReadonlySet<string>;
}

const LINE =
  /^(?:(np|66|f3|f2):)?(0f)?([0-9a-f]{2})(\/r|\/[0-7]|\+r|=[0-9a-f]{2}\+?)? (\S+)(?: (\S+))?(?: (\S+))?$/;
const REGISTER_NAME = /^(1|AL|CL|DX|eAX|ES|CS|SS|DS|FS|GS|AX|ST0|XMM0)$/;

function parseOperand(text: string): Operand {
  if (REGISTER_NAME.test(text)) return { text, kind: "*", width: text };
  return { text, kind: text[0], width: text.slice(1) };
}

export function parseLine(line: string): OpcodeRow {
  const match = LINE.exec(line);
  if (match === null) throw new Error(`opcode table: "${line}" is no line of the table`);
  const [, prefix, escape, opcode, suffix, mnemonic, operands, notes] = match;
  let form: OpcodeRow["form"] = "none";
  let extension = 0;
  if (suffix === "/r") form = "r";
  else if (suffix === "+r") form = "plus";
  else if (suffix?.startsWith("/")) {
    form = "digit";
    extension = Number(suffix[1]);
  } else if (suffix?.startsWith("=")) {
    form = suffix.endsWith("+") ? "exact-register" : "exact";
    extension = Number.parseInt(suffix.slice(1, 3), 16);
  }
  const operandText = operands === undefined || operands === "-" ? "" : operands;
  const isNotes = /^(lock|rep|repcc|end|asz|undocumented)(,|$)/;
  const noteText = notes ?? (isNotes.test(operandText) ? operandText : "");
  const names = mnemonic.split("/");
  return {
    line,
    prefix: (prefix as OpcodePrefix | undefined) ?? "any",
    map: escape === undefined ? 0 : 1,
    opcode: Number.parseInt(opcode, 16),
    form,
    extension,
    mnemonic: names[0],
    mnemonics: [names[0], names[1] ?? names[0]],
    operands: operandText === "" || isNotes.test(operandText) ? [] : operandText.split(",").map(parseOperand),
    notes: new Set(noteText === "" ? [] : noteText.split(",")),
  };
}
