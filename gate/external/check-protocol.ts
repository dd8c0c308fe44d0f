/** A conversation with a program, without laws: every kind of message once, each held against docs/protocol.md, up to the first that is off. */
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { type FailureKind, type Fault, ProgramFailure } from './failure.ts';
import { caseMessage, type Description, wantedOf, withDefaults } from './implementation.ts';
import { type Probe, probesOf } from './probes.ts';
import { describing, type ProgramOptions, startSession } from './program.ts';
import { rules } from './rules.ts';
import type { Message, Question, Session } from './session.ts';
import { type Announced, faultOfAnswer, ownFaultOf } from './validate.ts';
import { byteLength, type TensorHeader } from './wire.ts';

/** One message of the transcript. */
export interface Line {
  from: 'gate' | 'program';
  type: string;
  about: string;
  ok: boolean;
}

/** The first message that is off. */
export interface Breach extends Fault {
  kind: FailureKind;
  /** What it was the answer to. */
  after: string;
  printed: string;
}

export interface ProtocolReport {
  conforms: boolean;
  lines: Line[];
  /** What breaks nothing, and is better known. */
  notes: string[];
  breach: Breach | null;
}

/** Milliseconds in which what nobody asked for is waited for. */
const QUIET = 30;
const NOBODYS = 'no-such-system';

const sizes = (headers: readonly Pick<TensorHeader, 'name' | 'shape'>[]): string =>
  headers.map(({ name, shape }) => `${name} [${shape}]`).join(' ');

function aboutDescription(d: Description): string {
  const can = ['gradients', 'state', 'packed', 'groups', 'structures', 'resets', 'growth', 'strongBeta'] as const;
  const abilities = can.filter((ability) => d[ability]).join(', ');
  const systems = d.systems.length > 3 ? `${d.systems.length} systems` : d.systems.join(', ');
  return [`“${d.name}”`, systems, d.dtypes.join(', '), abilities || 'forward alone'].join('; ');
}

/** A conversation under way. */
interface Talk {
  options: ProgramOptions;
  session: Session;
  say: (line: Line) => void;
  note: (text: string) => void;
  /** The question that waits for its answer. */
  asked: string;
  ids: number;
}

/** What the gate says itself is held against its schemas too. */
function checkOwn(line: { type: string }): void {
  const own = ownFaultOf(line);
  if (own !== null) throw new Error(`a message of the gate is wrong: ${own}`);
}

/** Asks, and writes both messages down. */
async function ask(talk: Talk, question: Question, about: string, told: (answer: Message) => string): Promise<Message> {
  talk.say({ from: 'gate', type: question.line.type, about, ok: true });
  talk.asked = `${question.line.type} ${about}`.trim();
  const answer = await talk.session.ask(question);
  await talk.session.beQuiet(QUIET);
  talk.say({ from: 'program', type: answer.type, about: told(answer), ok: true });
  return answer;
}

async function open(talk: Talk): Promise<Description> {
  const question = describing(talk.options.startTimeout);
  checkOwn(question.line);
  const told = ({ fields }: Message): string => aboutDescription(withDefaults(fields));
  return withDefaults((await ask(talk, question, '', told)).fields);
}

interface Asked {
  probe: Probe;
  p: Precision;
  accept: (id: number) => Question['accept'];
}

function askCase(talk: Talk, { probe, p, accept }: Asked): Promise<Message> {
  const id = talk.ids++;
  const { line, payload } = caseMessage(probe.c, id, p, probe.shown);
  checkOwn(line);
  const given = line as { type: string; case: object; tensors: TensorHeader[] };
  const bytes = given.tensors.reduce((sum, header) => sum + byteLength(header), 0);
  const about = `${id}  ${p.name} ${probe.c.system}, ${probe.about}: ${sizes(given.tensors)}, ${bytes} bytes`;
  const told = ({ type, fields, tensors }: Message): string => {
    const shapes = [...tensors].map(([name, { shape }]) => ({ name, shape: [...shape] }));
    return `${id}  ${type === 'error' ? fields.message : sizes(shapes)}`;
  };
  const extended = { ...given, case: { ...given.case, ...probe.extra?.case }, ...probe.extra?.message };
  const question = { line: extended, payload, within: talk.options.timeout, wants: 'answer', accept: accept(id) };
  return ask(talk, question, about, told);
}

/** A system that nobody has: whatever is answered, so long as it is an answer or an error. */
const anything =
  (id: number): Question['accept'] =>
  (announced: Announced) =>
    faultOfAnswer(announced, id, new Map(announced.headers.map(({ name, shape }) => [name, shape])));

/** The error message, seen once; a program that ends instead, or is silent, is started again. */
async function askForError(talk: Talk, { probe, p, accept }: Asked): Promise<void> {
  const odd = { ...probe, about: 'a system that nobody has' };
  const extra = { message: {}, case: { system: NOBODYS } };
  try {
    const { type } = await askCase(talk, { probe: { ...odd, extra }, p, accept: anything });
    if (type === 'answer')
      talk.note(`it answers a case of “${NOBODYS}”, where an error message would say that it cannot`);
  } catch (error) {
    if (!(error instanceof ProgramFailure) || error.kind === 'broke-protocol') throw error;
    talk.note(
      `at a case of “${NOBODYS}” ${error.fault?.what}; an error message would have kept it from being started again`,
    );
    await talk.session.close(false);
    talk.session = startSession(talk.options);
    await open(talk);
  }
  await askCase(talk, { probe: { ...probe, about: 'plain, once more' }, p, accept });
}

/** An error where a message has fields that no client knows. */
function refusedFields(given: string): ProgramFailure {
  const what = 'it does not pass over fields that it does not know';
  const fault = { what, rule: rules.passOver, given: `the error “${given.slice(0, 300)}”`, wanted: 'an answer' };
  return new ProgramFailure('broke-protocol', what, '', fault);
}

async function converse(talk: Talk): Promise<void> {
  const described = await open(talk);
  const answered = new Set<string>();
  let cases = 0;
  let first: Asked | null = null;
  for (const dtype of described.dtypes) {
    const p = findPrecision(dtype) as Precision;
    for (const probe of probesOf(described, p)) {
      const wanted = wantedOf(probe.c, described, probe.shown);
      const asked: Asked = { probe, p, accept: (id) => (announced) => faultOfAnswer(announced, id, wanted) };
      first ??= asked;
      const { type, fields } = await askCase(talk, asked);
      cases++;
      const { system } = probe.c;
      if (type === 'answer') answered.add(system);
      else if (probe.extra && answered.has(system)) throw refusedFields(String(fields.message));
      else talk.note(`${dtype} ${system}, ${probe.about}: it says that it cannot: ${fields.message}`);
    }
  }
  if (first) await askForError(talk, first);
  if (answered.size === 0) {
    const what = cases === 0 ? 'no case is inside its limits' : `none of ${cases} cases was answered with numbers`;
    throw new ProgramFailure('refused', what, '', { what, rule: cases === 0 ? rules.limits : rules.error });
  }
  talk.say({ from: 'gate', type: 'bye', about: '', ok: true });
  talk.asked = 'bye';
  const how = await talk.session.close(true);
  if (how === null) {
    const what = 'it did not end within 2 s';
    throw new ProgramFailure('timed-out', what, '', { what, rule: rules.bye, given: 'a program that goes on' });
  }
  if (!how.endsWith('exit code 0')) talk.note(`after bye ${how}`);
  talk.say({ from: 'program', type: 'end', about: how, ok: true });
}

/** Holds a conversation; `onLine` sees each message as it comes. */
export async function checkProtocol(
  options: ProgramOptions,
  onLine: (line: Line) => void = () => {},
): Promise<ProtocolReport> {
  const report: ProtocolReport = { conforms: false, lines: [], notes: [], breach: null };
  const say = (line: Line): void => {
    report.lines.push(line);
    onLine(line);
  };
  const note = (text: string): void => void report.notes.push(text);
  let talk: Talk | null = null;
  try {
    talk = { options, session: startSession(options), say, note, asked: '', ids: 0 };
    await converse(talk);
    report.conforms = true;
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    const { kind, printed, fault } = error;
    const after = talk?.asked ?? 'the start';
    report.breach = { ...(fault ?? { what: error.message, rule: rules.ends }), kind, printed, after };
    say({ from: 'program', type: kind, about: report.breach.what, ok: false });
  } finally {
    await talk?.session.close(false);
  }
  return report;
}
