/** The x87 lines of the opcode table (notation: opcode-table.ts). Intel SDM volume 2, appendix A.5 (escape opcodes). */

const ARITHMETIC = ["fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"];
/** With ST(i) as destination the opcodes of the two subtractions and of the two divisions change places. */
const REVERSED = ["fadd", "fmul", "fcom", "fcomp", "fsubr", "fsub", "fdivr", "fdiv"];

const hex = (value: number): string => value.toString(16).padStart(2, "0");

function arithmeticLines(): string[] {
  return ARITHMETIC.flatMap((name, i) => {
    const group = hex(0xc0 + i * 8);
    const compares = i === 2 || i === 3;
    const lines = [
      `d8/${i} ${name} Mfd`,
      `d8=${group}+ ${name} ST0,F`,
      `dc/${i} ${name} Mfq`,
      `da/${i} fi${name.slice(1)} Md`,
      `de/${i} fi${name.slice(1)} Mw`,
    ];
    if (compares) lines.push(`dc=${group}+ ${name} ST0,F undocumented`);
    else lines.push(`dc=${group}+ ${REVERSED[i]} F,ST0`, `de=${group}+ ${REVERSED[i]}p F,ST0`);
    return lines;
  });
}

const OTHER = `
d9/0 fld Mfd
d9/2 fst Mfd
d9/3 fstp Mfd
d9/4 fldenv Mfe
d9/5 fldcw Mw
d9/6 fnstenv Mfe
d9/7 fnstcw Mw
d9=c0+ fld F
d9=c8+ fxch ST0,F
d9=d0 fnop -
d9=d8+ fstpnce F undocumented
d9=e0 fchs -
d9=e1 fabs -
d9=e4 ftst -
d9=e5 fxam -
d9=e8 fld1 -
d9=e9 fldl2t -
d9=ea fldl2e -
d9=eb fldpi -
d9=ec fldlg2 -
d9=ed fldln2 -
d9=ee fldz -
d9=f0 f2xm1 -
d9=f1 fyl2x -
d9=f2 fptan -
d9=f3 fpatan -
d9=f4 fxtract -
d9=f5 fprem1 -
d9=f6 fdecstp -
d9=f7 fincstp -
d9=f8 fprem -
d9=f9 fyl2xp1 -
d9=fa fsqrt -
d9=fb fsincos -
d9=fc frndint -
d9=fd fscale -
d9=fe fsin -
d9=ff fcos -
da=c0+ fcmovb ST0,F
da=c8+ fcmove ST0,F
da=d0+ fcmovbe ST0,F
da=d8+ fcmovu ST0,F
da=e9 fucompp -
db/0 fild Md
db/1 fisttp Md
db/2 fist Md
db/3 fistp Md
db/5 fld Mft
db/7 fstp Mft
db=c0+ fcmovnb ST0,F
db=c8+ fcmovne ST0,F
db=d0+ fcmovnbe ST0,F
db=d8+ fcmovnu ST0,F
db=e0 fneni - undocumented
db=e1 fndisi - undocumented
db=e2 fnclex -
db=e3 fninit -
db=e4 fnsetpm - undocumented
db=e8+ fucomi ST0,F
db=f0+ fcomi ST0,F
dd/0 fld Mfq
dd/1 fisttp Mq
dd/2 fst Mfq
dd/3 fstp Mfq
dd/4 frstor Mfs
dd/6 fnsave Mfs
dd/7 fnstsw Mw
dd=c0+ ffree F
dd=c8+ fxch ST0,F undocumented
dd=d0+ fst F
dd=d8+ fstp F
dd=e0+ fucom ST0,F
dd=e8+ fucomp ST0,F
de=d0+ fcomp ST0,F undocumented
de=d9 fcompp -
df/0 fild Mw
df/1 fisttp Mw
df/2 fist Mw
df/3 fistp Mw
df/4 fbld Mft
df/5 fild Mq
df/6 fbstp Mft
df/7 fistp Mq
df=c0+ ffreep F undocumented
df=c8+ fxch ST0,F undocumented
df=d0+ fstp F undocumented
df=d8+ fstp F undocumented
df=e0 fnstsw AX
df=e8+ fucomip ST0,F
df=f0+ fcomip ST0,F
np:0fae/0 fxsave Mfx
np:0fae/1 fxrstor Mfx
`;

export const X87_LINES: readonly string[] = [...arithmeticLines(), ...OTHER.trim().split("\n")];
