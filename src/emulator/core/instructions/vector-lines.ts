/**
 * The MMX, SSE, SSE2 and SSE3 lines of the opcode table (notation: opcode-table.ts; widths ps, pd, ss, sd, dq, q, d as in
 * Intel SDM volume 2, appendix A.2.2).
 */

/** Opcode and mnemonic of operations that both register files have: MMX without prefix, XMM with 66h. */
const BOTH = `
63 packsswb
64 pcmpgtb
65 pcmpgtw
66 pcmpgtd
67 packuswb
68 punpckhbw
69 punpckhwd
6a punpckhdq
6b packssdw
74 pcmpeqb
75 pcmpeqw
76 pcmpeqd
d1 psrlw
d2 psrld
d3 psrlq
d4 paddq
d5 pmullw
d8 psubusb
d9 psubusw
da pminub
db pand
dc paddusb
dd paddusw
de pmaxub
df pandn
e0 pavgb
e1 psraw
e2 psrad
e3 pavgw
e4 pmulhuw
e5 pmulhw
e8 psubsb
e9 psubsw
ea pminsw
eb por
ec paddsb
ed paddsw
ee pmaxsw
ef pxor
f1 psllw
f2 pslld
f3 psllq
f4 pmuludq
f5 pmaddwd
f6 psadbw
f8 psubb
f9 psubw
fa psubd
fb psubq
fc paddb
fd paddw
fe paddd
`;

/** Shifts by an immediate count: opcode, reg field, mnemonic. */
const SHIFTS = `
71/2 psrlw
71/4 psraw
71/6 psllw
72/2 psrld
72/4 psrad
72/6 pslld
73/2 psrlq
73/6 psllq
`;

/** Opcode and name of operations on floating-point elements: packed and scalar, single and double. */
const FLOATING = `
51 sqrt
58 add
59 mul
5c sub
5d min
5e div
5f max
`;

const OTHER = `
np:0f60/r punpcklbw Pq,Qd
np:0f61/r punpcklwd Pq,Qd
np:0f62/r punpckldq Pq,Qd
66:0f60/r punpcklbw Vdq,Wdq
66:0f61/r punpcklwd Vdq,Wdq
66:0f62/r punpckldq Vdq,Wdq
66:0f6c/r punpcklqdq Vdq,Wdq
66:0f6d/r punpckhqdq Vdq,Wdq
np:0f6e/r movd Pq,Ed
66:0f6e/r movd Vdq,Ed
np:0f7e/r movd Ed,Pq
66:0f7e/r movd Ed,Vdq
np:0f6f/r movq Pq,Qq
np:0f7f/r movq Qq,Pq
f3:0f7e/r movq Vdq,Wq
66:0fd6/r movq Wq,Vdq
66:0f6f/r movdqa Vdq,Wdq
66:0f7f/r movdqa Wdq,Vdq
f3:0f6f/r movdqu Vdq,Wdq
f3:0f7f/r movdqu Wdq,Vdq
f3:0fd6/r movq2dq Vdq,Nq
f2:0fd6/r movdq2q Pq,Udq
np:0f70/r pshufw Pq,Qq,Ib
66:0f70/r pshufd Vdq,Wdq,Ib
f3:0f70/r pshufhw Vdq,Wdq,Ib
f2:0f70/r pshuflw Vdq,Wdq,Ib
66:0f73/3 psrldq Udq,Ib
66:0f73/7 pslldq Udq,Ib
np:0f77 emms -
np:0fc3/r movnti Md,Gd
np:0fc4/r pinsrw Pq,Rd,Ib
np:0fc4/r pinsrw Pq,Mw,Ib
66:0fc4/r pinsrw Vdq,Rd,Ib
66:0fc4/r pinsrw Vdq,Mw,Ib
np:0fc5/r pextrw Gd,Nq,Ib
66:0fc5/r pextrw Gd,Udq,Ib
np:0fd7/r pmovmskb Gd,Nq
66:0fd7/r pmovmskb Gd,Udq
np:0fe7/r movntq Mq,Pq
66:0fe7/r movntdq Mdq,Vdq
np:0ff7/r maskmovq Pq,Nq
66:0ff7/r maskmovdqu Vdq,Udq
f2:0ff0/r lddqu Vdq,Mdq
np:0f10/r movups Vps,Wps
np:0f11/r movups Wps,Vps
66:0f10/r movupd Vpd,Wpd
66:0f11/r movupd Wpd,Vpd
f3:0f10/r movss Vss,Wss
f3:0f11/r movss Wss,Vss
f2:0f10/r movsd Vsd,Wsd
f2:0f11/r movsd Wsd,Vsd
np:0f12/r movlps Vps,Mq
np:0f12/r movhlps Vps,Ups
66:0f12/r movlpd Vpd,Mq
f3:0f12/r movsldup Vps,Wps
f2:0f12/r movddup Vpd,Wsd
np:0f13/r movlps Mq,Vps
66:0f13/r movlpd Mq,Vpd
np:0f14/r unpcklps Vps,Wps
66:0f14/r unpcklpd Vpd,Wpd
np:0f15/r unpckhps Vps,Wps
66:0f15/r unpckhpd Vpd,Wpd
np:0f16/r movhps Vps,Mq
np:0f16/r movlhps Vps,Ups
66:0f16/r movhpd Vpd,Mq
f3:0f16/r movshdup Vps,Wps
np:0f17/r movhps Mq,Vps
66:0f17/r movhpd Mq,Vpd
np:0f28/r movaps Vps,Wps
np:0f29/r movaps Wps,Vps
66:0f28/r movapd Vpd,Wpd
66:0f29/r movapd Wpd,Vpd
np:0f2a/r cvtpi2ps Vps,Qq
66:0f2a/r cvtpi2pd Vpd,Qq
f3:0f2a/r cvtsi2ss Vss,Ed
f2:0f2a/r cvtsi2sd Vsd,Ed
np:0f2b/r movntps Mdq,Vps
66:0f2b/r movntpd Mdq,Vpd
np:0f2c/r cvttps2pi Pq,Wq
66:0f2c/r cvttpd2pi Pq,Wpd
f3:0f2c/r cvttss2si Gd,Wss
f2:0f2c/r cvttsd2si Gd,Wsd
np:0f2d/r cvtps2pi Pq,Wq
66:0f2d/r cvtpd2pi Pq,Wpd
f3:0f2d/r cvtss2si Gd,Wss
f2:0f2d/r cvtsd2si Gd,Wsd
np:0f2e/r ucomiss Vss,Wss
66:0f2e/r ucomisd Vsd,Wsd
np:0f2f/r comiss Vss,Wss
66:0f2f/r comisd Vsd,Wsd
np:0f50/r movmskps Gd,Ups
66:0f50/r movmskpd Gd,Upd
np:0f52/r rsqrtps Vps,Wps
f3:0f52/r rsqrtss Vss,Wss
np:0f53/r rcpps Vps,Wps
f3:0f53/r rcpss Vss,Wss
np:0f54/r andps Vps,Wps
66:0f54/r andpd Vpd,Wpd
np:0f55/r andnps Vps,Wps
66:0f55/r andnpd Vpd,Wpd
np:0f56/r orps Vps,Wps
66:0f56/r orpd Vpd,Wpd
np:0f57/r xorps Vps,Wps
66:0f57/r xorpd Vpd,Wpd
np:0f5a/r cvtps2pd Vpd,Wq
66:0f5a/r cvtpd2ps Vps,Wpd
f3:0f5a/r cvtss2sd Vsd,Wss
f2:0f5a/r cvtsd2ss Vss,Wsd
np:0f5b/r cvtdq2ps Vps,Wdq
66:0f5b/r cvtps2dq Vdq,Wps
f3:0f5b/r cvttps2dq Vdq,Wps
66:0f7c/r haddpd Vpd,Wpd
f2:0f7c/r haddps Vps,Wps
66:0f7d/r hsubpd Vpd,Wpd
f2:0f7d/r hsubps Vps,Wps
66:0fd0/r addsubpd Vpd,Wpd
f2:0fd0/r addsubps Vps,Wps
np:0fc2/r cmpps Vps,Wps,Ib
66:0fc2/r cmppd Vpd,Wpd,Ib
f3:0fc2/r cmpss Vss,Wss,Ib
f2:0fc2/r cmpsd Vsd,Wsd,Ib
np:0fc6/r shufps Vps,Wps,Ib
66:0fc6/r shufpd Vpd,Wpd,Ib
f3:0fe6/r cvtdq2pd Vpd,Wq
66:0fe6/r cvttpd2dq Vdq,Wpd
f2:0fe6/r cvtpd2dq Vdq,Wpd
np:0fae/2 ldmxcsr Md
np:0fae/3 stmxcsr Md
np:0fae/7 clflush M
np:0fae=e8+ lfence -
np:0fae=f0+ mfence -
np:0fae=f8+ sfence -
`;

const entries = (text: string): string[][] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));

export const VECTOR_LINES: readonly string[] = [
  ...entries(BOTH).flatMap(([opcode, name]) => [
    `np:0f${opcode}/r ${name} Pq,Qq`,
    `66:0f${opcode}/r ${name} Vdq,Wdq`,
  ]),
  ...entries(SHIFTS).flatMap(([opcode, name]) => [
    `np:0f${opcode} ${name} Nq,Ib`,
    `66:0f${opcode} ${name} Udq,Ib`,
  ]),
  ...entries(FLOATING).flatMap(([opcode, name]) => [
    `np:0f${opcode}/r ${name}ps Vps,Wps`,
    `66:0f${opcode}/r ${name}pd Vpd,Wpd`,
    `f3:0f${opcode}/r ${name}ss Vss,Wss`,
    `f2:0f${opcode}/r ${name}sd Vsd,Wsd`,
  ]),
  ...OTHER.trim().split("\n"),
];
