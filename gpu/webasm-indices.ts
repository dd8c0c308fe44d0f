/**
 * Faster indices on webasm. gpu.js 2.24.1 computes four neighbours of a row at once, but reads their operands one by one, and converts each
 * index from float32 to an integer at every read (docs/gpujs-notes.md, 12). Here its generator of code is taught, for bodies that
 * keep the rules of kernel.ts:
 * - a local that is assigned once is converted once, where it is declared, and a counter of a loop has an integer beside it;
 * - an address is one sum (webasm-addresses.ts);
 * - a sum inside an index is a sum of integers;
 * - a head, floor((this.thread.x + 0.5) / width), is the same for four neighbours where four divides the width;
 * - an index that is this.thread.x plus something that the four share is one load of four numbers;
 * - a number that the four share is loaded into all four places by one instruction.
 * The numbers that are read are the same, and what is computed from them too.
 */
import { aroundLoop, aroundStatement, emitAddress, isPlain } from './webasm-addresses.ts';
import { type Emitter, type Generator, initOf, isSum, isThreadX, type Node, nodesWhere } from './webasm-generator.ts';
import { advance, convert, wholeOf } from './webasm-integers.ts';

const INTEGER = { '+': 'i32Add', '-': 'i32Sub', '*': 'i32Mul' } as const;

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
    (constants?.[width.property?.name as string] ?? 1) % 4 === 0
  );
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

/** Whether four neighbours read neighbouring numbers. */
const areNeighbours = (
  generator: Generator,
  { flatLength }: { flatLength: number },
  [x, ...rows]: (Node | undefined)[],
): boolean =>
  flatLength >= 4 &&
  rows.every((each) => !each || !generator.vInfo.exprVarying(each)) &&
  growsByOne(generator, x as Node);

/** Whether a read is an instruction: of one number, or of four that are neighbours. */
function isWholeRead(generator: Generator, name: string, indices: Node[]): boolean {
  const isVarying = generator.vec && indices.some((index) => generator.vInfo.exprVarying(index));
  return !isVarying || areNeighbours(generator, generator.assembler.layout.arrays[name], indices);
}

const taught = new WeakSet<object>();

/** Teaches gpu.js's generator of code; once, however often it is called. */
export function teachIndices({ WebAssemblyFunctionNode }: { WebAssemblyFunctionNode: unknown }): void {
  const { prototype } = WebAssemblyFunctionNode as { prototype: Generator };
  if (taught.has(prototype)) return;
  taught.add(prototype);
  const { stmtVariableDeclaration, vDeclareVarying, emitAssignment, emitUpdate, emitIndex, vEmitIndex } = prototype;
  const { statement, vstatement, stmtFor, vstmtFor, emitFlatLoad, vCoerce, vGather, vAnalyze } = prototype;

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

  prototype.emitAssignment = function assign(this: Generator, node) {
    emitAssignment.call(this, node);
    advance(this, node);
  };

  prototype.emitUpdate = function update(this: Generator, node, isStatement) {
    const type = emitUpdate.call(this, node, isStatement);
    advance(this, node);
    return type;
  };

  prototype.statement = function one(this: Generator, node) {
    aroundStatement(this, node, () => statement.call(this, node));
  };

  prototype.vstatement = function four(this: Generator, node) {
    aroundStatement(this, node, () => vstatement.call(this, node));
  };

  prototype.stmtFor = function loop(this: Generator, node) {
    aroundLoop(
      this,
      node,
      (name, indices) => isWholeRead(this, name, indices),
      () => stmtFor.call(this, node),
    );
  };

  prototype.vstmtFor = function loopOfFour(this: Generator, node) {
    aroundLoop(
      this,
      node,
      (name, indices) => isWholeRead(this, name, indices),
      () => vstmtFor.call(this, node),
    );
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
    const [table, name, x, y, z] = how;
    const buffer = this.assembler?.layout[table]?.[name];
    // there is nothing to write to while gpu.js only looks at types
    if (!buffer) return emitFlatLoad.call(this, ...how);
    const { bytes } = this.em;
    if (!isPlain(this)) {
      emitFlatLoad.call(this, ...how);
      // f32.load, 2 for its alignment, and the offset, seven bits a byte
      const length = 2 + Math.max(Math.ceil((32 - Math.clz32(buffer.offset)) / 7), 1);
      lastLoad.set(this.em, { start: bytes.length - length, end: bytes.length });
      return 'f32';
    }
    const offset = emitAddress(this, buffer, [x, y, z]);
    const start = bytes.length;
    this.em.f32Load(offset);
    lastLoad.set(this.em, { start, end: bytes.length });
    return 'f32';
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
    if (!layout || !areNeighbours(this, layout, [x, y, z])) {
      return vGather.call(this, table, name, x, y, z, member);
    }
    const { em } = this;
    if (isPlain(this)) {
      em.v128Load(emitAddress(this, layout, [x, y, z]), 2);
      return 'vf32';
    }
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
