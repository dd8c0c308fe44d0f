/**
 * Faster indices on webasm. gpu.js 2.24.1 computes four neighbours of a row at once, but reads their operands one by one, and converts each
 * index from float32 to an integer at every read (docs/gpujs-notes.md, 12). Here its generator of code is taught five things, for
 * bodies that keep the rules of kernel.ts:
 * - a local that is assigned once is converted once, where it is declared;
 * - a sum inside an index is a sum of integers;
 * - a head, floor((this.thread.x + 0.5) / width), is the same for four neighbours where four divides the width;
 * - an index that is this.thread.x plus something that the four share is one load of four numbers;
 * - a number that the four share is loaded into all four places by one instruction.
 * The numbers that are read are the same, and what is computed from them too.
 */

/** A node of the syntax tree of a kernel's body, as ESTree has it. */
interface Node {
  type: string;
  name?: string;
  operator?: string;
  computed?: boolean;
  left?: Node;
  right?: Node;
  argument?: Node;
  object?: Node;
  property?: Node;
  callee?: Node;
  arguments?: Node[];
  value?: unknown;
  id?: Node;
  init?: Node | null;
  declarations?: { id: Node; init: Node | null }[];
}

/** What is used of gpu.js's writer of WebAssembly: an instruction a call. */
type Emitter = { bytes: number[]; addLocal(type: string): number } & Record<
  | 'localGet'
  | 'localSet'
  | 'localTee'
  | 'globalGet'
  | 'globalSet'
  | 'i32Const'
  | 'i32Shl'
  | 'i32LeU'
  | 'i32Mul'
  | 'i32Add'
  | 'i32Sub'
  | 'i32TruncSatF32S'
  | 'i32x4Splat'
  | 'i32x4Add'
  | 'i32x4Sub'
  | 'i32x4ExtractLane'
  | 'i32x4TruncSatF32x4S'
  | 'v128Load'
  | 'if_'
  | 'else_'
  | 'end',
  (...immediates: (number | string)[]) => Emitter
>;

/** A local of WebAssembly, or four neighbours' values of one. */
interface Local {
  kind: string;
  index: number;
  /** Of a scalar, and of four. */
  wtype: string;
}

/** The local that holds the same as an integer, of one or of four neighbours. */
interface Whole {
  one?: number;
  four?: number;
}

/** What gpu.js knows of four neighbours: whether they differ in a value. */
interface Variance {
  exprVarying(node: Node): boolean;
}

/** What is used of gpu.js's generator of code. */
interface Generator {
  em: Emitter;
  locals: Map<string, Local>;
  assembler: {
    module: { addGlobal(type: string, isMutable: boolean, value: number): number };
    layout: Record<string, Record<string, { offset: number; dims: number[]; flatLength: number }>>;
    globals: { threadX: number };
  };
  vInfo: Variance;
  /** Branches that the four may take differently. */
  vMaskDepth: number;
  constants: Record<string, number>;
  getJsAST(): Node;
  vAnalyze(body: Node): Variance;
  stmtVariableDeclaration(node: Node): void;
  vDeclareVarying(declaration: { id: Node }, node: Node): void;
  emitIndex(node: Node): void;
  vEmitIndex(node: Node): void;
  emitFlatLoad(table: string, name: string, x: Node, y: Node | undefined, z: Node | undefined, member: Node): string;
  vCoerce(from: string, to: string): string;
  vGather(table: string, name: string, x: Node, y: Node | undefined, z: Node | undefined, member: Node): string;
}

/** All nodes for which something holds. */
function nodesWhere(node: unknown, holds: (node: Node) => boolean, found: Node[] = []): Node[] {
  if (!node || typeof node !== 'object') return found;
  if (holds(node as Node)) found.push(node as Node);
  for (const [key, child] of Object.entries(node))
    if (key !== 'loc' && key !== 'parent') nodesWhere(child, holds, found);
  return found;
}

const namesAssigned = new WeakMap<Generator, Set<string>>();

/** The names that a body assigns to after their declaration, or declares twice. */
function assignedIn(generator: Generator): Set<string> {
  const known = namesAssigned.get(generator);
  if (known) return known;
  const declared = new Set<string>();
  const assigned = new Set<string>();
  for (const { type, id, left, argument } of nodesWhere(generator.getJsAST(), () => true)) {
    const name = { VariableDeclarator: id, AssignmentExpression: left, UpdateExpression: argument }[type]?.name;
    if (name !== undefined) (type === 'VariableDeclarator' && !declared.has(name) ? declared : assigned).add(name);
  }
  namesAssigned.set(generator, assigned);
  return assigned;
}

const wholes = new WeakMap<Local, Whole>();

/** The integer of a local that is assigned once, where it was declared by now. */
function wholeOf(generator: Generator, { type, name }: Node): Whole | undefined {
  if (type !== 'Identifier' || name === undefined || assignedIn(generator).has(name)) return undefined;
  const local = generator.locals.get(name);
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

/** Converts a local that was just declared. */
function convert(generator: Generator, name: string): void {
  const local = generator.locals.get(name);
  if (!local || !generator.assembler || assignedIn(generator).has(name)) return;
  const { em } = generator;
  const keep = (type: string, index: number): Emitter =>
    em.globalSet(pinOf(generator, type)).globalGet(pinOf(generator, type)).localSet(index);
  const known = wholes.get(local);
  if (local.kind === 'vscalar' && local.wtype === 'vf32') {
    const four = known?.four ?? em.addLocal('v128');
    em.localGet(local.index).i32x4TruncSatF32x4S();
    keep('v128', four);
    wholes.set(local, { four });
  } else if (local.kind === 'scalar' && local.wtype === 'f32') {
    const one = known?.one ?? em.addLocal('i32');
    em.localGet(local.index).i32TruncSatF32S();
    keep('i32', one);
    wholes.set(local, { one });
  }
}

const INTEGER = { '+': 'i32Add', '-': 'i32Sub', '*': 'i32Mul' } as const;

const isSum = ({ type, operator }: Node): boolean =>
  type === 'BinaryExpression' && (operator === '+' || operator === '-');

const isThreadX = ({ type, computed, object, property }: Node): boolean =>
  type === 'MemberExpression' &&
  !computed &&
  property?.name === 'x' &&
  object?.type === 'MemberExpression' &&
  object.property?.name === 'thread';

/** Whether an index is this.thread.x and something that four neighbours share: a local of four is where its declaration is. */
function growsByOne(generator: Generator, node: Node): boolean {
  const shared = (each: Node): boolean => !generator.vInfo.exprVarying(each);
  if (isSum(node)) {
    const [left, right] = [node.left as Node, node.right as Node];
    if (shared(right)) return growsByOne(generator, left);
    return node.operator === '+' && shared(left) && growsByOne(generator, right);
  }
  if (node.type !== 'Identifier') return isThreadX(node);
  const init = wholeOf(generator, node) && initOf(generator.getJsAST(), node.name as string);
  return init ? growsByOne(generator, init) : false;
}

/** What a name is declared with. */
function initOf(body: Node, name: string): Node | null {
  const [declarator] = nodesWhere(body, ({ type, id }) => type === 'VariableDeclarator' && id?.name === name);
  return declarator?.init ?? null;
}

/** Leaves the index of the first of four neighbours. */
function emitFirst(generator: Generator, node: Node): void {
  const { em } = generator;
  if (!generator.vInfo.exprVarying(node)) generator.emitIndex(node);
  else if (isSum(node)) {
    emitFirst(generator, node.left as Node);
    emitFirst(generator, node.right as Node);
    em[INTEGER[node.operator as '+' | '-']]();
  } else if (isThreadX(node)) em.globalGet(generator.assembler.globals.threadX);
  else emitFirst(generator, initOf(generator.getJsAST(), node.name as string) as Node);
}

/** Whether a node is floor((this.thread.x + 0.5) / width) for a width that four neighbours do not straddle: the head of all four. */
function isHead({ constants }: Generator, node: Node): boolean {
  const [quotient] = node.arguments ?? [];
  if (node.type !== 'CallExpression' || node.callee?.property?.name !== 'floor' || quotient?.operator !== '/')
    return false;
  const { left: shifted, right: width } = quotient;
  if (shifted?.operator !== '+' || shifted.right?.value !== 0.5) return false;
  return (
    isThreadX(shifted.left as Node) &&
    width?.object?.property?.name === 'constants' &&
    constants[width.property?.name as string] % 4 === 0
  );
}

const taught = new WeakSet<object>();

/** Teaches gpu.js's generator of code; once, however often it is called. */
export function teachIndices({ WebAssemblyFunctionNode }: { WebAssemblyFunctionNode: unknown }): void {
  const { prototype } = WebAssemblyFunctionNode as { prototype: Generator };
  if (taught.has(prototype)) return;
  taught.add(prototype);
  const { stmtVariableDeclaration, vDeclareVarying, emitIndex, vEmitIndex, emitFlatLoad, vCoerce, vGather, vAnalyze } =
    prototype;

  prototype.vAnalyze = function analyze(this: Generator, body) {
    const heads = nodesWhere(body, (node) => isHead(this, node));
    const alike = <R>(ask: () => R): R => {
      const given = heads.map((head) => head.arguments);
      for (const head of heads) head.arguments = [];
      const answer = ask();
      heads.forEach((head, i) => {
        head.arguments = given[i];
      });
      return answer;
    };
    const variance = alike(() => vAnalyze.call(this, body));
    const { exprVarying } = variance;
    variance.exprVarying = (node) => alike(() => exprVarying(node));
    return variance;
  };

  prototype.stmtVariableDeclaration = function declare(this: Generator, node) {
    stmtVariableDeclaration.call(this, node);
    for (const { id } of node.declarations ?? []) convert(this, id.name as string);
  };

  prototype.vDeclareVarying = function declareFour(this: Generator, declaration, node) {
    vDeclareVarying.call(this, declaration, node);
    convert(this, declaration.id.name as string);
  };

  prototype.emitIndex = function index(this: Generator, node) {
    const whole = node && wholeOf(this, node);
    if (whole?.one !== undefined) this.em.localGet(whole.one);
    else if (node && node.type === 'BinaryExpression' && (node.operator as string) in INTEGER) {
      this.emitIndex(node.left as Node);
      this.emitIndex(node.right as Node);
      this.em[INTEGER[node.operator as keyof typeof INTEGER]]();
    } else emitIndex.call(this, node);
  };

  prototype.vEmitIndex = function indexOfFour(this: Generator, node) {
    if (!this.vInfo.exprVarying(node)) {
      this.emitIndex(node);
      this.em.i32x4Splat();
      return;
    }
    const four = wholeOf(this, node)?.four;
    if (four !== undefined) this.em.localGet(four);
    else if (isSum(node)) {
      this.vEmitIndex(node.left as Node);
      this.vEmitIndex(node.right as Node);
      this.em[node.operator === '+' ? 'i32x4Add' : 'i32x4Sub']();
    } else vEmitIndex.call(this, node);
  };

  const lastLoad = new WeakMap<Emitter, { start: number; end: number }>();

  prototype.emitFlatLoad = function load(this: Generator, ...how) {
    const type = emitFlatLoad.call(this, ...how);
    // there is nothing to write to while gpu.js only looks at types
    if (!this.assembler) return type;
    const { bytes } = this.em;
    const { offset } = this.assembler.layout[how[0]][how[1]];
    // f32.load, 2 for its alignment, and the offset, seven bits a byte
    const length = 2 + Math.max(Math.ceil((32 - Math.clz32(offset)) / 7), 1);
    lastLoad.set(this.em, { start: bytes.length - length, end: bytes.length });
    return type;
  };

  prototype.vCoerce = function coerce(this: Generator, from, to) {
    const { bytes } = this.em;
    const last = lastLoad.get(this.em);
    if (from !== 'f32' || to !== 'vf32' || last?.end !== bytes.length) return vCoerce.call(this, from, to);
    // v128.load32_splat, which is one instruction of the machine, has the same operands
    bytes.splice(last.start, 1, 0xfd, 0x09);
    return to;
  };

  prototype.vGather = function gather(this: Generator, table, name, x, y, z, member) {
    const layout = this.assembler.layout[table]?.[name];
    const isRow = [y, z].every((each) => !each || !this.vInfo.exprVarying(each));
    if (!layout || layout.flatLength < 4 || !isRow || !growsByOne(this, x)) {
      return vGather.call(this, table, name, x, y, z, member);
    }
    const { em } = this;
    emitFirst(this, x);
    if (y) {
      this.emitIndex(y);
      em.i32Const(layout.dims[0]).i32Mul().i32Add();
    }
    if (z) {
      this.emitIndex(z);
      em.i32Const(layout.dims[0] * layout.dims[1])
        .i32Mul()
        .i32Add();
    }
    if (this.vMaskDepth === 0) {
      em.i32Const(2).i32Shl().v128Load(layout.offset, 2);
      return 'vf32';
    }
    // a branch that is not taken computes with any index: outside, gpu.js's own way keeps inside
    const first = em.addLocal('i32');
    em.localTee(first)
      .i32Const(layout.flatLength - 4)
      .i32LeU()
      .if_('v128');
    em.localGet(first).i32Const(2).i32Shl().v128Load(layout.offset, 2);
    em.else_();
    vGather.call(this, table, name, x, y, z, member);
    em.end();
    return 'vf32';
  };
}
