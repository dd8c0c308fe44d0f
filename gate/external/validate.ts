/** What is wrong with a message: by the schemas, and by the case that it answers. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Fault } from './failure.ts';
import { type Rule, ruleOfField, rules } from './rules.ts';
import { gateMessages, programMessages } from './schemas.ts';
import type { TensorHeader } from './wire.ts';

const ajv = new Ajv2020({ allErrors: false, strict: true, verbose: true });
const ofPrograms = new Map<string, object>(Object.entries(programMessages));
const ofTheGate = new Map<string, object>(Object.entries(gateMessages));

/** What checks messages of a type, compiled when it is needed first; undefined for a type that is none. */
function validatorOf(schemas: ReadonlyMap<string, object>, type: unknown): ValidateFunction | undefined {
  const schema = typeof type === 'string' ? schemas.get(type) : undefined;
  return schema && ajv.compile(schema);
}

/** A value as JSON, cut short; whatever it is. */
export function brief(value: unknown, most = 300): string {
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > most ? `${text.slice(0, most)}…` : text;
  } catch {
    return 'a value that is nested too deeply';
  }
}

/** The rule about the field of a message that a schema refuses. */
function ruleOf(type: string, { keyword, instancePath, params }: ErrorObject): Rule {
  if (instancePath.startsWith('/limits')) return rules.limits;
  if (keyword === 'additionalProperties') return rules.fields;
  if (instancePath.endsWith('/dtype') || params.missingProperty === 'dtype') return rules.dtype;
  if (instancePath === '/tensors' && keyword === 'maxItems') return rules.tooLarge;
  if (instancePath.endsWith('/shape') && keyword === 'maxItems') return rules.tooLarge;
  if (instancePath.startsWith('/tensors') || params.missingProperty === 'tensors') return rules.header;
  if (type === 'error') return rules.error;
  if (instancePath === '/id' || params.missingProperty === 'id') return rules.id;
  const name = instancePath.split('/')[1] ?? params.missingProperty;
  const field = type === 'description' ? programMessages.description.properties[name] : undefined;
  if (field?.description === undefined) return rules.type;
  const standard = field.default ?? (name === 'limits' || name === 'intermediates' ? 'none' : 'required');
  return ruleOfField(name, `${field.description} | ${standard}`);
}

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;

/** What is wrong with a message of a program; null where it is one. */
export function faultOf(fields: unknown): Fault | null {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return { what: 'a line that is no JSON object', rule: rules.line, given: kindOf(fields), wanted: 'an object' };
  }
  const { type } = fields as { type?: unknown };
  const validate = validatorOf(ofPrograms, type);
  if (!validate) {
    const known = [...ofPrograms.keys()].join(', ');
    const given = brief(type, 100);
    return {
      what: `type ${given}, where ${known} are known`,
      rule: rules.type,
      pointer: '/type',
      given,
      wanted: known,
    };
  }
  const error = errorOf(validate, fields);
  if (error === null) return null;
  const { instancePath, message, params, data, keyword } = error;
  const where = instancePath === '' ? '' : `at ${instancePath} `;
  const extra = keyword === 'additionalProperties' ? params.additionalProperty : params.missingProperty;
  return {
    what: `message ${type}: ${where}${message} ${brief(params)}`,
    rule: ruleOf(type as string, error),
    pointer: extra === undefined ? instancePath : `${instancePath}/${String(extra).slice(0, 100)}`,
    given:
      keyword === 'required'
        ? 'nothing'
        : brief(keyword === 'additionalProperties' ? (data as Record<string, unknown>)[extra] : data, 100),
    wanted:
      keyword === 'additionalProperties'
        ? 'no such field'
        : `it ${message}${keyword === 'enum' ? ` ${brief(params.allowedValues)}` : ''}`,
  };
}

function errorOf(validate: ValidateFunction, fields: object): ErrorObject | null {
  try {
    if (validate(fields)) return null;
  } catch {
    // two lists are compared level by level, however deep they are
    return {
      keyword: 'depth',
      instancePath: '',
      schemaPath: '',
      params: {},
      message: 'it is nested too deeply',
      data: null,
    };
  }
  return (validate.errors as ErrorObject[])[0];
}

/** What is wrong with a message of our own; null where it is as the schemas have it. */
export function ownFaultOf(fields: { type: string }): string | null {
  const validate = validatorOf(ofTheGate, fields.type);
  if (!validate) return `no type ${fields.type}`;
  return validate(fields) ? null : ajv.errorsText(validate.errors);
}

/** A message before its tensors are read. */
export interface Announced {
  type: string;
  fields: Record<string, unknown>;
  headers: readonly TensorHeader[];
}

/** What is wrong with the answer to a case; `wanted` has the shapes of its tensors by name. */
export function faultOfAnswer(
  { type, fields, headers }: Announced,
  id: number,
  wanted: ReadonlyMap<string, readonly number[]>,
): Fault | null {
  if (type !== 'answer' && type !== 'error') {
    const what = `a ${type}, where the answer to case ${id} is wanted`;
    return { what, rule: rules.type, pointer: '/type', given: type, wanted: 'answer, or error' };
  }
  if (fields.id !== id) {
    const what = `the ${type} to case ${fields.id}, where that to ${id} is wanted`;
    return { what, rule: rules.id, pointer: '/id', given: String(fields.id), wanted: String(id) };
  }
  if (type === 'error') return null;
  const seen = new Set<string>();
  for (const [i, { name, shape }] of headers.entries()) {
    const at = `/tensors/${i}`;
    if (seen.has(name)) {
      return {
        what: `tensor ${name} twice`,
        rule: rules.nothingElse,
        pointer: `${at}/name`,
        given: name,
        wanted: 'it once',
      };
    }
    seen.add(name);
    const right = wanted.get(name);
    if (!right) {
      const what = `tensor ${name}, which nobody asked for`;
      const names = [...wanted.keys()].join(', ');
      return {
        what,
        rule: rules.nothingElse,
        pointer: `${at}/name`,
        given: name,
        wanted: names,
        hint: hintOfName(name),
      };
    }
    if (String(shape) === String(right)) continue;
    const [given, asked] = [`[${shape}]`, `[${right}]`];
    const what = `tensor ${name} of shape ${given}, where ${asked} is wanted`;
    return {
      what,
      rule: ruleOfTensor(name),
      pointer: `${at}/shape`,
      given,
      wanted: asked,
      hint: hintOfShape(shape, right),
    };
  }
  for (const [name, shape] of wanted) {
    if (seen.has(name)) continue;
    const what = `no tensor ${name}, where one of shape [${shape}] is wanted`;
    const given = seen.size === 0 ? 'no tensor' : [...seen].join(', ');
    return { what, rule: ruleOfTensor(name), pointer: '/tensors', given, wanted: `${name} too, of shape [${shape}]` };
  }
  return null;
}

const ruleOfTensor = (name: string): Rule =>
  name === 'o' ? rules.o : name === 'finalState' ? rules.finalState : rules.gradients;

const hintOfName = (name: string): string | undefined =>
  /^d[a-zA-Z]|^grad/.test(name) ? 'gradients are called gradients.q, gradients.k, …' : undefined;

function hintOfShape(given: readonly number[], wanted: readonly number[]): string | undefined {
  if (given.length !== wanted.length) return `${given.length} axes, where ${wanted.length} are wanted`;
  const isPermuted = String([...given].sort()) === String([...wanted].sort());
  return isPermuted ? 'the same sizes in another order: two axes are exchanged' : undefined;
}
