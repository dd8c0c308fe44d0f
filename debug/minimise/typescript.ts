/** A failing case as a test in TypeScript, for node's own runner: with this package, and an implementation that answers cases. */
import { caseToJson, jsonText, tensorToJson } from '../../reference/case-json.ts';
import { tensor } from '../../reference/tensor.ts';
import type { Testable } from './outputs.ts';

const WIDTH = 116;

/** JSON with a line for each field, and long lists broken. */
function block(value: unknown, indent = ''): string {
  const line = jsonText(value);
  if (line.length + indent.length <= WIDTH || typeof value !== 'object' || value === null) return line;
  const inner = `${indent}  `;
  if (!Array.isArray(value)) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{\n${fields.map(([name, field]) => `${inner}${JSON.stringify(name)}: ${block(field, inner)}`).join(',\n')}\n${indent}}`;
  }
  const lines: string[] = [];
  let now = '';
  for (const entry of value) {
    const text = jsonText(entry);
    if (now !== '' && now.length + text.length + inner.length + 2 > WIDTH) {
      lines.push(now);
      now = '';
    }
    now = now === '' ? text : `${now}, ${text}`;
  }
  return `[\n${[...lines, now].map((each) => inner + each).join(',\n')}\n${indent}]`;
}

/** The text of a TypeScript file. Whoever runs it says in `kernel` how theirs is called; until then it fails and says so. */
export function typescriptTest({ c, dtype, outputs, about }: Testable): string {
  const expected = Object.fromEntries(
    outputs.map(({ name, shape, expected, bound }) => [
      name,
      { expected: tensorToJson(tensor(expected, shape)), bound: tensorToJson(tensor(bound, shape)) },
    ]),
  );
  return `${about.map((line) => `// ${line}`.trimEnd()).join('\n')}
/**
 * Shapes: q, k [B,T,G,K]; v [B,T,H,V]; g [B,T,H], [B,T,H,K] or [H], the log of the decay; beta [B,T,H]; lambda [B,T,H,L];
 * initialState, finalState [n,H,L,K,V]. Runs with: node --test
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, type Case, parseCase } from 'log-linear-attention-conformance';

/** Call yours here. */
function kernel(_c: Case): Answer | Promise<Answer> {
  throw new Error('say in kernel() how yours is called');
}

const c = parseCase(${block(caseToJson(c))});

/** What is right, and how far off each number may be in ${dtype}. */
const wanted: Record<string, { expected: JsonNumbers; bound: JsonNumbers }> = ${block(expected)};

interface JsonNumbers {
  dtype?: string;
  shape: number[];
  data: (number | string)[];
}

test('${c.system}', async () => {
  const { o, finalState, gradients = {} } = await kernel(c);
  const tensors: Record<string, Answer['o'] | undefined> = { o, finalState };
  for (const [name, value] of Object.entries(gradients)) tensors[\`gradients.\${name}\`] = value;
  const wrong: string[] = [];
  for (const [name, { expected, bound }] of Object.entries(wanted)) {
    const value = tensors[name];
    if (value === undefined && name === 'finalState') continue;
    assert.ok(value, \`\${name} is missing\`);
    assert.deepEqual(value.shape, expected.shape, \`shape of \${name}\`);
    expected.data.forEach((each, i) => {
      const [a, e, b] = [value.data[i], Number(each), Number(bound.data[i])];
      if (a === e || Math.abs(a - e) <= b || b === Number.POSITIVE_INFINITY) return;
      wrong.push(\`\${name} number \${i} is \${a}, where \${e} is wanted, within \${b}\`);
    });
  }
  assert.equal(wrong.join('\\n'), '');
});
`;
}
