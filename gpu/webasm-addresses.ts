/**
 * Addresses of what kernels read on webasm. gpu.js computes x + width (y + height z) anew at every read, and V8 11.3 finds neither what
 * reads share nor what a loop does not change. Here an index is a sum of products of integers: whole numbers go into the instruction itself,
 * what an innermost loop does not change is added up before it, and neighbouring statements share a sum. So a body must not add a whole
 * number to what is no index yet (kernel.ts).
 */
import {
  type Emitter,
  type Generator,
  initOf,
  isSum,
  type Node,
  nodesWhere,
  once,
  readsIn,
  threadAxis,
} from './webasm-generator.ts';
import { isCounter, keep, wholeOf } from './webasm-integers.ts';

export interface Buffer {
  offset: number;
  dims: number[];
  flatLength: number;
}

/** Something that is multiplied and added: a local, a global, or what has to be computed where it stands. */
interface Term {
  /** Two terms with the same key have the same value, as long as no counter moves. Undefined where that is not known. */
  key: string | undefined;
  emit(): void;
  factor: number;
  /** The name of a local. */
  name?: string;
}

interface Sum {
  terms: Term[];
  constant: number;
}

/** The value of a node that is a whole number when a kernel is compiled. */
function numberOf({ constants }: Generator, { type, value, object, property, computed }: Node): number | undefined {
  if (type === 'Literal') return Number.isInteger(value) ? (value as number) : undefined;
  const isConstant = type === 'MemberExpression' && !computed && object?.property?.name === 'constants';
  const given = isConstant ? constants?.[property?.name as string] : undefined;
  return Number.isInteger(given) ? given : undefined;
}

function addTo(sum: Sum, term: Term): void {
  const known = term.key === undefined ? undefined : sum.terms.find(({ key }) => key === term.key);
  if (known) known.factor += term.factor;
  else sum.terms.push(term);
}

/** Adds factor times a node. Where four neighbours differ in it, it is that of the first. */
function addNode(generator: Generator, sum: Sum, node: Node, factor: number): void {
  const { em } = generator;
  const number = numberOf(generator, node);
  if (number !== undefined) {
    sum.constant += factor * number;
    return;
  }
  const axis = threadAxis(node);
  if (axis) {
    const index = generator.assembler.globals[`thread${axis.toUpperCase() as 'X' | 'Y' | 'Z'}`];
    addTo(sum, { key: axis, factor, emit: () => em.globalGet(index) });
    return;
  }
  const one = wholeOf(generator, node)?.one;
  if (one !== undefined) {
    addTo(sum, { key: `${one}`, name: node.name, factor, emit: () => em.localGet(one) });
    return;
  }
  const [left, right] = [node.left as Node, node.right as Node];
  if (isSum(node)) {
    addNode(generator, sum, left, factor);
    addNode(generator, sum, right, node.operator === '+' ? factor : -factor);
    return;
  }
  const by = node.operator === '*' ? [numberOf(generator, left), numberOf(generator, right)] : [];
  if (by[0] !== undefined) addNode(generator, sum, right, factor * by[0]);
  else if (by[1] !== undefined) addNode(generator, sum, left, factor * by[1]);
  else if (generator.vec && generator.vInfo.exprVarying(node)) {
    addNode(generator, sum, initOf(generator.getJsAST(), node.name as string) as Node, factor);
  } else addTo(sum, { key: undefined, factor, emit: () => generator.emitIndex(node) });
}

/** The address of a read, in bytes from the start of its buffer. */
function sumOf(generator: Generator, { dims }: Buffer, indices: (Node | undefined)[]): Sum {
  const sum: Sum = { terms: [], constant: 0 };
  let factor = 4;
  indices.forEach((index, axis) => {
    if (index) addNode(generator, sum, index, factor);
    factor *= dims[axis];
  });
  return { ...sum, terms: sum.terms.filter((term) => term.factor !== 0) };
}

const keyOf = (terms: readonly Term[]): string | undefined =>
  terms.some(({ key }) => key === undefined)
    ? undefined
    : terms
        .map(({ key, factor }) => `${factor} ${key}`)
        .sort()
        .join(' + ');

function emitSum({ em }: Generator, terms: readonly Term[]): void {
  terms.forEach(({ emit, factor }, i) => {
    emit();
    const shift = Math.log2(factor);
    if (factor !== 1) {
      if (Number.isInteger(shift)) em.i32Const(shift).i32Shl();
      else em.i32Const(factor).i32Mul();
    }
    if (i > 0) em.i32Add();
  });
  if (terms.length === 0) em.i32Const(0);
}

/** Sums that a local holds, for the code that is written now. */
interface Known {
  /** From before the innermost loop. */
  before: Map<string, number>;
  /** Of the statement that is written, and of those before it; null where not all of it is executed. */
  near: Map<string, number> | null;
  /** The last statement that was written, if what it knows holds after it. */
  last: Node | null;
}

const knownOf = new WeakMap<Emitter, Known>();

function known({ em }: Generator): Known {
  const sums = knownOf.get(em) ?? { before: new Map(), near: null, last: null };
  knownOf.set(em, sums);
  return sums;
}

/** The terms that a loop does not change, and those that it does. */
function split(generator: Generator, terms: readonly Term[], changing: ReadonlySet<string>): [Term[], Term[]] {
  const isFixed = ({ key, name }: Term): boolean =>
    key !== undefined && (name === undefined || (!changing.has(name) && generator.locals.has(name)));
  return [terms.filter(isFixed), terms.filter((term) => !isFixed(term))];
}

const isLoop = ({ type }: Node): boolean => /^(For|While|DoWhile)Statement$/.test(type);

/** Whether a loop has no other in it. */
const isInnermost = once((loop) => nodesWhere(loop, isLoop).length === 1);

/** The names that a piece of a body declares, or assigns to. */
const changedIn = once((node): ReadonlySet<string> => {
  const target = ({ id, left, argument, type }: Node): Node | null | undefined =>
    ({ VariableDeclarator: id, AssignmentExpression: left, UpdateExpression: argument })[type];
  return new Set(nodesWhere(node, (each) => Boolean(target(each))).map((each) => target(each)?.name as string));
});

let changing: ReadonlySet<string> = new Set();

/** Whether sums are worth holding: where sizes are no constants, few factors are known, and most cases are small and new. */
const holdsSums = ({ constants }: Generator): boolean => constants !== null && constants !== undefined;

/** Whether an address can be written as one sum. */
export const isPlain = (generator: Generator): boolean => !generator.vec || generator.vMaskDepth === 0;

/**
 * Writes a loop: if it has no other in it, sums that it does not change come first.
 * @param isWhole whether a read is of one number, or of four neighbours in memory
 */
export function aroundLoop(
  generator: Generator,
  loop: Node,
  isWhole: (name: string, indices: Node[]) => boolean,
  write: () => void,
): void {
  if (!holdsSums(generator)) {
    write();
    return;
  }
  const sums = known(generator);
  const outer = { before: sums.before, changing };
  if (generator.assembler && isInnermost(loop) && isPlain(generator)) {
    changing = changedIn(loop);
    sums.before = new Map(outer.before);
    for (const { name, indices } of readsIn(loop)) {
      const buffer = generator.assembler.layout.arrays?.[name];
      if (!buffer || !isWhole(name, indices)) continue;
      const [fixed] = split(generator, sumOf(generator, buffer, indices).terms, changing);
      const key = keyOf(fixed) as string;
      if (fixed.length === 0 || (fixed.length === 1 && fixed[0].factor === 1) || sums.before.has(key)) continue;
      const local = generator.em.addLocal('i32');
      emitSum(generator, fixed);
      keep(generator, 'i32', local);
      sums.before.set(key, local);
    }
  }
  write();
  sums.before = outer.before;
  changing = outer.changing;
}

const ONE_AFTER_THE_OTHER = ['ExpressionStatement', 'VariableDeclaration'];
const BRANCHES = ['ConditionalExpression', 'LogicalExpression'];

const previous = new WeakMap<Generator, Map<Node, Node>>();

/** The statement that comes right before one in its block. */
function before(generator: Generator, statement: Node): Node | undefined {
  let pairs = previous.get(generator);
  if (!pairs) {
    pairs = new Map();
    for (const { body } of nodesWhere(generator.getJsAST(), (node) => Array.isArray(node.body))) {
      for (const [i, each] of (body as Node[]).entries()) if (i > 0) pairs.set(each, (body as Node[])[i - 1]);
    }
    previous.set(generator, pairs);
  }
  return pairs.get(statement);
}

/** Whether all of a statement is executed, from its first part to its last. */
const isStraightOn = once(
  (statement) =>
    ONE_AFTER_THE_OTHER.includes(statement.type) &&
    nodesWhere(statement, ({ type }) => BRANCHES.includes(type)).length === 0,
);

/** Writes a statement: sums stay known from one to the next where all that is written is executed. */
export function aroundStatement(generator: Generator, statement: Node, write: () => void): void {
  if (!holdsSums(generator)) {
    write();
    return;
  }
  const sums = known(generator);
  const isStraight = isStraightOn(statement);
  const follows = sums.last !== null && sums.last === before(generator, statement);
  sums.near = isStraight ? ((follows ? sums.near : null) ?? new Map()) : null;
  write();
  const movesCounter = isStraight && [...changedIn(statement)].some((name) => isCounter(generator, name));
  sums.last = isStraight && !movesCounter ? statement : null;
  if (sums.last === null) sums.near = null;
}

/** Leaves an address, and returns what its instruction adds to it. */
export function emitAddress(generator: Generator, buffer: Buffer, indices: (Node | undefined)[]): number {
  const { em } = generator;
  const { before, near } = known(generator);
  const { terms, constant } = sumOf(generator, buffer, indices);
  const key = keyOf(terms);
  const own = key === undefined ? undefined : near?.get(key);
  if (own !== undefined) em.localGet(own);
  else {
    const [fixed, other] = split(generator, terms, changing);
    const held = fixed.length > 0 ? before.get(keyOf(fixed) as string) : undefined;
    if (held === undefined) emitSum(generator, terms);
    else {
      em.localGet(held);
      if (other.length > 0) {
        emitSum(generator, other);
        em.i32Add();
      }
    }
    if (key !== undefined && near && terms.length > 0) {
      const local = em.addLocal('i32');
      em.localTee(local);
      near.set(key, local);
    }
  }
  if (constant < 0) em.i32Const(constant).i32Add();
  return buffer.offset + Math.max(constant, 0);
}
