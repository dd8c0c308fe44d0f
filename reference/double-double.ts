/**
 * Double-double numbers: the unevaluated sum of two doubles, hi + lo with |lo| <= ulp(hi)/2, good for about 106 bits. Error-free
 * transformations by Knuth (TwoSum), Dekker (TwoProduct, Numer. Math. 18, 1971), and the double-double operations built on them
 * as in Ogita, Rump, Oishi (SIAM J. Sci. Comput. 26, 2005) and Joldes, Muller, Popescu (ACM TOMS 44, 2017).
 *
 * The bits are there between about 2^-916 and 2^996: below, the error terms of products underflow; above, splitting overflows and
 * a product keeps its 53 bits.
 */
import type { Arithmetic } from './arithmetic.ts';

export interface DoubleDouble {
  hi: number;
  lo: number;
}

const SPLITTER = 2 ** 27 + 1;
const SPLIT_LIMIT = 2 ** 996;

/** a + b exactly, for any order of magnitude. */
function twoSum(a: number, b: number): DoubleDouble {
  const hi = a + b;
  if (!Number.isFinite(hi)) return { hi, lo: 0 };
  const bb = hi - a;
  return { hi, lo: a - (hi - bb) + (b - bb) };
}

/** a + b exactly, for |a| >= |b|. */
function fastTwoSum(a: number, b: number): DoubleDouble {
  const hi = a + b;
  return Number.isFinite(hi) ? { hi, lo: b - (hi - a) } : { hi, lo: 0 };
}

/** a * b exactly, unless something underflows. */
function twoProduct(a: number, b: number): DoubleDouble {
  const hi = a * b;
  if (!Number.isFinite(hi) || Math.abs(a) > SPLIT_LIMIT || Math.abs(b) > SPLIT_LIMIT) return { hi, lo: 0 };
  const ca = SPLITTER * a;
  const a1 = ca - (ca - a);
  const a2 = a - a1;
  const cb = SPLITTER * b;
  const b1 = cb - (cb - b);
  const b2 = b - b1;
  return { hi, lo: a2 * b2 - (hi - a1 * b1 - a2 * b1 - a1 * b2) };
}

function add(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const s = twoSum(a.hi, b.hi);
  const t = twoSum(a.lo, b.lo);
  const v = fastTwoSum(s.hi, s.lo + t.hi);
  return fastTwoSum(v.hi, v.lo + t.lo);
}

const negate = ({ hi, lo }: DoubleDouble): DoubleDouble => ({ hi: -hi, lo: -lo });

function mul(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const p = twoProduct(a.hi, b.hi);
  if (!Number.isFinite(p.hi)) return p;
  return fastTwoSum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/** Long division, three quotient digits of 53 bits. */
function div(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const q1 = a.hi / b.hi;
  if (!Number.isFinite(q1) || q1 === 0) return { hi: q1, lo: 0 };
  const r1 = add(a, negate(mul(b, { hi: q1, lo: 0 })));
  const q2 = r1.hi / b.hi;
  const r2 = add(r1, negate(mul(b, { hi: q2, lo: 0 })));
  return add(fastTwoSum(q1, q2), { hi: r2.hi / b.hi, lo: 0 });
}

/** ln 2, its two leading doubles. */
export const LN2: DoubleDouble = { hi: Math.LN2, lo: 2.3190468138462996e-17 };
/** exp is taken of r / 2^HALVINGS and squared as often. */
const HALVINGS = 9;
const TERMS = 10;

/** exp(a) = 2^k exp(r), r = a - k ln 2; exp(r / 512) - 1 by its series, then doubled: (1 + s)^2 - 1 = 2 s + s^2. */
function exp(a: DoubleDouble): DoubleDouble {
  if (Number.isNaN(a.hi)) return { hi: Number.NaN, lo: 0 };
  if (a.hi > 710) return { hi: Number.POSITIVE_INFINITY, lo: 0 };
  if (a.hi < -746) return { hi: 0, lo: 0 };
  const k = Math.round(a.hi / Math.LN2);
  const r = add(a, negate(mul(LN2, { hi: k, lo: 0 })));
  const m = { hi: r.hi / 2 ** HALVINGS, lo: r.lo / 2 ** HALVINGS };
  let s: DoubleDouble = { hi: 0, lo: 0 };
  // Horner: m (1 + m/2 (1 + m/3 (1 + …)))
  for (let n = TERMS; n >= 1; n--) s = mul(div(m, { hi: n, lo: 0 }), add({ hi: 1, lo: 0 }, s));
  for (let i = 0; i < HALVINGS; i++) s = add({ hi: 2 * s.hi, lo: 2 * s.lo }, mul(s, s));
  const e = add({ hi: 1, lo: 0 }, s);
  // 2^k in two factors, neither of which overflows or becomes subnormal
  const [first, second] = [2 ** Math.trunc(k / 2), 2 ** (k - Math.trunc(k / 2))];
  return { hi: e.hi * first * second, lo: e.lo * first * second };
}

export const doubleDouble: Arithmetic<DoubleDouble> = {
  of: (value) => ({ hi: value, lo: 0 }),
  valueOf: ({ hi, lo }) => hi + lo,
  add,
  sub: (a, b) => add(a, negate(b)),
  mul,
  exp,
  div,
};
