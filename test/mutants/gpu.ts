/** Wrong kernels: each is one of the GPU form's with a few characters of its source changed, run in the place of the right one. */
import type { Device } from '../../gpu/device.ts';
import { gpuForm, sharedDevice } from '../../gpu/implementations.ts';
import type { Kernel } from '../../gpu/kernel.ts';
import type { Implementation } from '../../properties/law.ts';

export interface GpuMutant {
  name: string;
  /** What is wrong, as a kernel author would say it. */
  bug: string;
  system: string;
  /** The law that must reject it. */
  control: string;
  kernel: string;
  /** In the source with single spaces. */
  from: RegExp | string;
  to: string;
}

/** The source of a body; compilers print it with spaces and line ends of their own. */
const sourceOf = ({ body }: Kernel): string => body.toString().replace(/\s+/g, ' ');

function edited(kernel: Kernel, { name, from, to }: GpuMutant): Kernel {
  const source = sourceOf(kernel);
  const changed = source.replace(from, to);
  if (changed === source) throw new Error(`mutant ${name}: kernel ${kernel.name} has no ${from}`);
  return { ...kernel, name: `${kernel.name} ${name}`, body: new Function(`return ${changed}`)() as Kernel['body'] };
}

/** The device with one kernel edited. */
function withMutant(device: Device, mutant: GpuMutant): Device {
  const run: Device['run'] = (step, kernel, ...rest) =>
    device.run(step, kernel.name === mutant.kernel ? edited(kernel, mutant) : kernel, ...rest);
  return new Proxy(device, {
    get(target, property) {
      if (property === 'run') return run;
      const value = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The GPU form on webasm with the bug in it. */
export const implementGpu = (mutant: GpuMutant): Implementation =>
  gpuForm(mutant.name, async () => withMutant(await sharedDevice('webasm'), mutant));

const mutant = (
  name: string,
  kernel: string,
  [from, to]: [RegExp | string, string],
  control: string,
  bug: string,
  system = 'log-linear-mamba2',
): GpuMutant => ({ name, kernel, from, to, control, bug, system });

const GROUP_OF_HEAD = /Math\.floor\(\(?\(h \+ 0?\.5\) \* this\.constants\.G\)? \/ this\.constants\.H\)/;

export const gpuMutants: readonly GpuMutant[] = [
  mutant(
    'level-too-low',
    'weights',
    ['bits[r][c]', 'Math.max(bits[r][c] - 1, 0)'],
    'forward-within-its-bound',
    'Inside a chunk every bucket is read one level too low.',
  ),
  mutant(
    'slot-reads-its-neighbour',
    'coefficients',
    ['this.constants.blocks + e', 'this.constants.blocks + e - 1'],
    'chunk-size-invariance',
    'Buckets of whole chunks are read with the level scale of the slot below.',
  ),
  mutant(
    'no-decay-between-chunks',
    'readings',
    ['+ between[m][this.thread.x]', ''],
    'forward-within-its-bound',
    'What lies between a bucket and the chunk that reads it decays nothing.',
  ),
  mutant(
    'chunk-reads-past-its-end',
    'leaves',
    ['s < chunk[m][1]', 's <= chunk[m][1]'],
    'forward-within-its-bound',
    'The state of a chunk has the first token of the next one in it.',
  ),
  mutant(
    'no-tail',
    'leaves',
    ['tail[s][h] * ', ''],
    'forward-within-its-bound',
    'The tokens of a chunk do not decay up to its end.',
  ),
  mutant(
    'key-decays-itself',
    'suffixes',
    ['r = s + 1', 'r = s'],
    'forward-within-its-bound',
    'The decay of the key itself is part of the way to its query.',
  ),
  mutant(
    'heads-take-turns',
    'scores',
    [GROUP_OF_HEAD, '(h - Math.floor(h / this.constants.G) * this.constants.G)'],
    'groups-equal-repeated-heads',
    'Head h reads group h mod G.',
  ),
  mutant(
    'later-rows-are-multiplied-by-zero',
    'inside',
    ['s <= t', 's < token[t][1]'],
    'causal-forward-nonfinite',
    'The rows of the chunk after the query are read, and multiplied by 0.',
  ),
  mutant(
    'final-level-too-high',
    'final-tokens',
    ['l = hl - h * this.constants.L', 'l = Math.max(hl - h * this.constants.L - 1, 0)'],
    'split-through-state',
    'Tokens of the last chunk come into the state one level too high.',
  ),
  mutant(
    'state-does-not-decay-between-chunks',
    'content-readings',
    [/ \+ start\[[^;]*\]\[h\]/, ''],
    'split-through-state',
    'The incoming state decays inside the chunk of the query alone.',
  ),
  mutant(
    'first-node-has-no-gradient',
    'lambda-slots',
    ['d >= 0', 'd > 0'],
    'backward-within-its-bound',
    'The first node counts as none where level scales get their gradients.',
  ),
  mutant(
    'no-maximum',
    'softmax-maxima',
    ['return maximum', 'return 0'],
    'finite-in-finite-out',
    'The largest score is not taken off before the exponential.',
    'softmax',
  ),
  mutant(
    'sums-begin-at-the-first-row',
    'softmax-sums',
    [/sequence\[token\[t\]\[4\]\]\[0\]/, '0'],
    'isolated-packed-sequences',
    'The sums of a packed sequence reach into those before it.',
    'softmax',
  ),
];
