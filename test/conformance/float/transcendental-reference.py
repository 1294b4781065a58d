"""Writes correctly rounded transcendental results: python3 transcendental-reference.py SEED COUNT | gzip -9n > reference.txt.gz

One line a case, as x87-cases.c writes them: operation control-word first second result result1 status-word. Operands lie in
the documented ranges, those of FSIN and kin below a quarter of pi; values come from mpmath with 700 bits, rounded to nearest.
"""

import random
import sys

import mpmath

seed, count = int(sys.argv[1]), int(sys.argv[2])
pick = random.Random(seed)
mpmath.mp.prec = 700
BIAS = 0x3FFF


def operand(low, high, negative):
    """Sign and exponent, significand and value of a number between 2^low and 2^(high + 1)."""
    exponent = pick.randint(low, high)
    significand = pick.choice([pick.getrandbits(64), pick.getrandbits(64) << pick.randint(0, 63)]) & (2**64 - 1) | 2**63
    sign = pick.getrandbits(1) if negative else 0
    value = mpmath.ldexp(mpmath.mpf(significand), exponent - 63)
    return f"{sign << 15 | exponent + BIAS:04x}{significand:016x}", -value if sign else value


def rounded(value):
    with mpmath.workprec(64):
        near = +value
    sign, man, exponent, bits = near._mpf_
    significand = int(man) << (64 - bits)
    return f"{sign << 15 | exponent + bits - 1 + BIAS:04x}{significand:016x}"


def cases():
    for _ in range(count):
        a, x = operand(-66, -1, True)
        yield "f2xm1", a, "-", mpmath.expm1(x * mpmath.ln(2))
        a, x = operand(*pick.choice([(-2, 1), (-16000, 16000), (-1, 0)]), False)
        b, y = operand(-40, 40, True)
        if x != 1:
            yield "fyl2x", a, b, y * mpmath.log(x, 2)
        a, x = operand(-66, -3, True)
        b, y = operand(-40, 40, True)
        yield "fyl2xp1", a, b, y * mpmath.log1p(x) / mpmath.ln(2)
        a, x = operand(-60, 60, True)
        b, y = operand(-60, 60, True)
        yield "fpatan", a, b, mpmath.atan2(y, x)
        a, x = operand(-66, -2, True)
        yield "fsin", a, "-", mpmath.sin(x)
        yield "fcos", a, "-", mpmath.cos(x)
        yield "fptan", a, "-", mpmath.tan(x)


print(f"# seed {seed}, mpmath {mpmath.__version__}")
for operation, first, second, value in cases():
    print(operation, "037f", first, second, rounded(value), "-", "0000")
