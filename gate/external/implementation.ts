/** A program as implementations that laws judge: one for each dtype that it computes in. */
import { inputNames, sizesOf, systemOf } from '../../properties/edit.ts';
import { type Abilities, type Implementation, OutsideAbilities, type SizeLimit } from '../../properties/law.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, toDense } from '../../reference/tensor.ts';
import { outputsOf } from '../outputs.ts';
import { ProgramFailure } from './failure.ts';
import { type Message, Program, type ProgramOptions } from './program.ts';
import { encode, type TensorHeader, type WireType } from './wire.ts';

const WIRE: Record<string, WireType> = {
  float64: 'float64',
  float32: 'float32',
  tf32: 'float32',
  bfloat16: 'bfloat16',
  float16: 'float16',
};

/** What a program says of itself. */
export interface Description {
  name: string;
  systems: string[];
  dtypes: string[];
  gradients?: boolean;
  state?: boolean;
  packed?: boolean;
  groups?: boolean;
  structures?: boolean;
  resets?: boolean;
  growth?: boolean;
  strongBeta?: boolean;
  chunkSize?: number;
  limits?: Partial<Record<'B' | 'T' | 'H' | 'G' | 'K' | 'V', SizeLimit>>;
}

export const abilitiesOf = (d: Description): Abilities => ({
  systems: d.systems,
  gradients: d.gradients ?? false,
  state: d.state ?? false,
  packed: d.packed ?? false,
  groups: d.groups ?? false,
  structures: d.structures ?? false,
  resets: d.resets ?? false,
  growth: d.growth ?? false,
  strongBeta: d.strongBeta ?? false,
  // strides do not cross the pipe
  views: false,
  chunkSizes: false,
  limits: d.limits ?? {},
});

/** What verdicts call a program in one of its dtypes; seeds follow from it. */
export const nameIn = ({ name, dtypes }: Description, dtype: string): string =>
  dtypes.length > 1 ? `${name} ${dtype}` : name;

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
export function caseMessage(c: Case, id: number, p: Precision): { line: object; payload: Buffer[] } {
  const { inputs, cotangents, form: _form, law: _law, seed: _seed, path: _path, ...plain } = c;
  const given: [string, Tensor][] = inputNames(c).map((name) => [name, inputs[name] as Tensor]);
  if (cotangents) given.push(['cotangents.o', cotangents.o]);
  if (cotangents?.finalState) given.push(['cotangents.finalState', cotangents.finalState]);
  const dtype = WIRE[p.name];
  const tensors: TensorHeader[] = given.map(([name, { shape }]) => ({ name, dtype, shape: [...shape] }));
  const payload = given.map(([, value]) => encode(toDense(value), dtype));
  return { line: { type: 'case', id, dtype: p.name, case: plain, tensors }, payload };
}

/** An answer as the laws want it. @throws ProgramFailure where it is not that of the case */
export function answerOf({ type, fields, tensors }: Message, c: Case, id: number, hasState: boolean): Answer {
  const broke = (what: string): ProgramFailure => new ProgramFailure('broke-protocol', what);
  if (type !== 'answer' && type !== 'error') throw broke(`a ${type}, where the answer to case ${id} is wanted`);
  if (fields.id !== id) throw broke(`the ${type} to case ${fields.id}, where that to ${id} is wanted`);
  if (type === 'error') throw new ProgramFailure('refused', String(fields.message));
  const wanted = outputsOf(c);
  if (!hasState) wanted.delete('finalState');
  for (const name of tensors.keys()) if (!wanted.has(name)) throw broke(`tensor ${name}, which nobody asked for`);
  const take = (name: string): DenseTensor => {
    const value = tensors.get(name);
    const shape = wanted.get(name)?.shape ?? [];
    if (!value) throw broke(`no tensor ${name}, where one of shape [${shape}] is wanted`);
    if (String(value.shape) !== String(shape))
      throw broke(`tensor ${name} of shape [${value.shape}], where [${shape}] is wanted`);
    return value;
  };
  const { cuSeqlens, position = [] } = c;
  const { n, T } = sizesOf(c);
  const seen = Array.from({ length: n }, (_, i) => {
    const length = cuSeqlens ? cuSeqlens[i + 1] - cuSeqlens[i] : T;
    return (position[i] ?? 0) + length;
  });
  const answer: Answer = { o: take('o'), position: seen };
  if (wanted.has('finalState')) answer.finalState = take('finalState');
  if (c.cotangents) {
    answer.gradients = Object.fromEntries(
      inputNames(c).map((name): [InputName, DenseTensor] => [name, take(`gradients.${name}`)]),
    );
  }
  return answer;
}

/** A program, and what the laws see of it. */
export interface External {
  program: Program;
  implementations: Implementation[];
}

/**
 * Starts a program and asks what it can do.
 * @throws ProgramFailure where it cannot be started or does not keep to the protocol
 */
export async function openProgram(options: ProgramOptions): Promise<External> {
  const program = new Program(options);
  const description = (await program.describe()) as unknown as Description;
  const abilities = abilitiesOf(description);
  let id = 0;
  const implementations = description.dtypes.map((dtype): Implementation => {
    const precision = findPrecision(dtype) as Precision;
    return {
      name: nameIn(description, dtype),
      abilities,
      precision,
      chunkSize: description.chunkSize,
      chosenBy: { options: `--dtype ${dtype}`, command: options.command },
      async run(c) {
        const outside = outsideOf(abilities, c);
        if (outside !== null) throw new OutsideAbilities(`${description.name} has ${outside}`);
        const asked = id++;
        const { line, payload } = caseMessage(c, asked, precision);
        const message = await program.ask(line, payload);
        try {
          return answerOf(message, c, asked, abilities.state && systemOf(c).recurrence !== null);
        } catch (error) {
          if (error instanceof ProgramFailure && error.kind === 'broke-protocol') await program.abandon();
          throw error;
        }
      },
    };
  });
  return { program, implementations };
}
