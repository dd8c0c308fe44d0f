/**
 * Integers beside the float32 locals that indices are made of. gpu.js converts a local wherever an index has it; here one that is assigned
 * once is converted where it is declared, and a counter of a loop has an integer that is counted up with it.
 */
import { type Generator, initOf, type Local, type Node, nodesWhere, readsIn } from './webasm-generator.ts';

/** The local that holds the same as an integer, of one or of four neighbours. */
interface Whole {
  one?: number;
  four?: number;
}

/** What the names of a body are. */
interface Names {
  /** Assigned to after their declaration, or declared twice. */
  assigned: Set<string>;
  /** Assigned to by adding whole numbers alone, and declared once. */
  counters: Set<string>;
  /** Part of an index, or of what a name that is part of one is declared with. */
  indices: Set<string>;
}

const namesOfBodies = new WeakMap<Generator, Names>();

/** The whole number that a node adds to a name. */
function stepOf({ type, operator, right }: Node): number | undefined {
  if (type === 'UpdateExpression') return operator === '++' ? 1 : -1;
  return operator === '+=' && Number.isInteger(right?.value) ? (right?.value as number) : undefined;
}

const identifiersIn = (node: Node): string[] =>
  nodesWhere(node, ({ type }) => type === 'Identifier').map(({ name }) => name as string);

function namesOf(generator: Generator): Names {
  const known = namesOfBodies.get(generator);
  if (known) return known;
  const body = generator.getJsAST();
  const declared = new Set<string>();
  const twice = new Set<string>();
  const steps = new Map<string, (number | undefined)[]>();
  for (const node of nodesWhere(body, () => true)) {
    const { type, id, left, argument } = node;
    const name = { VariableDeclarator: id, AssignmentExpression: left, UpdateExpression: argument }[type]?.name;
    if (name === undefined) continue;
    if (type === 'VariableDeclarator') (declared.has(name) ? twice : declared).add(name);
    else steps.set(name, [...(steps.get(name) ?? []), stepOf(node)]);
  }
  const assigned = new Set([...steps.keys(), ...twice]);
  const counters = new Set(
    [...steps].filter(([name, by]) => !twice.has(name) && !by.includes(undefined)).map(([name]) => name),
  );
  const indices = new Set<string>();
  const add = (node: Node): void => {
    for (const name of identifiersIn(node)) {
      if (indices.has(name)) continue;
      indices.add(name);
      const init = initOf(body, name);
      if (init) add(init);
    }
  };
  for (const read of readsIn(body)) for (const index of read.indices) add(index);
  const names = { assigned, counters, indices };
  namesOfBodies.set(generator, names);
  return names;
}

export const isCounter = (generator: Generator, name: string): boolean => namesOf(generator).counters.has(name);

const wholes = new WeakMap<Local, Whole>();

/** The integers of a local, where it was declared by now. */
export function wholeOf(generator: Generator, { type, name }: Node): Whole | undefined {
  if (type !== 'Identifier' || name === undefined) return undefined;
  const { assigned, counters } = namesOf(generator);
  if (assigned.has(name) && !counters.has(name)) return undefined;
  const local = generator.locals.get(name);
  if (local?.kind === 'scalar' && local.wtype === 'i32') return { one: local.index };
  return local && wholes.get(local);
}

const pins = new WeakMap<object, Map<string, number>>();

/** A global of a module through which values go that are to be computed once: V8 11.3 computes an index anew in each step of a loop. */
function pinOf({ assembler: { module } }: Generator, type: string): number {
  const known = pins.get(module) ?? new Map<string, number>();
  pins.set(module, known);
  const pin = known.get(type) ?? module.addGlobal(type, true, 0);
  known.set(type, pin);
  return pin;
}

/** Puts what was computed last into a local, once for all. */
export function keep(generator: Generator, type: string, index: number): void {
  const pin = pinOf(generator, type);
  generator.em.globalSet(pin).globalGet(pin).localSet(index);
}

/** Converts a local that was just declared. */
export function convert(generator: Generator, name: string): void {
  const local = generator.locals.get(name);
  const { assigned, counters, indices } = namesOf(generator);
  // there is nothing to write to while gpu.js only looks at types
  if (!local || !generator.assembler || !indices.has(name)) return;
  const { em } = generator;
  const known = wholes.get(local);
  if (local.kind === 'vscalar' && local.wtype === 'vf32' && !assigned.has(name)) {
    const four = known?.four ?? em.addLocal('v128');
    em.localGet(local.index).i32x4TruncSatF32x4S();
    keep(generator, 'v128', four);
    wholes.set(local, { four });
  } else if (local.kind === 'scalar' && local.wtype === 'f32' && (!assigned.has(name) || counters.has(name))) {
    const one = known?.one ?? em.addLocal('i32');
    em.localGet(local.index).i32TruncSatF32S();
    if (assigned.has(name)) em.localSet(one);
    else keep(generator, 'i32', one);
    wholes.set(local, { one });
  }
}

/** Counts the integer of a counter up, after the counter. */
export function advance(generator: Generator, node: Node): void {
  const name = (node.left ?? node.argument)?.name as string;
  const local = generator.locals.get(name);
  const one = local && isCounter(generator, name) ? wholes.get(local)?.one : undefined;
  if (one === undefined) return;
  generator.em
    .localGet(one)
    .i32Const(stepOf(node) as number)
    .i32Add()
    .localSet(one);
}
