/**
 * Whose values an output holds: of which value channel, head and row. P is read with one key a value channel, so that what is wrong with the
 * channels has to be known before. The values are the same in all channels, then twice as large in those with a bit in their number: an
 * output that doubles with them is theirs.
 */
import { noise } from '../../properties/arbitraries/noise.ts';
import { range, tensorBy, withInputs } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { bitLength } from '../../reference/levels.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { brief } from '../localise/relation.ts';
import { emptyState, held, type Lab } from './lab.ts';
import type { Finding } from './probed.ts';

/** Row, position, head, value channel. */
type Index = readonly [b: number, t: number, h: number, j: number];

/** Values of a position, the same for every row, head and channel: at most 1/2, so that twice as much is not beyond 1. */
const common = (s: number): number => (1 + (noise(4, 'common', [s]) % 4)) / 8;

interface Asked {
  V: number;
  /** With the same values in all places; then with those of each bit doubled. */
  plain: Float64Array;
  bits: Float64Array[];
}

async function askBits(lab: Lab, V: number, count: number, number: (index: Index) => number): Promise<Asked> {
  const { B, T, H, c } = lab;
  const answer = async (bit: number): Promise<Float64Array> => {
    const v = tensorBy([B, T, H, V], (index) => {
      const isDoubled = bit >= 0 && ((number(index as unknown as Index) >> bit) & 1) === 1;
      return common(index[1]) * (isDoubled ? 2 : 1);
    });
    const asked: Case = held(lab, withInputs(c, { v, ...emptyState(c, V) }));
    return toDense((await lab.ask(asked)).o);
  };
  const plain = await answer(-1);
  const bits: Float64Array[] = [];
  for (const bit of range(0, bitLength(count - 1))) bits.push(await answer(bit));
  return { V, plain, bits };
}

/** The number that an element doubles with; null where it does so with several, or is none. */
function sourceOf({ plain, bits }: Asked, at: number): number | null {
  let found = 0;
  for (const [bit, values] of bits.entries()) {
    const times = values[at] / plain[at];
    if (Math.abs(times - 2) < 0.1) found += 2 ** bit;
    else if (!(Math.abs(times - 1) < 0.1)) return null;
  }
  return found;
}

/** What nearly all of some elements say. */
const NEARLY_ALL = 0.9;

/** The one that nearly all are; null where there are none, or several. */
function common90<T>(list: readonly T[]): T | null {
  const counts = new Map<T, number>();
  for (const each of list) counts.set(each, (counts.get(each) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most && most[1] >= NEARLY_ALL * list.length ? most[0] : null;
}

/** What is wrong with one value channel of a head: it holds another one, or so much of itself, or nothing. */
interface ChannelFault {
  channel: number;
  source: number | null;
  factor: number;
}

function faultsOfHead(lab: Lab, asked: Asked, head: number): ChannelFault[] {
  const { B, T, H } = lab;
  const { V, plain } = asked;
  const sources = range(0, V).map((): (number | null)[] => []);
  const factors = range(0, V).map((): number[] => []);
  for (let row = 0; row < B * T; row++) {
    const first = (row * H + head) * V;
    const values = plain.subarray(first, first + V);
    const sizes = [...values].filter((each) => Number.isFinite(each) && each !== 0).map(Math.abs);
    if (sizes.length === 0) continue;
    const typical = sizes.sort((a, b) => a - b)[sizes.length >> 1];
    const sign = [...values].find((each) => Math.abs(each) === typical) as number;
    for (let j = 0; j < V; j++) {
      if (!Number.isFinite(values[j])) continue;
      factors[j].push(values[j] / sign);
      if (Math.abs(values[j]) > 1e-3 * typical) sources[j].push(sourceOf(asked, first + j));
    }
  }
  return range(0, V).flatMap((channel): ChannelFault[] => {
    const source = common90(sources[channel]);
    const rounded = common90(factors[channel].map((each) => Number(each.toPrecision(2))));
    if (rounded === 0) return [{ channel, source: null, factor: 0 }];
    if (source !== null && source !== channel && source < V) return [{ channel, source, factor: 1 }];
    const isOther = rounded !== null && Math.abs(rounded - 1) > 0.04 && source === channel;
    return isOther ? [{ channel, source: null, factor: rounded }] : [];
  });
}

const counted = (list: readonly number[]): string => {
  const shown = list.slice(0, 6).map(String);
  if (list.length > 6) return `${shown.join(', ')}, …`;
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : shown[0];
};

/** "from 2 on", "2 and 3". */
const whichOf = (list: readonly number[], size: number): string => {
  const isTail = list.length > 2 && list.at(-1) === size - 1 && list.every((each, i) => each === list[0] + i);
  return isTail ? `from ${list[0]} on` : counted(list);
};

function channelWords(faults: readonly ChannelFault[], V: number): string {
  const parts: string[] = [];
  const say = (list: readonly ChannelFault[], words: string): void => {
    if (list.length === 0) return;
    const which = whichOf(
      list.map(({ channel }) => channel),
      V,
    );
    parts.push(`value channel${list.length > 1 ? 's' : ''} ${which} ${words}`);
  };
  const lost = faults.filter(({ factor }) => factor === 0);
  say(lost, lost.length > 1 ? 'are 0' : 'is 0');
  const moved = faults.filter(({ source }) => source !== null);
  say(
    moved,
    `hold${moved.length > 1 ? '' : 's'} what is right for ${counted(moved.map(({ source }) => source as number))}`,
  );
  const scaled = faults.filter(({ source, factor }) => source === null && factor !== 0);
  for (const factor of new Set(scaled.map((each) => each.factor))) {
    const list = scaled.filter((each) => each.factor === factor);
    say(list, `hold${list.length > 1 ? '' : 's'} ${brief(factor)} times what is right`);
  }
  return parts.join(', ');
}

/** Faults in the value channels of answers that are V wide, and the channels that are right in every head. */
async function channelsAt(lab: Lab, V: number): Promise<{ finding: Finding | null; right: number[] }> {
  const asked = await askBits(lab, V, V, ([, , , j]) => j);
  const byHead = range(0, lab.H).map((head) => faultsOfHead(lab, asked, head));
  const wrong = new Set(byHead.flat().map(({ channel }) => channel));
  const right = range(0, V).filter((channel) => !wrong.has(channel));
  const heads = byHead.map((faults, head) => ({ head, faults })).filter(({ faults }) => faults.length > 0);
  if (heads.length === 0) return { finding: null, right };
  const [{ head, faults }] = heads;
  const which = heads.length < lab.H ? ` of head ${counted(heads.map((each) => each.head))}` : '';
  const words = channelWords(byHead[head], V);
  return {
    finding: {
      kind: faults.every(({ factor }) => factor === 0) ? 'value-channels-lost' : 'value-channels',
      sentence: `the fault is in the value channels${which}: ${words} (V = ${V})`,
    },
    right,
  };
}

/** Heads and rows that use the values of others. */
async function headsOf(lab: Lab): Promise<Finding | null> {
  const { B, T, H } = lab;
  if (B * H < 2 || B * H > 256) return null;
  const { V, plain, bits } = await askBits(lab, (lab.c.inputs.v as Tensor).shape[3], B * H, ([b, , h]) => b * H + h);
  const others: { own: number; source: number }[] = [];
  for (let own = 0; own < B * H; own++) {
    const [b, h] = [Math.floor(own / H), own % H];
    const sources: (number | null)[] = [];
    for (let t = 0; t < T; t++) {
      for (let j = 0; j < V; j++) {
        const at = ((b * T + t) * H + h) * V + j;
        if (plain[at] !== 0 && Number.isFinite(plain[at])) sources.push(sourceOf({ V, plain, bits }, at));
      }
    }
    const source = common90(sources);
    if (source !== null && source !== own && source < B * H) others.push({ own, source });
  }
  if (others.length === 0) return null;
  const [first] = others;
  const [row, fromRow] = [first.own, first.source].map((each) => Math.floor(each / H));
  const isRow = others.every(({ own, source }) => own % H === source % H);
  const isFirst = others.every(({ source }) => source % H === 0) && others.length >= B * (H - 1);
  const [one, many] = isRow ? ['row', 'batch row'] : ['head', 'head'];
  const [mine, theirs] = isRow ? [row, fromRow] : [first.own % H, first.source % H];
  const sentence =
    isFirst && !isRow
      ? 'every head uses the values of head 0'
      : `${many} ${mine} uses the values of ${one} ${theirs}${others.length > 1 ? `, and ${others.length - 1} more like it` : ''}`;
  return { kind: 'other-values', sentence };
}

/** What is wrong with value channels and with whose values they are; P is read by the right ones from then on. */
export async function valuesOf(lab: Lab): Promise<Finding[]> {
  const [, , , V] = (lab.c.inputs.v as Tensor).shape;
  const own = V > 1 ? (await channelsAt(lab, V)).finding : null;
  const probes = lab.width > 1 ? await channelsAt(lab, lab.width) : null;
  if (probes) lab.channels = probes.right;
  const heads = await headsOf(lab);
  return [own ?? probes?.finding ?? null, heads].filter((each): each is Finding => each !== null);
}
