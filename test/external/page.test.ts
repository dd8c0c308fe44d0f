/** docs/protocol.md is all that a client needs: its clients are run under the laws, and its messages, fields and rules are those of the code. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { abilitiesOf, withDefaults } from '../../gate/external/implementation.ts';
import { type Rule, ruleOfField, rules } from '../../gate/external/rules.ts';
import { descriptionDefaults, gateMessages, programMessages } from '../../gate/external/schemas.ts';
import { faultOf, ownFaultOf } from '../../gate/external/validate.ts';
import { byteLength, encode } from '../../gate/external/wire.ts';
import { precisions } from '../../properties/precision.ts';
import { compute } from '../../reference/operator.ts';
import { systems } from '../../reference/systems/registry.ts';
import { tensor, toDense } from '../../reference/tensor.ts';

const page = readFileSync('docs/protocol.md', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'lla-page-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The text under a heading of the page. */
function section(heading: string): string {
  const parts = page.split(/^## /m).filter((part) => part.startsWith(`${heading}\n`));
  expect(parts, heading).toHaveLength(1);
  return parts[0].replace(/```(python|js)\n[\s\S]*?```/g, '');
}

const fences = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text);

/** Rows of the tables in a section, cells by cells, without heads and rules. */
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

/** Sentences as they are, wherever their lines end. */
const flat = (text: string): string => text.replace(/\s+/g, ' ');

/** JSON objects of the page: fenced, and inline between backquotes. */
function messages(): Record<string, unknown>[] {
  const prose = page.replace(/```[\s\S]*?```/g, '');
  const inline = [...prose.matchAll(/`(\{[^`]*\})`/g)].map(([, text]) => text);
  return [...fences('json'), ...inline].map((text) => JSON.parse(text) as Record<string, unknown>);
}

const propertiesOf = (schema: unknown): Record<string, { description?: string; default?: unknown }> =>
  (schema as { properties: Record<string, object> }).properties;
const fieldsOf = (schema: unknown): string[] => Object.keys(propertiesOf(schema)).filter((name) => name !== 'type');
const caseSchema = propertiesOf(gateMessages.case).case;

describe.each([
  ['python', 'py', 'python3'],
  ['js', 'mjs', process.execPath],
])('the %s client of the page', (language, ending, runner) => {
  it.skipIf(spawnSync(runner, ['--version']).status !== 0)('conforms: all laws that reach it hold', async () => {
    const [text, ...others] = fences(language);
    expect(others).toEqual([]);
    expect(text.split('\n').length).toBeLessThan(100);
    const file = join(folder, `client.${ending}`);
    writeFileSync(file, text);
    const args = ['dist/cli.js', 'gate', '--runs', '2', '--json', '--', runner, file];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    const { conforms, summary, verdicts } = JSON.parse(stdout);
    expect(conforms).toBe(true);
    expect(summary).toMatchObject({ failed: 0, errors: 0, blocked: 0 });
    // both systems, both dtypes, and what they announce is asked for
    expect(summary.passed).toBeGreaterThan(80);
    const passed = verdicts.filter(({ status }: { status: string }) => status === 'passed');
    for (const dtype of ['float64', 'float32']) {
      for (const system of ['linear', 'log-linear-linear']) {
        const laws = passed
          .filter((each: { dtype: string; system: string }) => each.dtype === dtype && each.system === system)
          .map(({ law }: { law: string }) => law);
        expect(laws).toContain('forward-within-its-bound');
        expect(laws).toContain('groups-equal-repeated-heads');
      }
    }
  });
});

describe('messages of the page', () => {
  const examples = messages().filter(({ type }) => type !== undefined);

  it.each(examples)('$type is one by its schema', (message) => {
    const isOurs = String(message.type) in gateMessages;
    expect(isOurs ? ownFaultOf(message as { type: string }) : faultOf(message)).toBeNull();
  });

  it('there is one of every type', () => {
    const types = [...new Set(examples.map(({ type }) => type))].sort();
    expect(types).toEqual([...Object.keys(gateMessages), ...Object.keys(programMessages)].sort());
  });

  it('the answer of the page is the one to its case', () => {
    const values: Record<string, number[]> = { q: [1, 2], k: [1, 1], v: [3, 4] };
    const asked = examples.find(({ type }) => type === 'case') as Record<string, never>;
    const answer = examples.find(({ type }) => type === 'answer') as Record<string, never>;
    const headers = asked.tensors as { name: string; shape: number[] }[];
    const inputs = Object.fromEntries(
      headers.map(({ name, shape }) => [name, tensor(Float64Array.from(values[name]), shape)]),
    );
    expect(flat(page)).toContain('the bytes of q = 1, 2, k = 1, 1 and v = 3, 4 behind it');
    expect(flat(page)).toContain('with the bytes of 1.5 and 7 behind it');
    expect([...toDense(compute({ ...(asked.case as object), inputs } as never).o)]).toEqual([1.5, 7]);
    expect(answer.id).toBe(asked.id);
    const [o] = answer.tensors as { dtype: 'float32'; shape: number[] }[];
    expect(encode([1.5, 7], 'float32')).toHaveLength(byteLength(o));
  });

  it('limits that are given as an example are limits', () => {
    const limits = messages().filter(({ K, T }) => K !== undefined && T !== undefined);
    expect(limits).toHaveLength(1);
    const [example] = messages().filter(({ type }) => type === 'description');
    expect(faultOf({ ...example, limits: limits[0] })).toBeNull();
  });
});

describe('fields and defaults', () => {
  it('of the description: the table is the schema', () => {
    const [, ...rows] = rowsOf(section('The gate asks what the program can do'));
    const required = programMessages.description.required as string[];
    const wanted = Object.entries(propertiesOf(programMessages.description))
      .filter(([name]) => name !== 'type')
      .map(([name, { description, default: standard }]) => {
        const otherwise = required.includes(name) ? 'required' : 'none';
        return [name, description, String(standard ?? otherwise)];
      });
    expect(rows.map(([name, meaning]) => [name, meaning]).map(([name]) => name)).toEqual(wanted.map(([name]) => name));
    expect(rows.map((cells) => [cells[0], cells[1].split('; see')[0], cells[2]])).toEqual(wanted);
  });

  it('of the description: what is left out is what the page says', () => {
    const described = withDefaults({ version: 1, name: 'x', systems: ['linear'], dtypes: ['float64'] });
    const { views: _, chunkSizes: __, limits, ...abilities } = abilitiesOf(described);
    const { chunkSize, ...flags } = descriptionDefaults();
    expect(abilities).toMatchObject(flags);
    expect(described.chunkSize).toBe(chunkSize);
    expect(limits).toEqual({});
  });

  it('of limits: the sentence is the schema', () => {
    const text = flat(section('The gate asks what the program can do'));
    expect(text).toContain(
      '`limits` has an object for any of the sizes `B`, `T`, `H`, `G`, `K`, `V`, with any of `min` (default 0 for T, 1 for the others), `max`, `multipleOf` (default 1) and `powerOfTwo` (default false).',
    );
    const letters = propertiesOf(propertiesOf(programMessages.description).limits);
    expect(Object.keys(letters).sort()).toEqual(['B', 'G', 'H', 'K', 'T', 'V']);
    for (const [letter, schema] of Object.entries(letters)) {
      const defaults = Object.entries(propertiesOf(schema)).map(([name, field]) => [name, field.default]);
      const min = letter === 'T' ? 0 : 1;
      expect(defaults).toEqual([
        ['min', min],
        ['max', undefined],
        ['multipleOf', 1],
        ['powerOfTwo', false],
      ]);
    }
  });

  it('of a case: the table is the schema', () => {
    const rows = rowsOf(section('The gate asks for an answer'));
    const table = rows.slice(1, 1 + fieldsOf(caseSchema).length);
    const standard: Record<string, string> = {
      system: 'always there',
      scale: '1',
      structure: '`{"kind": "weak", "base": 2}`',
      position: 'zeros',
      cuSeqlens: 'none',
      chunkSize: 'none',
    };
    const wanted = Object.entries(propertiesOf(caseSchema)).map(([name, field]) => {
      if (field.default !== undefined) expect(JSON.parse(standard[name].replaceAll('`', ''))).toEqual(field.default);
      return [name, field.description, standard[name]];
    });
    expect(table).toEqual(wanted);
  });

  it('of every message and tensor: each is named, and no other', () => {
    const schemas: object[] = [...Object.values(gateMessages), ...Object.values(programMessages), caseSchema];
    const tensors = (propertiesOf(gateMessages.case).tensors as { items: object }).items;
    const structure = propertiesOf(caseSchema).structure;
    const known = new Set([...schemas, tensors, structure].flatMap((schema) => ['type', ...fieldsOf(schema)]));
    const named = new Set<string>();
    const collect = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [name, each] of Object.entries(value)) {
        if (!Array.isArray(value)) named.add(name);
        collect(each);
      }
    };
    for (const message of messages().filter(({ K }) => K === undefined)) collect(message);
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
    const everywhere = new Set([...named, ...rowsOf(page).flatMap(([name]) => name)]);
    expect([...known].filter((name) => !everywhere.has(name))).toEqual([]);
  });

  it('of the systems: each has its row, with its inputs', () => {
    const rows = rowsOf(section('What is to be computed')).slice(1);
    const flats = systems.filter(({ logLinear }) => !logLinear);
    expect(rows.map(([name]) => name).sort()).toEqual(flats.map(({ name }) => name).sort());
    for (const [name, , , inputs] of rows) {
      const { required } = flats.find((system) => system.name === name) as (typeof flats)[number];
      const named = ['q', 'k', 'v', ...['g', 'beta'].filter((input) => new RegExp(`\\b${input}\\b`).test(inputs))];
      expect(named, name).toEqual(required);
    }
  });

  it('dtypes are named where they are explained', () => {
    const text = section('The gate asks what the program can do');
    for (const { name } of precisions) expect(text).toContain(`\`${name}\``);
  });
});

describe('rules that faults are explained with', () => {
  const fields = Object.entries(propertiesOf(programMessages.description)).filter(([name]) => name !== 'type');
  const required = programMessages.description.required as string[];
  const ofFields = fields.map(([name, field]): [string, Rule] => [
    `field ${name}`,
    ruleOfField(name, `${field.description} | ${field.default ?? (required.includes(name) ? 'required' : 'none')}`),
  ]);
  it.each([...Object.entries(rules), ...ofFields])('%s is on the page', (_name, { section: heading, says }) => {
    expect(flat(section(heading))).toContain(says);
  });
});
