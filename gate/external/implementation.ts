/** A program as implementations that laws judge: one for each dtype that it computes in. */
import pLimit from 'p-limit';
import { inputNames, sizesOf } from '../../properties/edit.ts';
import { type Abilities, type Implementation, OutsideAbilities, type SizeLimit } from '../../properties/law.ts';
import { outputsOf } from '../../properties/outputs.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, toDense } from '../../reference/tensor.ts';
import { ProgramFailure, visible } from './failure.ts';
import { Program, type ProgramOptions, TIMEOUT } from './program.ts';
import { descriptionDefaults } from './schemas.ts';
import type { Message, Question } from './session.ts';
import { faultOfAnswer } from './validate.ts';
import { encode, type TensorHeader, WIRE } from './wire.ts';

/** What a program says of itself, with the page's defaults for what it leaves out. */
export interface Description {
  name: string;
  systems: string[];
  dtypes: string[];
  gradients: boolean;
  state: boolean;
  packed: boolean;
  groups: boolean;
  structures: boolean;
  resets: boolean;
  growth: boolean;
  strongBeta: boolean;
  large: boolean;
  chunkSize: number;
  limits?: Partial<Record<'B' | 'T' | 'H' | 'G' | 'K' | 'V', SizeLimit>>;
}

export const withDefaults = (fields: object): Description =>
  ({ ...descriptionDefaults(), ...fields }) as unknown as Description;

/** The abilities of a program, of its description with or without defaults. */
export function abilitiesOf(description: object): Abilities {
  const { name: _name, dtypes: _dtypes, chunkSize: _chunkSize, limits = {}, ...abilities } = withDefaults(description);
  return {
    ...abilities,
    limits,
    // strides do not cross the pipe
    views: false,
    chunkSizes: false,
  };
}

/** What verdicts call a program in one of its dtypes; seeds follow from it. */
export const nameIn = ({ name, dtypes }: Description, dtype: string): string =>
  visible(dtypes.length > 1 ? `${name} ${dtype}` : name);

const some = (value: Tensor | undefined, holds: (entry: number) => boolean): boolean =>
  value !== undefined && toDense(value).some(holds);

/** Why a program with these abilities is not asked for this case; null where it is. */
export function outsideOf(abilities: Abilities, c: Case): string | null {
  const sizes = sizesOf(c);
  if (!abilities.systems.includes(c.system)) return `no ${c.system}`;
  if (c.cotangents && !abilities.gradients) return 'no gradients';
  const hasState =
    c.inputs.initialState !== undefined || c.cotangents?.finalState !== undefined || c.position?.some((p) => p > 0);
  if (hasState && !abilities.state) return 'no states';
  if (c.cuSeqlens && !abilities.packed) return 'no packed sequences';
  if (sizes.G < sizes.H && !abilities.groups) return 'no groups';
  const { kind, base = 2 } = { base: 2, ...(c.structure ?? { kind: 'weak' }) };
  if ((kind !== 'weak' || base !== 2) && !abilities.structures) return 'no other structures';
  return outsideSizes(abilities, sizes) ?? outsideValues(abilities, c);
}

function outsideValues({ resets, growth, strongBeta }: Abilities, { inputs }: Case): string | null {
  const { g, beta } = inputs;
  let why: string | null = null;
  if (!strongBeta && some(beta, (entry) => entry > 1)) why = 'no beta above 1';
  if (!growth && some(g, (entry) => entry > 0)) why = 'no positive log decays';
  if (!resets && some(g, (entry) => entry === Number.NEGATIVE_INFINITY)) why = 'no resets';
  if (why === null) return null;
  // laws of causality poison inputs and look at what must not change: no value of such a case is one that a kernel has to take
  const isPoisoned = (Object.entries(inputs) as [InputName, Tensor][]).some(([name, value]) =>
    some(value, (entry) => !Number.isFinite(entry) && !(name === 'g' && entry === Number.NEGATIVE_INFINITY)),
  );
  return isPoisoned ? null : why;
}

function outsideSizes({ limits = {} }: Abilities, sizes: ReturnType<typeof sizesOf>): string | null {
  for (const [letter, limit] of Object.entries(limits) as [keyof typeof sizes, SizeLimit][]) {
    const size = sizes[letter];
    const { min = letter === 'T' ? 0 : 1, max = Infinity, multipleOf = 1, powerOfTwo = false } = limit;
    const isPower = Number.isInteger(Math.log2(size));
    if (size < min || size > max || size % multipleOf !== 0 || (powerOfTwo && !isPower))
      return `no ${letter} = ${size}`;
  }
  return null;
}

/** The message that asks for the answer to a case, and the bytes behind it. */
export function caseMessage(c: Case, id: number, p: Precision): Pick<Question, 'line'> & { payload: Buffer[] } {
  const { inputs, cotangents, form: _form, law: _law, seed: _seed, path: _path, ...plain } = c;
  const given: [string, Tensor][] = inputNames(c).map((name) => [name, inputs[name] as Tensor]);
  if (cotangents) given.push(['cotangents.o', cotangents.o]);
  if (cotangents?.finalState) given.push(['cotangents.finalState', cotangents.finalState]);
  const dtype = WIRE[p.name];
  const tensors: TensorHeader[] = given.map(([name, { shape }]) => ({ name, dtype, shape: [...shape] }));
  const payload = given.map(([, value]) => encode(toDense(value), dtype));
  const line = { type: 'case', id, dtype: p.name, case: plain, tensors };
  return { line, payload };
}

/** Names and shapes of the tensors of an answer. */
export function wantedOf(c: Case, hasState: boolean): Map<string, readonly number[]> {
  const shapes = [...outputsOf(c)].map(([name, { shape }]): [string, readonly number[]] => [name, shape]);
  return new Map(shapes.filter(([name]) => hasState || name !== 'finalState'));
}

/** An answer as the laws want it; it has the tensors that are wanted. @throws ProgramFailure where it is an error */
export function answerOf({ type, fields, tensors }: Message, c: Case): Answer {
  if (type === 'error') throw new ProgramFailure('refused', String(fields.message));
  const take = (name: string): DenseTensor => tensors.get(name) as DenseTensor;
  const { cuSeqlens, position = [] } = c;
  const { n, T } = sizesOf(c);
  const seen = Array.from({ length: n }, (_, i) => {
    const length = cuSeqlens ? cuSeqlens[i + 1] - cuSeqlens[i] : T;
    return (position[i] ?? 0) + length;
  });
  const answer: Answer = { o: take('o'), position: seen };
  if (tensors.has('finalState')) answer.finalState = take('finalState');
  if (c.cotangents) {
    answer.gradients = Object.fromEntries(
      inputNames(c).map((name): [InputName, DenseTensor] => [name, take(`gradients.${name}`)]),
    );
  }
  return answer;
}

/** A program, and what the laws see of it. */
export interface External {
  /** Its processes, each of which answers one case at a time. */
  programs: readonly Program[];
  implementations: Implementation[];
  /** Ends all of them. */
  close(): Promise<void>;
}

/**
 * Starts a program and asks what it can do.
 * @param processes so many of it answer cases at the same time
 * @throws ProgramFailure where it cannot be started or does not keep to the protocol
 */
export async function openProgram(options: ProgramOptions, processes = 1): Promise<External> {
  const programs = Array.from({ length: processes }, () => new Program(options));
  const close = async (): Promise<void> => void (await Promise.all(programs.map((program) => program.close())));
  const [described] = await Promise.all(programs.map((program) => program.describe())).catch(async (error) => {
    await close();
    throw error;
  });
  const description = withDefaults(described);
  const idle = [...programs];
  const limit = pLimit(processes);
  const ask = (question: Parameters<Program['ask']>[0]): Promise<Message> =>
    limit(async () => {
      const program = idle.pop() as Program;
      try {
        return await program.ask(question);
      } finally {
        idle.push(program);
      }
    });
  const abilities = abilitiesOf(description);
  // a case that takes too long has to do so again when it is replayed
  const limits = [
    ...(options.timeout === TIMEOUT ? [] : [`--timeout ${options.timeout / 1000}`]),
    ...(options.memory === undefined ? [] : [`--memory ${options.memory}`]),
  ];
  let id = 0;
  const implementations = description.dtypes.map((dtype): Implementation => {
    const precision = findPrecision(dtype) as Precision;
    return {
      name: nameIn(description, dtype),
      abilities,
      precision,
      chunkSize: description.chunkSize,
      chosenBy: { options: [`--dtype ${dtype}`, ...limits].join(' '), command: options.command },
      async run(c) {
        const outside = outsideOf(abilities, c);
        if (outside !== null) throw new OutsideAbilities(`${description.name} has ${outside}`);
        const asked = id++;
        const wanted = wantedOf(c, abilities.state);
        const accept: Question['accept'] = (announced) => faultOfAnswer(announced, asked, wanted);
        return answerOf(await ask({ ...caseMessage(c, asked, precision), accept }), c);
      },
    };
  });
  return { programs, implementations, close };
}
