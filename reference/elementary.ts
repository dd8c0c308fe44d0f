/**
 * exp, expm1 and log from additions, multiplications and divisions alone, which IEEE 754 fixes to the last bit. An engine may choose
 * its own for Math's, and engines have changed theirs; what is computed here is the same everywhere, and so are the oracle's answers,
 * its bounds and the bytes of fixtures.
 *
 * exp follows Tang, "Table-driven implementation of the exponential function in IEEE floating-point arithmetic" (ACM TOMS 15, 1989):
 * x = k ln2/32 + r, and exp(x) = 2^(k/32) exp(r), with 2^(j/32) from a table and exp(r) - 1 from its series, |r| <= ln2/64.
 */
import { doubleDouble, LN2 } from './double-double.ts';

const STEPS = 32;
/** ln 2 / 32 in two parts; the first ends in 21 zero bits, so that its product with any k that occurs is exact. */
const STEP_HIGH = 0.02166084938653512;
const STEP_LOW = 5.9631716539705866e-12;
const PER_STEP = STEPS / Math.LN2;

/** 2^(j/32), the nearest double and what is left of it. */
const POWERS = Float64Array.from({ length: STEPS }, () => 0);
const POWERS_LEFT = Float64Array.from({ length: STEPS }, () => 0);
for (let j = 0; j < STEPS; j++) {
  const power = doubleDouble.exp(doubleDouble.mul(LN2, doubleDouble.of(j / STEPS)));
  POWERS[j] = power.hi;
  POWERS_LEFT[j] = power.lo;
}

/** 2^m, m from -1022 to 1023: doubled from one to the next, so that no power function is asked. */
const LEAST = -1022;
const TWO_TO = Float64Array.from({ length: 2046 }, () => 2 ** -1022);
for (let i = 1; i < TWO_TO.length; i++) TWO_TO[i] = 2 * TWO_TO[i - 1];

/** Above it exp overflows; below the other exp is 0. */
const LARGEST = 709.782712893384;
const SMALLEST = -745.1332191019412;

/** 1 + this is exp(r): r + r^2/2! + … + r^6/6!; the next term is below 2^-58. */
const series = (r: number): number => r + r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720)))));

/** e^x within 0.6 units in the last place where the result is normal, within one where it is subnormal. */
export function exp(x: number): number {
  if (!(x <= LARGEST)) return x > LARGEST ? Number.POSITIVE_INFINITY : x;
  if (x < SMALLEST) return 0;
  const k = Math.round(x * PER_STEP);
  const r = x - k * STEP_HIGH - k * STEP_LOW;
  const j = k & (STEPS - 1);
  const value = POWERS[j] + (POWERS_LEFT[j] + POWERS[j] * series(r));
  const m = (k - j) / STEPS;
  if (m > LEAST && m < 1024) return value * TWO_TO[m - LEAST];
  return m > 0 ? value * TWO_TO[m - 1 - LEAST] * 2 : value * TWO_TO[m + 60 - LEAST] * 2 ** -60;
}

/** e^x - 1 within two units in the last place. */
export function expm1(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  if (Math.abs(x) < 0.3) {
    // x + x^2/2! + …; from the smallest term on
    let sum = 0;
    for (let n = 15; n >= 2; n--) sum = (x / n) * (1 + sum);
    return x + x * sum;
  }
  if (x > 60) return exp(x);
  if (x < -60) return -1;
  const k = Math.round(x * PER_STEP);
  const r = x - k * STEP_HIGH - k * STEP_LOW;
  const j = k & (STEPS - 1);
  const scale = TWO_TO[(k - j) / STEPS - LEAST];
  return scale * POWERS[j] - 1 + scale * (POWERS_LEFT[j] + POWERS[j] * series(r));
}

/** ln 2 in two parts, the first with 25 zero bits at its end. */
const LN2_HIGH = 0.6931471787393093;
const LN2_LOW = 1.8206359985041462e-9;
const bits = new DataView(new ArrayBuffer(8));

/** Natural logarithm within two units in the last place: x = 2^e m, log m = 2 artanh((m - 1) / (m + 1)) by its series. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  const isSubnormal = x < 2 ** -1022;
  const normal = isSubnormal ? x * 2 ** 54 : x;
  bits.setFloat64(0, normal);
  let e = ((bits.getUint32(0) >>> 20) & 0x7ff) - 1023;
  let m = normal / TWO_TO[e - LEAST];
  if (m > Math.SQRT2) {
    m /= 2;
    e++;
  }
  if (isSubnormal) e -= 54;
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let sum = 0;
  for (let n = 21; n >= 3; n -= 2) sum = z * (1 / n + sum);
  return e * LN2_HIGH + (2 * s + (2 * s * sum + e * LN2_LOW));
}
