/** What is used of gpu.js's generator of code for webasm, and of the syntax trees that it works on. */

/** A node of the syntax tree of a kernel's body, as ESTree has it. */
export interface Node {
  type: string;
  name?: string;
  operator?: string;
  computed?: boolean;
  left?: Node;
  right?: Node;
  argument?: Node;
  object?: Node;
  update?: Node | null;
  test?: Node | null;
  body?: Node | Node[];
  property?: Node;
  callee?: Node;
  arguments?: Node[];
  value?: unknown;
  id?: Node;
  init?: Node | null;
  declarations?: { id: Node; init: Node | null }[];
}

/** What is used of gpu.js's writer of WebAssembly: an instruction a call. */
export type Emitter = { bytes: number[]; addLocal(type: string): number } & Record<
  | 'localGet'
  | 'localSet'
  | 'localTee'
  | 'globalGet'
  | 'globalSet'
  | 'i32Const'
  | 'i32Shl'
  | 'i32ShrS'
  | 'f32Const'
  | 'f32Add'
  | 'f32Sub'
  | 'f32Mul'
  | 'f32Min'
  | 'f32Max'
  | 'f32Nearest'
  | 'f32ReinterpretI32'
  | 'v128ConstF32x4'
  | 'v128ConstI32x4'
  | 'f32x4Add'
  | 'f32x4Sub'
  | 'f32x4Mul'
  | 'f32x4Min'
  | 'f32x4Max'
  | 'f32x4Nearest'
  | 'i32x4Shl'
  | 'i32x4ShrS'
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
  | 'f32Load'
  | 'v128Load'
  | 'v128Store'
  | 'if_'
  | 'else_'
  | 'end',
  (...immediates: (number | string)[]) => Emitter
>;

/** A local of WebAssembly, or four neighbours' values of one. */
export interface Local {
  kind: string;
  index: number;
  /** Of a scalar, and of four. */
  wtype: string;
}

/** What gpu.js knows of four neighbours: whether they differ in a value. */
export interface Variance {
  exprVarying(node: Node): boolean;
}

/** What is used of gpu.js's generator of code. */
export interface Generator {
  em: Emitter;
  locals: Map<string, Local>;
  assembler: {
    module: { addGlobal(type: string, isMutable: boolean, value: number): number };
    layout: {
      [table: string]: Record<string, { offset: number; dims: number[]; flatLength: number }>;
    } & { outputOffset: number };
    globals: { threadX: number; threadY: number; threadZ: number; dataIndex: number };
  };
  vInfo: Variance;
  /** Branches that the four may take differently. */
  vMaskDepth: number;
  /** Whether code for four neighbours is written. */
  vec: boolean;
  /** Local of the neighbours that returned already, or -1. */
  vRetMask: number;
  argumentNames: string[];
  output: number[];
  constants: Record<string, number> | null;
  getJsAST(): Node;
  vAnalyze(body: Node): Variance;
  statement(node: Node): void;
  vstatement(node: Node): void;
  stmtFor(node: Node): void;
  vstmtFor(node: Node): void;
  enterLoop(type?: string): void;
  stmtVariableDeclaration(node: Node): void;
  emitAssignment(node: Node): void;
  emitUpdate(node: Node, isStatement?: boolean): string;
  vDeclareVarying(declaration: { id: Node }, node: Node): void;
  emitIndex(node: Node): void;
  vEmitIndex(node: Node): void;
  emitFlatLoad(table: string, name: string, x: Node, y: Node | undefined, z: Node | undefined, member: Node): string;
  emitComponentAddress(dataIndex: number, numbers: number, number: number): void;
  vStoreOutput(numbers: number[]): void;
  coerce(from: string, to: string): string;
  vCoerce(from: string, to: string): string;
  getType(node: Node): string;
  expression(node: Node): string;
  vexpr(node: Node): string;
  emitMathCall(name: string, node: Node): string;
  vMathCall(name: string, node: Node): string;
  vGather(table: string, name: string, x: Node, y: Node | undefined, z: Node | undefined, member: Node): string;
}

/** All nodes for which something holds. */
export function nodesWhere(node: unknown, holds: (node: Node) => boolean, found: Node[] = []): Node[] {
  if (!node || typeof node !== 'object') return found;
  if (holds(node as Node)) found.push(node as Node);
  for (const [key, child] of Object.entries(node))
    if (key !== 'loc' && key !== 'parent') nodesWhere(child, holds, found);
  return found;
}

export const isSum = ({ type, operator }: Node): boolean =>
  type === 'BinaryExpression' && (operator === '+' || operator === '-');

/** The axis of this.thread.x, this.thread.y or this.thread.z; undefined for anything else. */
export function threadAxis({ type, computed, object, property }: Node): 'x' | 'y' | 'z' | undefined {
  if (type !== 'MemberExpression' || computed || object?.type !== 'MemberExpression') return undefined;
  const name = property?.name;
  return object.property?.name === 'thread' && (name === 'x' || name === 'y' || name === 'z') ? name : undefined;
}

export const isThreadX = (node: Node): boolean => threadAxis(node) === 'x';

/** What is found in a piece of a body is found once: a kernel's code is written anew for each size. */
export function once<R>(ask: (node: Node) => R): (node: Node) => R {
  const known = new WeakMap<Node, { answer: R }>();
  return (node) => {
    let found = known.get(node);
    if (!found) {
      found = { answer: ask(node) };
      known.set(node, found);
    }
    return found.answer;
  };
}

const initsOf = once((body) => {
  const inits = new Map<string, Node | null>();
  for (const { id, init } of nodesWhere(body, ({ type }) => type === 'VariableDeclarator')) {
    if (!inits.has(id?.name as string)) inits.set(id?.name as string, init ?? null);
  }
  return inits;
});

/** What a name is declared with. */
export const initOf = (body: Node, name: string): Node | null => initsOf(body).get(name) ?? null;

/** A read of a buffer: its name, and the indices of a row, x first. */
export interface Read {
  name: string;
  indices: Node[];
}

/** All reads of buffers, those inside indices too. */
export const readsIn = once((node): Read[] => {
  const isMember = ({ type, computed }: Node): boolean => type === 'MemberExpression' && computed === true;
  const members = nodesWhere(node, isMember);
  const rows = new Set(members.map(({ object }) => object));
  return members.flatMap((member) => {
    if (rows.has(member)) return [];
    const indices: Node[] = [];
    let at: Node = member;
    for (; isMember(at); at = at.object as Node) indices.push(at.property as Node);
    return at.type === 'Identifier' ? [{ name: at.name as string, indices }] : [];
  });
});
