/** A program as implementations that laws judge: one for each dtype that it computes in. */
import pLimit from 'p-limit';
import { outsideOf } from '../../properties/abilities.ts';
import { inputNames, positionsAfter } from '../../properties/edit.ts';
import { type Abilities, type Implementation, OutsideAbilities, type SizeLimit } from '../../properties/law.ts';
import { outputsOf } from '../../properties/outputs.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { type IntermediateName, intermediateShape } from '../../reference/intermediates.ts';
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
  intermediates?: IntermediateName[];
  chunkSize: number;
  limits?: Partial<Record<'B' | 'T' | 'H' | 'G' | 'K' | 'V', SizeLimit>>;
}

export const withDefaults = (fields: object): Description =>
  ({ ...descriptionDefaults(), ...fields }) as unknown as Description;

/** The abilities of a program, of its description with or without defaults. */
export function abilitiesOf(description: object): Abilities {
  const { name, dtypes, chunkSize, intermediates, limits = {}, ...abilities } = withDefaults(description);
  void [name, dtypes, chunkSize, intermediates];
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

/** The message that asks for the answer to a case, and the bytes behind it. */
export function caseMessage(
  c: Case,
  id: number,
  p: Precision,
  shown: readonly IntermediateName[] = [],
): Pick<Question, 'line'> & { payload: Buffer[] } {
  const { inputs, cotangents, form: _form, law: _law, seed: _seed, path: _path, ...plain } = c;
  const given: [string, Tensor][] = inputNames(c).map((name) => [name, inputs[name] as Tensor]);
  if (cotangents) given.push(['cotangents.o', cotangents.o]);
  if (cotangents?.finalState) given.push(['cotangents.finalState', cotangents.finalState]);
  const dtype = WIRE[p.name];
  const tensors: TensorHeader[] = given.map(([name, { shape }]) => ({ name, dtype, shape: [...shape] }));
  const payload = given.map(([, value]) => encode(toDense(value), dtype));
  const asked = shown.length > 0 ? { intermediates: shown } : {};
  const line = { type: 'case', id, dtype: p.name, case: plain, ...asked, tensors };
  return { line, payload };
}

/** Names and shapes of the tensors of an answer; `shown`: steps beside it, of chunks of `chunkSize`. */
export function wantedOf(
  c: Case,
  { state, chunkSize }: { state: boolean; chunkSize?: number },
  shown: readonly IntermediateName[] = [],
): Map<string, readonly number[]> {
  const shapes = [...outputsOf(c)].map(([name, { shape }]): [string, readonly number[]] => [name, shape]);
  const wanted = new Map(shapes.filter(([name]) => state || name !== 'finalState'));
  for (const name of shown)
    wanted.set(`intermediates.${name}`, intermediateShape(chunkSize === undefined ? c : { ...c, chunkSize }, name));
  return wanted;
}

/** An answer as the laws want it; it has the tensors that are wanted. @throws ProgramFailure where it is an error */
export function answerOf({ type, fields, tensors }: Message, c: Case): Answer {
  if (type === 'error') throw new ProgramFailure('refused', String(fields.message));
  const take = (name: string): DenseTensor => tensors.get(name) as DenseTensor;
  const answer: Answer = { o: take('o'), position: positionsAfter(c) };
  if (tensors.has('finalState')) answer.finalState = take('finalState');
  if (c.cotangents) {
    answer.gradients = Object.fromEntries(
      inputNames(c).map((name): [InputName, DenseTensor] => [name, take(`gradients.${name}`)]),
    );
  }
  const shown = [...tensors].filter(([name]) => name.startsWith('intermediates.'));
  if (shown.length > 0) {
    answer.intermediates = Object.fromEntries(
      shown.map(([name, value]) => [name.slice('intermediates.'.length), value]),
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
      intermediates: description.intermediates,
      async run(c, shown = []) {
        const outside = outsideOf(abilities, c);
        if (outside !== null) throw new OutsideAbilities(`${description.name} has ${outside}`);
        const asked = id++;
        const wanted = wantedOf(c, description, shown);
        const accept: Question['accept'] = (announced) => faultOfAnswer(announced, asked, wanted);
        return answerOf(await ask({ ...caseMessage(c, asked, precision, shown), accept }), c);
      },
    };
  });
  return { programs, implementations, close };
}
